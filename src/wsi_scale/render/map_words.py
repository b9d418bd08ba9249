"""The scale map in one line of words."""

from __future__ import annotations

from wsi_scale.judgement.places import ScaleMap


def map_headline(found: ScaleMap) -> str:
    """One line: how many tiles have a number, and from which scale to which.

    Examples
    --------
    >>> from wsi_scale.geometry import Box
    >>> map_headline(ScaleMap("a.svs", "figures", Box(0, 0, 9, 9), (), 3, 0.9))
    'no tile of 0 has a scale of its own; stopped after 0 of 3'
    """
    scales = [tile.scale for tile in found.numbered if tile.scale is not None]
    count = len(found.tiles)
    stopped = f"; stopped after {count} of {found.planned}" if found.partial else ""
    if not scales:
        return f"no tile of {count} has a scale of its own{stopped}"
    good = sum(tile.verdict == "ok" for tile in found.tiles)
    sure = f", {good} ok" if good else ", none sure by itself"
    return (
        f"scales {min(scales):.3g} to {max(scales):.3g} in {len(scales)} of {count} tiles"
        f"{sure}{stopped}"
    )
