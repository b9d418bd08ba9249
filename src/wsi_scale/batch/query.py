"""The query of a batch (network, settings, limits), which other processes receive as text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsi_scale.errors import SettingsError
from wsi_scale.networks.identity import absolute_spec, files_of_spec, hash_files
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.version import __version__
from wsi_scale.slide.metadata import GIVEN, check_mpp

GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What one process may use for a slide. A slide that needs more becomes a failed row.

    Examples
    --------
    >>> Limits(memory=4, seconds=600)
    Limits(memory=4, seconds=600)
    """

    memory: float = 8.0
    """Memory of the process in GiB, above 0. A process that uses more is ended."""
    seconds: float = 3600.0
    """Time for one slide, above 0. A process that takes longer is ended."""

    def __post_init__(self) -> None:
        if not 0 < self.memory < float("inf"):
            raise SettingsError(
                f"the memory limit of a process must be above 0 GiB, got {self.memory:g}"
            )
        if not 0 < self.seconds < float("inf"):
            raise SettingsError(
                f"the time limit for a slide must be above 0 minutes, got {self.seconds / 60:g}"
            )


@dataclass(frozen=True)
class Asked:
    """The query. Its file paths are absolute, because processes may run in other folders."""

    network: str
    """SPEC."""
    settings: Settings
    device: str = "auto"
    limits: Limits = Limits()
    mpp_of: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """µm per level-0 px (x, y) of single slides, by path; it comes before that of the settings."""

    @classmethod
    def of(cls, network: str, settings: Settings, device: str, limits: Limits) -> Asked:
        """The query with absolute paths. Raises SettingsError for settings that are not text."""
        options = settings.options
        if options.reference is not None or options.profile is not None:
            raise SettingsError(
                "a batch sends its settings as text; name a profile by its file, and use "
                "estimate_slide where a reference is needed"
            )
        if settings.profile is not None:
            profile = os.path.abspath(settings.profile)
            settings = settings.model_copy(update={"profile": profile})
        return cls(absolute_spec(network), settings, device, limits)

    def describe(self) -> dict[str, Any]:
        """Everything that decides the answers. Rows with different descriptions never mix."""
        profile = self.settings.profile
        return {
            "network": self.network,
            "network files": hash_files(files_of_spec(self.network)),
            "profile file": hash_files([x for x in [profile] if x and os.path.isfile(x)]),
            "settings": self.settings.model_dump(mode="json"),
        }

    def settings_for(self, path: str | None) -> Settings:
        """The settings for one slide."""
        mpp = None if path is None else self.mpp_of.get(path)
        return self.settings if mpp is None else self.settings.model_copy(update={"mpp": mpp})

    def holds(self, path: str, mpp: object, source: str | None) -> bool:
        """Whether an answer about a slide used the µm/px that is asked for now."""
        wanted = check_mpp(self.settings_for(path).mpp)
        if wanted is None:
            return source != GIVEN
        return source == GIVEN and isinstance(mpp, list | tuple) and tuple(mpp) == wanted

    def task(self, path: str | None, weights: str | None = None) -> dict[str, Any]:
        """The message to a process about one slide, or about the network alone if path is None.

        weights: hash of the network's state, so that no process uses a different network.
        """
        return {
            "path": path,
            "network": self.network,
            "device": self.device,
            "settings": self.settings_for(path).model_dump(mode="json"),
            "weights": weights,
            "version": __version__,
            "memory": self.limits.memory,
            "seconds": self.limits.seconds,
        }
