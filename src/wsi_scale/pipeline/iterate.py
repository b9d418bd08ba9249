"""One slide, end to end. Prints nothing and draws nothing."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NoTissueError, SettingsError
from wsi_scale.judgement.estimate import blank_estimate
from wsi_scale.pipeline.ask_the_ruler import ask_only_the_ruler
from wsi_scale.pipeline.planning import (
    notes_of,
    plan_run,
    plan_without_network,
    wished_grid,
    with_card,
)
from wsi_scale.pipeline.progress import Progress
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.pipeline.visit_loop import SiteVisits
from wsi_scale.report import Report
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import check_mpp
from wsi_scale.slide.readers import open_slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


def estimate_slide(
    slide: str | os.PathLike[str] | Slide | Any,
    network: str | Network = DEFAULT_NETWORK,
    settings: Settings | None = None,
) -> Report:
    """Report on the scale at which a network sees a slide best.

    Parameters
    ----------
    slide : path, Slide or array
        A path, an open Slide, an array (H, W, 3) uint8, or a list of arrays, finest first.
    network : str or Network
        A SPEC, such as the name of a bundled network, or a loaded Network.
    settings : Settings, optional
        How to measure; the defaults suit most slides.

    Returns
    -------
    Report
        The answer. Its ``scale`` is in level-0 px per network px, along one side; larger is
        coarser. It is None under the verdicts ``flat``, ``blank`` and ``no_evidence``.

    Raises
    ------
    WsiScaleError
        When slide, network or settings cannot be used; the message is one sentence.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> glass = np.full((300, 400, 3), 255, np.uint8)
    >>> report = estimate_slide(glass, "figures")
    >>> report.verdict, report.scale
    ('blank', None)
    """
    (last,) = deque(iter_estimates(slide, network, settings), maxlen=1)
    report = last.report()
    assert report is not None  # a finished Progress always has an answer
    return report


def iter_estimates(
    slide: str | os.PathLike[str] | Slide | Any,
    network: str | Network = DEFAULT_NETWORK,
    settings: Settings | None = None,
) -> Iterator[Progress]:
    """Estimate with live progress: one Progress per visit to a site; the last one is finished.

    Close the iterator to stop at any time. ``Progress.report()`` of the last Progress is then the
    partial result.

    Parameters
    ----------
    slide : path, Slide or array
        As for ``estimate_slide``.
    network : str or Network
        A SPEC or a loaded Network.
    settings : Settings, optional
        How to measure.

    Yields
    ------
    Progress
        Visits done and planned, and the answer so far.

    Raises
    ------
    WsiScaleError
        When slide, network or settings cannot be used; the message is one sentence.

    Examples
    --------
    >>> from wsi_scale import Settings, iter_estimates
    >>> slide = "synthetic:figures?seed=1&stretch=0.5&width=900&height=800"
    >>> settings = Settings(sites=3, scales=(1, 4), dense=True, per_octave=2)
    >>> [(step.done, step.total) for step in iter_estimates(slide, "figures", settings)]
    [(1, 3), (2, 3), (3, 3)]
    """
    settings = settings or Settings()
    if isinstance(network, str):
        from wsi_scale.networks.load import load_network

        network = load_network(network)
    settings = with_card(settings, network)
    with opened(slide, settings) as ready:
        started = time.monotonic()
        if network.absent:
            yield ask_only_the_ruler(plan_without_network(ready, network, settings), started)
            return
        try:
            run = plan_run(ready, network, settings)
        except NoTissueError as error:
            grid = wished_grid(*settings.scales, settings)
            run = Run(ready, network, settings, (), grid, 0, notes_of(ready, network, None))
            nothing = blank_estimate(run.grid, settings.interval_level, str(error))
            seconds = time.monotonic() - started
            yield Progress(run, 0, 0, nothing, (), seconds, 0.0, finished=True)
            return
        yield from SiteVisits(run, started).go()


def opened(slide: Any, settings: Settings) -> AbstractContextManager[Slide]:
    """The slide, closed after use if it was opened here. An open one must fit the settings."""
    if not isinstance(slide, Slide):
        return open_slide(slide, reader=settings.reader, mpp=settings.mpp)
    given = check_mpp(settings.mpp)
    if given not in (None, slide.mpp) or settings.reader not in (None, slide.reader):
        raise SettingsError(
            f"{slide.path} is already open with reader {slide.reader} and mpp {slide.mpp}; "
            "pass reader and mpp to open_slide, not in the settings"
        )
    return nullcontext(slide)
