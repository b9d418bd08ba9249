"""BioImage.IO: size, scale and unit of the space axes of an ``rdf.yaml`` (format 0.5)."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "bioimageio"
TOOL = "BioImage.IO"
GIVES = "the space axes of a model's rdf.yaml, with scale and unit"
NEEDS = ("scale", "mpp")


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """The axes of one network, from one report or from many that agree."""
    spread = sorted(facts.target_mpp for facts in slides)
    mpp = spread[len(spread) // 2]
    more = [f"network {slides[0].network}: {mpp:.4g} µm/px"]
    if len(slides) > 1:
        more += [f"the median of {len(slides)} slides, {spread[0]:.4g} to {spread[-1]:.4g} µm/px"]
    axes = "".join(
        f"  - {{type: space, id: {axis}, size: {slides[0].tile_px}, scale: {mpp!r}, "
        "unit: micrometer}\n"
        for axis in "yx"
    )
    return heading(TOOL, slides, left_out, *more) + "axes:\n" + axes
