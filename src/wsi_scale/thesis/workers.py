"""Runs many jobs in processes of one thread each, with progress, and stops when asked to."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_stop: Any = None
"""An event that all processes share; None outside of them."""


def stopping() -> bool:
    """True once the run was cancelled: a job should then leave at its next whole step."""
    return _stop is not None and bool(_stop.is_set())


def in_processes(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Every job with what ``work`` made of it, as they are done.

    work: a function of a module, told by its own files what is done already; one worker works
    here, without a process. What it raises is raised here. When the loop over the results is left,
    or interrupted, jobs not begun are dropped and those under way are told through ``stopping``.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, work(job)
        return
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    with ProcessPoolExecutor(min(workers, len(jobs)), spawn, _begin, (stop,)) as pool:
        running = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _begin(stop: Any) -> None:
    """Each process: one thread, deaf to Ctrl-C (the parent hears it and sets ``stop``)."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
