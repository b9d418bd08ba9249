"""Many slides from Python: the same processes and the same rows as ``wsi-scale batch``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wsi_scale.batch.asked import Asked, Limits
from wsi_scale.batch.listing import path_of
from wsi_scale.batch.row import unflatten
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.report import Report


@dataclass(frozen=True)
class Failure:
    """A slide without an answer."""

    path: str
    kind: str
    """slide, settings, network, memory, crash, time, worker or unexpected."""
    reason: str
    """One sentence."""


def estimate_slides(
    slides: Iterable[str | os.PathLike[str]],
    network: str = DEFAULT_NETWORK,
    settings: Settings | None = None,
    *,
    client: Any = None,
    workers: int = 1,
    device: str = "auto",
    limits: Limits | None = None,
) -> Iterator[Report | Failure]:
    """Estimate many slides, each in a process of its own; answers come as they are done.

    slides: paths, each answered once; a report says which in ``report.slide.path`` (absolute).
    network: a SPEC, which the processes load themselves. client: a ``distributed.Client`` whose
    workers do the work; else ``workers`` processes here. Whatever becomes of one slide is its
    Failure; raises WsiScaleError only for what would fail every slide. Nothing is written.
    """
    if workers < 1:
        raise SettingsError(f"at least 1 worker is needed, got {workers}")
    asked = Asked.of(network, settings or Settings(), device, limits or Limits())
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
