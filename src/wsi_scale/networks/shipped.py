"""The networks that come with wsi-scale, told by their folders: no torch is needed to list them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "bundled"
"""One folder each, by its name, with ``card.toml`` and weights."""


def bundled_names() -> tuple[str, ...]:
    """Names of the networks that come with wsi-scale."""
    return tuple(sorted(card.parent.name for card in FOLDER.glob("*/card.toml")))
