"""Many slides from Python, with the same processes and answers as ``wsi-scale batch``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wsi_scale.batch.query import Asked, Limits
from wsi_scale.batch.row import unflatten
from wsi_scale.batch.slide_table import path_of
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.report import Report
from wsi_scale.slide.metadata import check_mpp


@dataclass(frozen=True)
class Failure:
    """A slide without an answer, and why.

    Examples
    --------
    >>> failure = Failure("/slides/a.svs", "slide", "/slides/a.svs is empty")
    >>> print(failure.kind, "-", failure.reason)
    slide - /slides/a.svs is empty
    """

    path: str
    """The slide's absolute path."""
    kind: str
    """What failed: slide, settings, network, memory, crash, time, worker or unexpected."""
    reason: str
    """One sentence that says what happened."""


def estimate_slides(
    slides: Iterable[str | os.PathLike[str]],
    network: str = DEFAULT_NETWORK,
    settings: Settings | None = None,
    *,
    mpp: Mapping[str | os.PathLike[str], float | tuple[float, float]] | None = None,
    client: Any = None,
    workers: int = 1,
    device: str = "auto",
    limits: Limits | None = None,
) -> Iterator[Report | Failure]:
    """Yield the report of each slide, or its Failure, in the order they finish.

    Each slide is read in a process of its own, so a slide that crashes, hangs or fills the memory
    costs only itself. No file is written.

    Parameters
    ----------
    slides : iterable of path-like
        Paths of the slides. A path given twice is done once.
    network : str
        SPEC of the network, which every process loads itself.
    settings : Settings, optional
        Settings for every slide. None means the defaults.
    mpp : mapping, optional
        µm per level-0 px of single slides by path, one number or (x, y). It comes before
        ``settings.mpp`` and before what the file states.
    client : distributed.Client, optional
        A Dask client whose workers do the work. None means processes on this machine.
    workers : int
        Number of processes on this machine, at least 1. Ignored if ``client`` is given.
    device : str
        Device for the network: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    limits : Limits, optional
        Memory (GiB) and time (seconds) for one slide. None means 8 GiB and one hour.

    Yields
    ------
    Report or Failure
        ``report.slide.path`` and ``failure.path`` are the slide's absolute path.

    Raises
    ------
    SettingsError
        When ``workers`` is below 1, or when the settings hold objects that are not text.
    WsiScaleError
        For a fault that would fail every slide, such as a network that cannot be loaded.

    Examples
    --------
    >>> list(estimate_slides([]))
    []
    >>> for found in estimate_slides(["a.svs", "b.svs"], workers=2):  # doctest: +SKIP
    ...     if isinstance(found, Failure):
    ...         print(found.path, found.kind, found.reason)
    ...     else:
    ...         print(found.slide.path, found.scale, found.verdict)
    """
    if workers < 1:
        raise SettingsError(f"at least 1 worker is needed, got {workers}")
    asked = Asked.of(network, settings or Settings(), device, limits or Limits())
    given = {path_of(path): check_mpp(value) for path, value in (mpp or {}).items()}
    asked = replace(asked, mpp_of={path: value for path, value in given.items() if value})
    paths = list(dict.fromkeys(path_of(slide) for slide in slides))
    if not paths:
        return
    with_rows = _workers(asked, min(workers, len(paths)), client)
    try:
        with_rows.check()
        for row in with_rows.rows(paths):
            if row["error"] is None:
                yield unflatten(row)
            else:
                yield Failure(row["path"], row["error_kind"], row["error"])
    finally:
        with_rows.close()


def _workers(asked: Asked, workers: int, client: Any) -> Any:
    if client is None:
        from wsi_scale.batch.local import Local

        return Local(asked, workers)
    from wsi_scale.batch.cluster import Cluster

    return Cluster(asked, client.scheduler.address, security=client.security)
