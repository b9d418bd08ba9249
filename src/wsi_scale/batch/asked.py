"""What every slide of a batch is asked, in a form that crosses to other processes as text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from wsi_scale.errors import SettingsError
from wsi_scale.networks.identity import absolute_spec, files_of_spec, hash_files
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.version import __version__

GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What one process may use for a slide."""

    memory: float = 8.0
    """GiB; a process that holds more is ended and its slide is a row that says so."""
    seconds: float = 3600.0
    """For one slide; likewise."""

    def __post_init__(self) -> None:
        if not 0 < self.memory < float("inf"):
            raise SettingsError(f"the memory of a process is above 0 GiB, got {self.memory:g}")
        if not 0 < self.seconds < float("inf"):
            raise SettingsError(
                f"the time for a slide is above 0 minutes, got {self.seconds / 60:g}"
            )


@dataclass(frozen=True)
class Asked:
    """The question. Files are named by absolute paths: processes may run elsewhere."""

    network: str
    """SPEC."""
    settings: Settings
    device: str = "auto"
    limits: Limits = Limits()

    @classmethod
    def of(cls, network: str, settings: Settings, device: str, limits: Limits) -> Asked:
        """Raises SettingsError for settings that hold what no text can carry."""
        options = settings.options
        if options.reference is not None or options.profile is not None:
            raise SettingsError(
                "a batch carries settings as text: name a profile by its file, and leave a "
                "reference to estimate_slide"
            )
        if settings.profile is not None:
            profile = os.path.abspath(settings.profile)
            settings = settings.model_copy(update={"profile": profile})
        return cls(absolute_spec(network), settings, device, limits)

    def describe(self) -> dict[str, Any]:
        """What decides the answers: rows of another description are never mixed with these."""
        profile = self.settings.profile
        return {
            "network": self.network,
            "network files": hash_files(files_of_spec(self.network)),
            "profile file": hash_files([x for x in [profile] if x and os.path.isfile(x)]),
            "settings": self.settings.model_dump(mode="json"),
        }

    def task(self, path: str | None, weights: str | None = None) -> dict[str, Any]:
        """The message to a process about one slide; about the network alone where path is None.

        weights: what the network's state hashes to, so that no process asks another network.
        """
        return {
            "path": path,
            "network": self.network,
            "device": self.device,
            "settings": self.settings.model_dump(mode="json"),
            "weights": weights,
            "version": __version__,
            "memory": self.limits.memory,
            "seconds": self.limits.seconds,
        }
