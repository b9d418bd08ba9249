"""Many slides on this machine: a few processes, each with one slide at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wsi_scale.batch.keeper import Keeper, Stopped
from wsi_scale.batch.query import Asked
from wsi_scale.batch.row import Row

_LOOK_SECONDS = 0.5  # between checks for Ctrl-C, where waiting cannot be interrupted


class Local:
    """A few processes on this machine. Each reads its own slides; all share the device."""

    def __init__(
        self, asked: Asked, workers: int, make_keeper: Callable[[], Keeper] = Keeper
    ) -> None:
        self._asked = asked
        self._keepers = [make_keeper() for _ in range(workers)]
        self._weights: str | None = None

    def check(self) -> dict[str, Any]:
        """The network's name and weights. Raises WsiScaleError if it cannot be used."""
        found = self._keepers[0].check(self._asked.task(None))
        self._weights = found["weights"]
        return found

    def rows(self, paths: Iterable[str]) -> Iterator[Row]:
        """A row for every slide, in the order they finish.

        Raises WsiScaleError for a fault that would fail every slide.
        """
        waiting, turn = iter(paths), threading.Lock()
        done: queue.Queue[Row | BaseException | None] = queue.Queue(len(self._keepers))

        def tasks() -> Iterator[Mapping[str, Any]]:
            while True:
                with turn:
                    path = next(waiting, None)
                if path is None:
                    return
                yield self._asked.task(path, self._weights)

        def work(keeper: Keeper) -> None:
            try:
                for task in tasks():
                    done.put(keeper.row_of(task))
            except Stopped:
                pass
            except BaseException as error:  # raised again below, in the thread that waits
                done.put(error)
            finally:
                done.put(None)

        threads = [threading.Thread(target=work, args=(x,), daemon=True) for x in self._keepers]
        for thread in threads:
            thread.start()
        working = len(threads)
        try:
            while working:
                try:
                    item = done.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                if item is None:
                    working -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            self._stop(done, working)

    def close(self) -> None:
        """End all processes."""
        for keeper in self._keepers:
            keeper.close()

    def _stop(self, done: queue.Queue[Row | BaseException | None], working: int) -> None:
        """End all processes, then empty the queue until all threads are done."""
        self.close()
        while working:
            working -= done.get() is None
