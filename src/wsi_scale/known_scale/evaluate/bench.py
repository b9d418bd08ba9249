"""The settings of a bench and the files of its results; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from pydantic import BaseModel, ConfigDict, ValidationError

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.contract import Options
from wsi_scale.estimators.profile_file import Profile, load_profile
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.evaluate.manifest import Manifest, Row
from wsi_scale.known_scale.evaluate.windows import ScaleWindow, draw_factors, fair_windows, union
from wsi_scale.networks.identity import files_of_spec, hash_files, selective_of_spec
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings, make_settings


@dataclass(frozen=True)
class Bench:
    """One network, slides whose right scale is known, and how to measure them."""

    out: Path
    """Folder for all results."""
    manifest: Manifest
    network: str = DEFAULT_NETWORK
    """SPEC of the network."""
    factors: tuple[ScaleWindow, ...] | None = None
    """The windows to search, as factors of the right scale; None: drawn for each slide."""
    sites: int = 46
    """Sites measured on each slide."""
    per_octave: float = 8
    """Scales per octave."""
    seed: int = 0
    device: str = "auto"
    profile: Path | None = None
    """Profile file from ``wsi-scale calibrate`` for this network."""

    def __post_init__(self) -> None:
        self.settings(ScaleWindow(1, 2))

    @property
    def note(self) -> Path:
        """The file that records the settings."""
        return self.out / "run.json"

    def settings(self, window: ScaleWindow) -> Settings:
        """Settings for one window. Raises SettingsError for values that cannot be used."""
        return make_settings(
            scales=(window.lo, window.hi),
            dense=True,
            sites=self.sites,
            per_octave=self.per_octave,
            seed=self.seed,
            options=self.options({}),
        )

    def options(self, setting: Mapping[str, Any]) -> Options:
        """Options for a question: its setting, the profile, and what the network's card gives."""
        return Options(**{"selective": self.selective, "profile": self.learnt, **setting})

    @cached_property
    def learnt(self) -> Profile | None:
        """The profile; None without one. Raises SettingsError if its file is damaged."""
        return None if self.profile is None else load_profile(self.profile)

    @cached_property
    def selective(self) -> float | None:
        """What ``recognition`` needs to know about the network, from its card."""
        return selective_of_spec(self.network)

    def windows(self, row: Row, truth: float) -> tuple[ScaleWindow, ...]:
        """The windows in which a slide is searched, as scales. They depend on the slide's name and
        the seed, not on its place in the manifest."""
        factors = self.factors or draw_factors(self.seed, number_of(row))
        return tuple(window.times(truth) for window in factors)

    def fair(self, row: Row, truth: float, grid: ScaleGrid) -> tuple[ScaleWindow, ...]:
        """The same windows, cut to a measured grid, if they are still fair."""
        return fair_windows(self.windows(row, truth), grid, truth)

    def whole(self, row: Row, truth: float) -> ScaleWindow:
        """The window that is measured; it holds all others."""
        return union(self.windows(row, truth))

    def file(self, row: Row, ending: str) -> Path:
        """One of the files with a slide's measurements."""
        return self.out / "responses" / f"{self._stems[row.slide]}{ending}"

    @cached_property
    def _stems(self) -> dict[str, str]:
        return {row.slide: self.manifest.stem(row) for row in self.manifest.rows}

    def describe(self) -> dict[str, Any]:
        """Everything on which the measurements depend, for the note."""
        return {
            "manifest": self.manifest.sha256,
            "network": self.network,
            "weights": hash_files(files_of_spec(self.network)),
            "windows": [[x.lo, x.hi] for x in self.factors] if self.factors else "drawn",
            "sites": self.sites,
            "per_octave": self.per_octave,
            "seed": self.seed,
            "device": self.device,
            "profile": None if self.profile is None else hash_files([str(self.profile)]),
        }


RESPONSES, BY_CHANCE, DICE, NOTE = ".npz", ".random.npz", ".dice.npz", ".json"
"""Endings of a slide's files: responses of the network, responses of random weights, Dice at each
scale, and ``Measured``, which is written last."""


class Measured(BaseModel):
    """What is stored with a slide's responses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slide: str
    truth: float
    """The right scale, level-0 px per network px."""
    seconds: float
    """Time to cut the patches and run the network."""
    random_seconds: float
    """Time to run the network with random weights."""
    warnings: tuple[str, ...] = ()


def read_measured(bench: Bench, row: Row) -> Measured | None:
    """What is stored about a measured slide; None if it has not been measured yet.

    Raises SettingsError for a damaged file.
    """
    path = bench.file(row, NOTE)
    if not path.exists():
        return None
    try:
        return Measured.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise SettingsError(f"{path} is damaged; delete it and run again") from None


def number_of(row: Row) -> int:
    """A whole number that depends only on the slide's name."""
    return crc32(row.slide.encode())
