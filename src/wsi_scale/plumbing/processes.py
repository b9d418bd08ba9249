"""Runs many jobs in processes of one thread each, with progress, and stops when asked to."""

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
"""Told what is being done, how much of it is done, and how much there is."""

_stop: Any = None
"""An event that all processes share; None outside of them."""


def stopping() -> bool:
    """True once the run was cancelled: a job should then leave at its next whole step."""
    return _stop is not None and bool(_stop.is_set())


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Every job with what ``work`` made of it, as they are done.

    work: a function of a module. One worker works here, without a process. What it raises is
    raised here; a process that was killed raises WsiScaleError. When the loop over the results is
    left or interrupted, jobs not begun are dropped and those under way told through ``stopping``.
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
    """Processes begun meanwhile never hear Ctrl-C, which a terminal sends to them too; the parent
    hears it and sets ``stop``. In a thread, where signals cannot be set, nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(stop: Any) -> None:
    """Each process: one thread, and no life after its parent's."""
    global _stop
    _stop = stop
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _leave_with_parent() -> None:
    """A parent that is killed cannot say goodbye; its files are written whole or not at all."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
