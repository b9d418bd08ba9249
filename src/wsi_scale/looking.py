"""Sites become responses: pyramids read ahead, patches measured, colours freed of stain."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from wsi_scale.assemble import Run
from wsi_scale.errors import SlideError
from wsi_scale.geometry import Site
from wsi_scale.pyramid import Pyramid, sample_pyramid
from wsi_scale.responses import Responses

FIT_SITES = 24
"""Colours are fitted on at most so many sites, spread evenly: their patches are held at once, and
six numbers a scale need no more."""

_READ_AHEAD = 2

log = logging.getLogger(__name__)


def read_ahead(run: Run, sites: Sequence[Site]) -> Iterator[Pyramid | SlideError]:
    """Pyramids in the order of the sites, a few read before they are asked for.

    A region that cannot be decoded gives its error in place of a pyramid.
    """

    def cut(site: Site) -> Pyramid | SlideError:
        try:
            return sample_pyramid(run.slide, site, run.grid, size=run.input_size)
        except SlideError as error:
            log.warning("site (%.0f, %.0f) dropped: %s", site.x, site.y, error)
            return error

    waiting = iter(sites)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="wsi-scale-read") as reader:
        try:
            ahead = [reader.submit(cut, site) for site in islice(waiting, _READ_AHEAD)]
            while ahead:
                ready = ahead.pop(0).result()
                ahead.extend(reader.submit(cut, site) for site in islice(waiting, 1))
                yield ready
        finally:
            reader.shutdown(wait=True, cancel_futures=True)


def measure_site(run: Run, pyramid: Pyramid) -> Responses:
    """What the network answers to one pyramid."""
    from wsi_scale.measure import measure_responses

    settings = run.settings
    return measure_responses(
        run.network,
        [pyramid],
        layers=settings.layers,
        target=settings.target,
        batch_size=settings.batch_size,
    )


def free_of_colour(run: Run, parts: Sequence[Responses]) -> Iterator[Responses]:
    """The sites' responses again, one by one, with colour-freed ones beside the plain ones.

    parts: one site each. The slide is read a second time, so that a run with many sites need not
    hold their patches. Nothing is added if the network has no BatchNorm to fit colours by.
    """
    from wsi_scale.colour_fit import add_freed, fit_colours, recolour

    sites = [part.sites[0] for part in parts]
    spread = np.unique(np.linspace(0, len(sites) - 1, FIT_SITES).round().astype(int))
    cut = list(read_ahead(run, [sites[i] for i in spread]))
    readable = [pyramid for pyramid in cut if isinstance(pyramid, Pyramid)]
    if not readable:
        yield from parts
        return
    colours = fit_colours(run.network, readable, batch_size=run.settings.batch_size)
    if not any(colours):
        yield from parts
        return
    for part, pyramid in zip(parts, read_ahead(run, sites), strict=True):
        if isinstance(pyramid, SlideError):
            yield part
        else:
            yield add_freed(part, measure_site(run, recolour(pyramid, colours)))
