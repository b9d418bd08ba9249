"""A batch from its first slide to its last; every row is kept as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wsi_scale.batch.asked import Asked
from wsi_scale.batch.listing import Entry
from wsi_scale.batch.row import Row
from wsi_scale.batch.store import Claim, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable


class Workers(Protocol):
    """Whatever makes rows of slides: processes here, or a cluster."""

    def check(self) -> dict[str, Any]: ...
    def rows(self, paths: Iterable[str]) -> Iterator[Row]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Batch:
    """Which slides, what they are asked, and where the rows go."""

    entries: tuple[Entry, ...]
    asked: Asked
    out: Path
    resume: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a batch stands."""

    total: int
    kept: int
    """Slides that had a row before this run."""
    done: int = 0
    """Slides of this run."""
    failed: int = 0
    """Slides of this run whose row is an error."""
    seconds: float = 0.0

    @property
    def per_minute(self) -> float | None:
        """Slides a minute; None before the first."""
        return 60 * self.done / self.seconds if self.done and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None before the first slide."""
        rate = self.per_minute
        return None if rate is None else 60 * (self.total - self.kept - self.done) / rate


Tell = Callable[[Standing], None]


def run_batch(
    batch: Batch, start: Callable[[int], Workers], tell: Tell = lambda _: None
) -> Standing:
    """Ask every slide that has no row yet, or one with an error, and keep its row.

    start: makes the workers for so many slides; not called where all is done. Returns the standing
    at the end. Raises WsiScaleError for what would fail every slide, OutputError where rows cannot
    be written; rows already there are kept, whatever is raised.
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
    """The slides that have no row, or one with an error."""
    done = {row["path"] for row in store.rows() if row["error"] is None}
    return [entry.path for entry in batch.entries if entry.path not in done]


def _standing(batch: Batch, missing: list[str]) -> Standing:
    return Standing(len(batch.entries), len(batch.entries) - len(missing))


def _work(batch: Batch, store: Store, workers: Workers | None, tell: Tell) -> Standing:
    """Ask what is missing now that nobody else writes; workers: None where nothing was."""
    cohorts = {entry.path: entry.cohort for entry in batch.entries}
    missing = [] if workers is None else _missing(batch, store)
    again = set(missing)
    seen: set[str] = set()

    def keep(row: Row) -> bool:
        """Rows of slides that are asked again go, as do second rows of one slide."""
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
