"""Sites become responses: pyramids read ahead, patches measured, colours freed of stain."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wsi_scale.assemble import Run
from wsi_scale.errors import SlideError
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.pyramid import Pyramid, sample_pyramid
from wsi_scale.responses import Responses, merge
from wsi_scale.slide import Slide

if TYPE_CHECKING:
    from wsi_scale.colour_fit import Colour
    from wsi_scale.networks import Network

    Colours = dict[float, Colour | None]
    """The colour change of each scale; None where none could be fitted."""

FIT_SITES = 24
"""Colours are fitted on at most so many sites, spread evenly: their patches are held at once, and
six numbers a scale need no more."""

MOST_READERS = 8
"""Threads that read for an accelerator, at most."""

log = logging.getLogger(__name__)


def read_ahead(run: Run, sites: Sequence[Site]) -> Iterator[Pyramid | SlideError]:
    """Pyramids in the order of the sites, read and resampled before they are asked for.

    As many wait as are being read, and one more: that bounds the memory. A region that cannot be
    decoded gives its error in place of a pyramid.
    """

    def cut(site: Site) -> Pyramid | SlideError:
        try:
            return sample_pyramid(run.slide, site, run.grid, size=run.input_size)
        except SlideError as error:
            log.warning("site (%.0f, %.0f) dropped: %s", site.x, site.y, error)
            return error

    waiting, count = iter(sites), readers_for(run.network)
    with ThreadPoolExecutor(max_workers=count, thread_name_prefix="wsi-scale-read") as reader:
        try:
            ahead = [reader.submit(cut, site) for site in islice(waiting, count + 1)]
            while ahead:
                ready = ahead.pop(0).result()
                ahead.extend(reader.submit(cut, site) for site in islice(waiting, 1))
                yield ready
        finally:
            reader.shutdown(wait=True, cancel_futures=True)


def readers_for(network: Network) -> int:
    """Threads that read ahead: one where the network needs the processors itself, else as many as
    there are processors but one, up to MOST_READERS."""
    if network.device.type == "cpu":
        return 1
    return min(MOST_READERS, max(1, (os.cpu_count() or 1) - 1))


def measure_site(run: Run, pyramid: Pyramid, target: str | int | None = None) -> Responses:
    """What the network answers to one pyramid; target: instead of that of the settings."""
    from wsi_scale.measure import measure_responses

    settings = run.settings
    return measure_responses(
        run.network,
        [pyramid],
        layers=settings.layers,
        target=settings.target if target is None else target,
        batch_size=settings.batch_size,
    )


def look(run: Run, sites: Sequence[Site]) -> Iterator[Responses | SlideError]:
    """What the network answers at each site, or why it could not be read."""
    for pyramid in read_ahead(run, sites):
        yield pyramid if isinstance(pyramid, SlideError) else measure_site(run, pyramid)


def look_again(run: Run, parts: Sequence[Responses]) -> Iterator[Responses | SlideError]:
    """Responses of one site each, with those at the scales of the run's grid beside them.

    parts: on a grid that holds these scales, which have no rows yet. A site's target stays.
    """
    sites = [part.sites[0] for part in parts]
    for part, pyramid in zip(parts, read_ahead(run, sites), strict=True):
        if isinstance(pyramid, SlideError):
            yield pyramid
        elif not pyramid.indices:
            yield part
        else:
            more = measure_site(run, pyramid, int(part.target[0]))
            both = merge([part, on_larger_grid(more, part.grid)])
            yield replace(both, sites=part.sites, site_index=np.zeros_like(both.site_index))


def look_freed(run: Run, parts: Sequence[Responses], colours: Colours) -> Iterator[Responses]:
    """The same responses, with colour-freed ones at the scales of the run's grid beside them.

    The slide is read a second time, so that a run with many sites need not hold their patches.
    Nothing is added where no colours could be fitted.
    """
    from wsi_scale.colour_fit import add_freed, recolour

    changes = [colours.get(scale) for scale in run.grid.scales]
    if not any(changes):
        yield from parts
        return
    sites = [part.sites[0] for part in parts]
    for part, pyramid in zip(parts, read_ahead(run, sites), strict=True):
        if isinstance(pyramid, SlideError) or not pyramid.indices:
            yield part
        else:
            freed = measure_site(run, recolour(pyramid, changes), int(part.target[0]))
            yield add_freed(part, on_larger_grid(freed, part.grid))


def find_colours(run: Run, sites: Sequence[Site], known: Colours) -> Colours:
    """Colours in which the sites come closest to the training data, at the scales of the grid.

    known: those of other scales; the fit starts at the one next above.
    """
    from wsi_scale.colour_fit import fit_colours

    scales = run.grid.scales
    spread = np.unique(np.linspace(0, len(sites) - 1, FIT_SITES).round().astype(int))
    cut = list(read_ahead(run, [sites[i] for i in spread]))
    readable = [pyramid for pyramid in cut if isinstance(pyramid, Pyramid)]
    if not readable:
        return {}
    above = [scale for scale, colour in known.items() if scale > scales[-1] and colour]
    start = known[min(above)] if above else None
    size = run.settings.batch_size
    found = fit_colours(run.network, readable, batch_size=size, start=start)
    return dict(zip(scales, found, strict=True))


def cut_strip(
    slide: Slide, site: Site, grid: ScaleGrid, size: int, *, nearest: float | None, count: int = 7
) -> list[tuple[float, NDArray[np.uint8]]]:
    """Patches of one site at scales spread over the grid, as the network saw them.

    nearest: a scale that is shown exactly, in place of the patch closest to it.
    Returns up to ``count`` pairs (scale, (size, size, 3) uint8), finest first.
    """
    fits = [scale for scale in grid.scales if scale <= reach(slide.bounds, site, size)]
    if not fits:
        return []
    wished = list(np.geomspace(fits[0], fits[-1], count)) if len(fits) > 1 else fits
    if nearest is not None and nearest <= fits[-1]:
        wished[int(np.argmin(np.abs(np.log(np.array(wished) / nearest))))] = nearest
    scales = ScaleGrid(tuple(sorted({float(scale) for scale in wished})))
    pyramid = sample_pyramid(slide, site, scales, size=size)
    return [
        (scales.scales[index], patch)
        for index, patch in zip(pyramid.indices, pyramid.patches, strict=True)
    ]


def show(
    run: Run, responses: Responses, scale: float | None
) -> list[tuple[float, NDArray[np.uint8]]]:
    """A strip of patches around the answer, where a segmenter finds most, with what it finds there
    outlined. Raises SlideError when a region cannot be decoded."""
    from wsi_scale.networks.predictions import outlined

    site = telling_site(responses, scale)
    return outlined(
        run.network, cut_strip(run.slide, site, run.grid, run.input_size, nearest=scale)
    )


def telling_site(responses: Responses, scale: float | None) -> Site:
    """Where a segmenter found most at the measured scale nearest to ``scale``, among the sites that
    have it; the first site for a classifier, or without a scale."""
    if responses.task != "segment" or scale is None:
        return responses.sites[0]
    found = responses.target_shares()
    octaves = np.abs(np.log2(np.array(responses.grid.scales) / scale))
    octaves[~np.isfinite(found).any(axis=0)] = np.inf
    return responses.sites[int(np.nanargmax(found[:, int(octaves.argmin())]))]


def on_larger_grid(part: Responses, grid: ScaleGrid) -> Responses:
    """The same rows on a grid that has other scales besides."""
    place = np.searchsorted(grid.scales, part.grid.scales)
    index = place[part.scale_index].astype(part.scale_index.dtype)
    return replace(part, grid=grid, scale_index=index)
