"""Turns sites into responses: reads pyramids ahead, measures patches, fits colours."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Site
from wsi_scale.pipeline.run import Run
from wsi_scale.responses.record import Responses
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.responses.colour_fit import Colour

    Colours = dict[float, Colour | None]
    """The colour change of each scale; None if none could be fitted."""

FIT_SITES = 24
"""Colours are fitted on at most this many sites, spread evenly. Their patches are all in memory at
once, and six numbers per scale need no more."""

MOST_READERS = 8
"""At most this many threads read for an accelerator."""

log = logging.getLogger(__name__)


def read_ahead(run: Run, sites: Sequence[Site]) -> Iterator[Pyramid | SlideError]:
    """Pyramids in the order of the sites, read and resampled in advance.

    To bound memory, at most one more pyramid waits than there are reading threads. A region that
    cannot be decoded gives its error instead of a pyramid.
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
    """Threads that read ahead: one if the network runs on the processors, else one fewer than there
    are processors, up to MOST_READERS."""
    if network.device.type == "cpu":
        return 1
    return min(MOST_READERS, max(1, (os.cpu_count() or 1) - 1))


def measure_site(run: Run, pyramid: Pyramid, target: str | int | None = None) -> Responses:
    """Responses of the network to one pyramid; target replaces that of the settings."""
    from wsi_scale.responses.measure import measure_responses

    settings = run.settings
    return measure_responses(
        run.network,
        [pyramid],
        layers=settings.layers,
        target=settings.target if target is None else target,
        batch_size=settings.batch_size,
    )


def _target_of(part: Responses) -> int | None:
    """The class that was the target at a site before; None without classes."""
    return int(part.target[0]) if part.classes else None


def visit(run: Run, sites: Sequence[Site]) -> Iterator[Responses | SlideError]:
    """Responses of the network at each site, or the error if it could not be read."""
    for pyramid in read_ahead(run, sites):
        yield pyramid if isinstance(pyramid, SlideError) else measure_site(run, pyramid)


def visit_again(run: Run, parts: Sequence[Responses]) -> Iterator[Responses | SlideError]:
    """The parts, one per site, extended by the responses at the scales of the run's grid.

    parts: their grid holds these scales, still without rows. A site keeps its target.
    """
    sites = [part.sites[0] for part in parts]
    for part, pyramid in zip(parts, read_ahead(run, sites), strict=True):
        if isinstance(pyramid, SlideError):
            yield pyramid
        elif not pyramid.indices:
            yield part
        else:
            more = measure_site(run, pyramid, _target_of(part))
            yield part.beside(more.on_larger_grid(part.grid))


def visit_freed(run: Run, parts: Sequence[Responses], colours: Colours) -> Iterator[Responses]:
    """The parts, extended by colour-fitted responses at the scales of the run's grid.

    The slide is read a second time, so that a run with many sites need not keep their patches.
    Nothing is added if no colours could be fitted.
    """
    from wsi_scale.responses.colour_fit import add_freed, recolour

    changes = [colours.get(scale) for scale in run.grid.scales]
    if not any(changes):
        yield from parts
        return
    sites = [part.sites[0] for part in parts]
    for part, pyramid in zip(parts, read_ahead(run, sites), strict=True):
        if isinstance(pyramid, SlideError) or not pyramid.indices:
            yield part
        else:
            freed = measure_site(run, recolour(pyramid, changes), _target_of(part))
            yield add_freed(part, freed.on_larger_grid(part.grid))


def find_colours(run: Run, sites: Sequence[Site], known: Colours) -> Colours:
    """For each scale of the grid, the colours in which the sites come closest to the training data.

    known: colours of other scales; the fit starts from the next larger scale.
    """
    from wsi_scale.responses.colour_fit import fit_colours

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
