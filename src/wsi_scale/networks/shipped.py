"""The networks that come with wsi-scale, found by their folders; listing them needs no torch."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "bundled"
"""Holds one folder per network, with ``card.toml`` and weights."""


def bundled_names() -> tuple[str, ...]:
    """Names of the networks that come with wsi-scale, in alphabetical order.

    Returns
    -------
    tuple[str, ...]
        Each is a SPEC.

    Examples
    --------
    >>> from wsi_scale.networks import bundled_names
    >>> bundled_names()
    ('figures', 'histology')
    """
    return tuple(sorted(card.parent.name for card in FOLDER.glob("*/card.toml")))
