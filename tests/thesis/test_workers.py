"""Jobs in processes: all done, errors heard, and a way to stop."""

import os
import signal
import time

import pytest

from wsi_scale.errors import WsiScaleError
from wsi_scale.thesis.workers import in_processes, stopping


def double(number):
    if number == 13:
        raise ValueError("unlucky")
    return number * 2


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once_and_comes_with_its_result(workers):
    assert sorted(in_processes(double, [1, 2, 3], workers)) == [(1, 2), (2, 4), (3, 6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_job_raises_is_raised_here(workers):
    with pytest.raises(ValueError, match="unlucky"):
        list(in_processes(double, [1, 13], workers))


def die(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return number


def test_a_killed_process_is_told_in_one_sentence():
    with pytest.raises(WsiScaleError, match="was killed, perhaps for want of memory; run again"):
        list(in_processes(die, [1, 2, 3, 4], 2))


def first_is_quick(job):
    """Job 0 ends at once; the others end when they are told to, and leave a note if they were."""
    number, folder = job
    for _ in range(200 if number else 0):
        if stopping():
            (folder / f"told {number}").touch()
            return
        time.sleep(0.05)


def test_jobs_under_way_are_told_when_the_loop_is_left_and_others_never_begin(tmp_path):
    jobs = [(number, tmp_path) for number in range(8)]
    for (number, _), _ in in_processes(first_is_quick, jobs, 2):
        assert number == 0
        break
    told = [path.name for path in tmp_path.iterdir()]
    assert "told 1" in told
    assert len(told) < 7


def test_nothing_stops_where_nobody_asked():
    assert not stopping()
