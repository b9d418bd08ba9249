"""Many slides on a Dask cluster. A task is a path and the settings as text; so is its row."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import json
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from wsi_scale.batch.keeper import Keeper
from wsi_scale.batch.query import Asked
from wsi_scale.batch.row import Row, failed_row
from wsi_scale.errors import SettingsError, WsiScaleError

CONNECT_SECONDS = 30.0
PATIENCE_SECONDS = 600.0
"""How long to wait for a lost scheduler."""

TRIES = 2
"""How often a slide is submitted if its workers die. Each time Dask itself retries it too."""

_LOOK_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_COUNT_SECONDS = 5.0  # between two counts of the workers
_LEAST_AHEAD = 8
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)

_idle: list[tuple[str, Keeper]] = []
"""In a Dask worker: the idle keepers, each with the run whose network it has loaded."""
_turn = threading.Lock()


def work(task: str) -> str:
    """In a Dask worker: the row of a slide, made in a process of its own as on one machine."""
    asked = json.loads(task)
    keeper = _keeper_of(asked["run"])
    try:
        if asked["path"] is None:
            return json.dumps({"network": keeper.check(asked)})
        return json.dumps({"row": keeper.row_of(asked)})
    except WsiScaleError as error:
        return json.dumps({"fatal": str(error)})
    finally:
        with _turn:
            _idle.append((asked["run"], keeper))


def _keeper_of(run: str) -> Keeper:
    """An idle keeper of this run, or a new one.

    Keepers of other runs are ended, because their files may have changed.
    """
    with _turn:
        old = [keeper for name, keeper in _idle if name != run]
        _idle[:] = [x for x in _idle if x[0] == run]
        found = _idle.pop()[1] if _idle else Keeper()
    for keeper in old:
        keeper.close()
    return found


@atexit.register
def _end_keepers() -> None:
    for _, keeper in _idle:
        keeper.close()


class Cluster:
    """The workers of a Dask scheduler, on whatever machines they run."""

    def __init__(
        self,
        asked: Asked,
        address: str,
        tell: Callable[[str], None] = lambda _: None,
        patience: float = PATIENCE_SECONDS,
        security: Any = None,
    ) -> None:
        """Connect to the scheduler. Raises SettingsError if there is none, or no Dask.

        tell: called with a sentence when the scheduler or its workers are missing. patience:
        seconds to wait for a lost scheduler. security: passed on to the Dask client.
        """
        self._asked, self._address, self._tell, self._patience = asked, address, tell, patience
        self._weights: str | None = None
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._security = security
        self._client = _connect(address, CONNECT_SECONDS, security)
        self._run = secrets.token_hex(4)
        self._handed_in = 0
        self._threads, self._counted = 0, 0.0
        self._told = False

    def check(self) -> dict[str, Any]:
        """The network's name and weights, loaded in a worker. Raises WsiScaleError."""
        for reply in self._replies(iter([None])):
            if "network" in reply:
                self._weights = reply["network"]["weights"]
                return dict(reply["network"])
            raise WsiScaleError(reply["row"]["error"])
        raise AssertionError("not reached")

    def rows(self, paths: Iterable[str]) -> Iterator[Row]:
        """A row for every slide, in the order they finish.

        Raises WsiScaleError for a fault that would fail every slide.
        """
        for reply in self._replies(iter(paths)):
            yield reply["row"]

    def close(self) -> None:
        """Disconnect; waiting tasks are withdrawn."""
        with suppress(Exception):  # the run is over, so faults of the cluster no longer matter
            self._client.close(timeout=_CLOSE_SECONDS)

    def _replies(self, waiting: Iterator[str | None]) -> Iterator[dict[str, Any]]:
        """One reply for every path, in the order they finish. Path None asks for the network."""
        running: dict[Any, str | None] = {}
        tries: dict[str | None, int] = {}
        while True:
            while len(running) < self._ahead():
                try:
                    path = next(waiting)
                except StopIteration:
                    break
                self._hand_in(path, running)
            if not running:
                return
            try:
                future = self._done.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if future not in running:
                continue  # from a connection that was lost
            if future.status == "finished":
                try:
                    reply = json.loads(future.result())
                except (Exception, *_CANCELLED):  # lost after it was done, before it was fetched
                    self._reconnect(running)
                    continue
                del running[future]
                if "fatal" in reply:
                    raise WsiScaleError(reply["fatal"])
                yield reply
            elif future.status == "error":
                path = running.pop(future)
                tries[path] = tries.get(path, 0) + 1
                error = self._error_of(future)
                if tries[path] < TRIES:
                    self._hand_in(path, running)
                else:
                    yield {"row": failed_row("worker", error) | {"path": path}}
            else:
                self._reconnect(running)

    def _hand_in(self, path: str | None, running: dict[Any, str | None]) -> None:
        self._handed_in += 1
        future = self._client.submit(
            work,
            json.dumps(self._asked.task(path, self._weights) | {"run": self._run}),
            key=f"wsi-scale-{self._run}-{self._handed_in}",
            pure=False,
        )
        running[future] = path
        future.add_done_callback(self._done.put)

    def _error_of(self, future: Any) -> str:
        """One sentence about workers that died. Raises WsiScaleError if workers cannot work."""
        from distributed.scheduler import KilledWorker

        error = future.exception()
        if isinstance(error, KilledWorker):
            return (
                f"the workers that had this slide died {error.allowed_failures + 1} times in each "
                f"of {TRIES} tries; the last was {error.last_worker.address}"
            )
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise WsiScaleError(
            f"the workers of {self._address} cannot run the task ({said}); install the same "
            "wsi-scale[batch] there and here"
        )

    def _ahead(self) -> int:
        """How many tasks the cluster should hold: two per thread, so that no thread waits."""
        now = time.monotonic()
        if now - self._counted > _COUNT_SECONDS:
            self._counted = now
            with suppress(Exception):  # a lost scheduler is handled where its tasks fail
                threads = sum(self._client.nthreads().values())
                if threads == 0 and (self._threads > 0 or not self._told):
                    self._told = True
                    self._tell(f"no worker at {self._address}; waiting for one")
                self._threads = threads
        return max(_LEAST_AHEAD, 2 * self._threads)

    def _reconnect(self, running: dict[Any, str | None]) -> None:
        """Find the scheduler again and resubmit its tasks. Raises WsiScaleError."""
        self._tell(f"lost the scheduler {self._address}; waiting for it")
        paths = list(running.values())
        running.clear()
        self.close()
        deadline = time.monotonic() + self._patience
        while True:
            try:
                seconds = min(CONNECT_SECONDS, self._patience)
                self._client = _connect(self._address, seconds, self._security)
                break
            except SettingsError:
                if time.monotonic() > deadline:
                    raise WsiScaleError(
                        f"the scheduler {self._address} was lost and did not come back within "
                        f"{self._patience / 60:.3g} min; finished rows are kept, continue with "
                        "--resume"
                    ) from None
                time.sleep(_LOOK_SECONDS)
        self._tell(f"the scheduler {self._address} is back")
        self._counted, self._told = 0.0, False
        for path in paths:
            self._hand_in(path, running)


def _connect(address: str, seconds: float, security: Any) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise SettingsError(
            "--scheduler needs Dask: pip install 'wsi-scale[batch]', or leave it out"
        ) from None

    class Held(Client):
        """Closes itself if it cannot start; otherwise Python waits a minute for it at exit."""

        def start(self, **options: Any) -> None:
            try:
                super().start(**options)  # type: ignore[no-untyped-call]
            except BaseException:  # also Ctrl-C
                with suppress(Exception):
                    self.close(timeout=_CLOSE_SECONDS)  # type: ignore[no-untyped-call]
                raise

    try:
        return Held(  # type: ignore[no-untyped-call]
            address, timeout=seconds, security=security, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError, TypeError) as error:  # the last: tls:// without keys
        said = " ".join(str(error).split())[:200]
        raise SettingsError(
            f"there is no scheduler at {address} ({said}); start one with `dask scheduler` and "
            "give its address, such as tcp://host:8786"
        ) from None
