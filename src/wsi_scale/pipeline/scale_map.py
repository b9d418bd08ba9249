"""The scale map: the run's question asked again in every part of the tissue."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import SettingsError, SiteError, SlideError
from wsi_scale.geometry import Box
from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.pipeline.iterate import iter_estimates, opened
from wsi_scale.pipeline.map_tiles import lay_tiles, tissue_in
from wsi_scale.pipeline.planning import highest_that_fits, patch_size, wished_grid
from wsi_scale.pipeline.progress import Progress
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.pipeline.visit_loop import SiteVisits
from wsi_scale.sites.choose import place_sites
from wsi_scale.sites.overview import Survey
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

WIDEST = 4.0
"""An interval whose ends lie further apart than this factor tells no scale: the tile gets none."""


UNTESTED = (
    "the answer of a part of a slide is never called ok, because on drawn slides some were wrong"
)
"""Six tiles of drawn figures: two intervals of answers that would have been ok missed the truth."""


def scale_map(
    slide: str | os.PathLike[str] | Slide | Any,
    network: str | Network = DEFAULT_NETWORK,
    settings: Settings | None = None,
    *,
    tile: float | None = None,
) -> ScaleMap:
    """The scale at which a network sees each part of a slide best.

    The tissue is divided into tiles. Each is treated as a slide of its own: 16 sites are measured,
    no patch reaches beyond the tile, and the pooled answer is judged by the same rules, with an
    interval, a verdict and a reason; but it is never ``ok``. What follows from µm/px is left out,
    as it is the same everywhere: a tile's number comes from what the network saw in the tile.

    Parameters
    ----------
    slide : path, Slide or array
        As for ``estimate_slide``.
    network : str or Network
        A SPEC or a loaded Network.
    settings : Settings, optional
        How to measure. ``sites`` counts for the slide as a whole, not for a tile.
    tile : float, optional
        Side of a tile, level-0 px, about: tiles divide the slide evenly. Default: 2.5 patches at
        the slide's scale, or more where that would be more than about 48 tiles.

    Returns
    -------
    ScaleMap
        A tile's ``scale`` is None where its own sites give no number.

    Raises
    ------
    WsiScaleError
        When slide, network, settings or tile cannot be used, or the slide is blank.

    Examples
    --------
    >>> slide = "synthetic:figures?seed=1&stretch=0.4&width=1400&height=700"
    >>> found = scale_map(slide, "figures", Settings(scales=(1, 4), per_octave=2), tile=700)
    >>> [round(tile.scale) for tile in found.tiles]
    [2, 2]
    """
    settings = settings or Settings()
    with opened(slide, settings) as ready:
        (last,) = deque(iter_estimates(ready, network, settings), maxlen=1)
        (found,) = deque(map_tile_by_tile(last, tile=tile), maxlen=1)
        return found


def map_tile_by_tile(progress: Progress, *, tile: float | None = None) -> Iterator[ScaleMap]:
    """The map, once before the first tile and once after each; the slide must still be open.

    progress: the end of a run, whose slide, network and settings are used.
    """
    run = progress.run
    if run.network.absent:
        raise SettingsError(
            f"a map needs a network that is here, and {run.network.name} is not; leave out --map"
        )
    found = run.tissue
    if found is None:
        raise SettingsError(f"{run.slide.path} has no tissue to map; leave out --map")
    answer = progress.estimate
    boxes = lay_tiles(run, found, None if answer is None else answer.scale, tile)
    map_ = ScaleMap(
        run.slide.path,
        run.network.name,
        run.slide.bounds,
        (),
        len(boxes),
        run.settings.interval_level,
    )
    yield map_
    for box in boxes:
        map_ = replace(map_, tiles=(*map_.tiles, _answer(run, found, box)))
        yield map_


def _answer(run: Run, found: Survey, box: Box) -> MapTile:
    """What the sites of one tile say."""
    try:
        visits = SiteVisits(_run_in(run, found, box), time.monotonic())
        for _ in visits.measure(None, lambda: False):
            pass
    except (SiteError, SlideError, SettingsError) as error:
        return MapTile(box, None, None, "blank", str(error), 0)
    own = visits.answer
    if own is None:
        return MapTile(box, None, None, "blank", "nothing could be measured", 0)
    scale, reason, verdict = own.scale, own.reason, own.verdict
    if verdict == "ok":
        verdict, reason = "ambiguous", f"{UNTESTED}; {reason}"
    if own.interval is not None and own.interval[1] > WIDEST * own.interval[0]:
        low, high = own.interval
        scale = None
        reason = f"its sites place the scale only between {low:.3g} and {high:.3g}; also, {reason}"
    return MapTile(box, scale, own.interval, verdict, reason, len(own.sites))


def _run_in(run: Run, found: Survey, box: Box) -> Run:
    """The run on one tile, as if the slide ended at its rim: no patch shows its neighbours."""
    lo, hi = run.grid.scales[0], run.grid.scales[-1]
    part = copy(run.slide)  # the same open file; only the whole is closed
    part.bounds = box
    size, widest = patch_size(part, run.network, run.settings, lo, hi)
    least = 2 * lo * size
    inside = tissue_in(found, box)
    seed, count = run.settings.seed, ENOUGH_SITES
    sites = place_sites(part, inside, count, seed=seed, window_px=widest, min_window_px=least)
    hi, _ = highest_that_fits(part, sites, size, lo, hi)
    settings = run.settings.model_copy(update={"precision": None})
    grid = wished_grid(lo, hi, settings)
    return replace(
        run, slide=part, sites=tuple(sites), grid=grid, settings=settings, input_size=size
    )
