"""Runs many jobs in processes of one thread each, and stops them when the run is cancelled."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from wsi_scale.errors import WsiScaleError

Job = TypeVar("Job")
Result = TypeVar("Result")

Tell = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is in total."""

_stop: Any = None
"""An event that all worker processes share; None in other processes."""


def stopping() -> bool:
    """True once the run was cancelled. A job should then stop after its current step."""
    return _stop is not None and bool(_stop.is_set())


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Each job with the result of ``work``, in the order in which they are done.

    work: a function of a module. With one worker it runs in this process. Errors that it raises are
    raised here; a process that was killed raises WsiScaleError. If the loop over the results is
    left or interrupted, waiting jobs are dropped, and running jobs see that in ``stopping``.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, work(job)
        return
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    with ProcessPoolExecutor(min(workers, len(jobs)), spawn, _begin, (stop,)) as pool:
        with _deaf_to_ctrl_c():
            running = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BrokenProcessPool as error:
            raise WsiScaleError(
                "a worker process was killed, perhaps because memory ran out; run again with fewer "
                "--workers; finished work is kept"
            ) from error
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Make processes that are started in this block ignore Ctrl-C.

    A terminal sends Ctrl-C to them too, but the parent receives it and sets ``stop``. Outside the
    main thread, where signals cannot be set, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(stop: Any) -> None:
    """Set up a worker process: one thread, and an end when the parent ends."""
    global _stop
    _stop = stop
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _leave_with_parent() -> None:
    """End this process when its parent ends, even if that was killed. Files stay whole anyway."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
