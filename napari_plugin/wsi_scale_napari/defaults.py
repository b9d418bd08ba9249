"""The dock's default network and device, from napari's preferences. Read, never written."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from wsi_scale.pipeline.settings import DEFAULT_NETWORK


class Defaults(NamedTuple):
    network: str
    device: str


def read_defaults() -> Defaults:
    """The user's network and device; ours if none are set or napari does not know the plugin."""
    from napari.settings import get_plugin_settings

    with suppress(KeyError, AttributeError):
        chosen = get_plugin_settings("wsi-scale").defaults
        return Defaults(chosen.network or DEFAULT_NETWORK, chosen.device)
    return Defaults(DEFAULT_NETWORK, "auto")
