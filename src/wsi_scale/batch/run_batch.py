"""Runs a batch from its first slide to its last; every row is kept as soon as it exists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wsi_scale.batch.listing import Entry
from wsi_scale.batch.query import Asked
from wsi_scale.batch.row import Row
from wsi_scale.batch.store import Claim, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable


class Workers(Protocol):
    """Whatever turns slides into rows: processes on this machine, or a cluster."""

    def check(self) -> dict[str, Any]: ...
    def rows(self, paths: Iterable[str]) -> Iterator[Row]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Batch:
    """The slides, the query, and the place for the rows."""

    entries: tuple[Entry, ...]
    """The slides, each once."""
    asked: Asked
    """Network, settings, device and limits."""
    out: Path
    """``.jsonl`` (a file) or ``.parquet`` (a folder)."""
    resume: bool = False
    """Whether ``out`` may hold rows already."""


@dataclass(frozen=True)
class Standing:
    """Progress of a batch.

    Examples
    --------
    >>> standing = Standing(total=100, kept=40, done=20, failed=1, seconds=60.0)
    >>> standing.per_minute, standing.seconds_left
    (20.0, 120.0)
    """

    total: int
    """Number of slides."""
    kept: int
    """Slides that had an answer before this run."""
    done: int = 0
    """Slides finished in this run, failed ones included."""
    failed: int = 0
    """Slides of this run that failed."""
    seconds: float = 0.0
    """Time since this run began."""

    @property
    def per_minute(self) -> float | None:
        """Slides per minute in this run; None before the first."""
        return 60 * self.done / self.seconds if self.done and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Time left at the rate so far; None before the first slide."""
        rate = self.per_minute
        return None if rate is None else 60 * (self.total - self.kept - self.done) / rate


Tell = Callable[[Standing], None]


def run_batch(
    batch: Batch, start: Callable[[int], Workers], tell: Tell = lambda _: None
) -> Standing:
    """Estimate every slide that has no row yet, or a failed one, and keep its row.

    Parameters
    ----------
    batch : Batch
        The slides, the query, and the place for the rows.
    start : callable
        Called with the number of slides to do; returns the workers. Not called if all is done.
    tell : callable, optional
        Called with a `Standing` at the start and after every slide.

    Returns
    -------
    Standing
        Counts at the end.

    Raises
    ------
    WsiScaleError
        For a fault that would fail every slide. Existing rows are kept.
    OutputError
        When rows cannot be written. Existing rows are kept.

    Examples
    --------
    >>> listing = list_slides(["slides/"])  # doctest: +SKIP
    >>> asked = Asked.of("histology", Settings(), "auto", Limits())  # doctest: +SKIP
    >>> batch = Batch(listing.entries, asked, Path("rows.jsonl"))  # doctest: +SKIP
    >>> run_batch(batch, lambda slides: Local(asked, min(4, slides))).failed  # doctest: +SKIP
    0
    """
    claim = Claim(batch.out, batch.asked.describe(), resume=batch.resume)
    store = open_store(batch.out)
    missing = _missing(batch, store)
    tell(_standing(batch, missing))
    workers = start(len(missing)) if missing else None
    try:
        claim.take(None if workers is None else workers.check()["weights"])
        try:
            return _work(batch, store, workers, tell)
        finally:
            claim.leave()
    finally:
        if workers is not None:
            workers.close()


def _missing(batch: Batch, store: Store) -> list[str]:
    """The slides that have no row, a failed one, or one that used another µm/px."""
    done = {
        row["path"]
        for row in store.rows()
        if row["error"] is None
        and batch.asked.holds(row["path"], row.get("slide.mpp"), row.get("slide.mpp_source"))
    }
    return [entry.path for entry in batch.entries if entry.path not in done]


def _standing(batch: Batch, missing: list[str]) -> Standing:
    return Standing(len(batch.entries), len(batch.entries) - len(missing))


def _work(batch: Batch, store: Store, workers: Workers | None, tell: Tell) -> Standing:
    """Do the missing slides, now that no other run writes. workers: None if nothing is missing."""
    cohorts = {entry.path: entry.cohort for entry in batch.entries}
    missing = [] if workers is None else _missing(batch, store)
    again = set(missing)
    seen: set[str] = set()

    def keep(row: Row) -> bool:
        """Whether a row stays: not if its slide is done again, nor if it is a second row."""
        stays = row["path"] not in again and row["path"] not in seen
        seen.add(row["path"])
        return stays

    store.begin(keep)
    standing = _standing(batch, missing)
    started = time.monotonic()
    try:
        for row in workers.rows(missing) if workers is not None else ():
            if row["path"] not in again:
                continue  # a cluster may do a slide twice
            again.discard(row["path"])
            store.append(row | {"cohort": cohorts[row["path"]]})
            standing = replace(
                standing,
                done=standing.done + 1,
                failed=standing.failed + (row["error"] is not None),
                seconds=time.monotonic() - started,
            )
            tell(standing)
    finally:
        store.close()
    return standing
