"""Jobs in processes: all are done, errors are raised, and they can be stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wsi_scale.errors import WsiScaleError
from wsi_scale.plumbing.processes import in_processes, stopping


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
    with pytest.raises(
        WsiScaleError, match="was killed, perhaps because memory ran out; run again"
    ):
        list(in_processes(die, [1, 2, 3, 4], 2))


def first_is_quick(job):
    """Job 0 ends at once. The others end when the run stops, and then leave a note."""
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this system")
def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    """The worker writes down its process number and waits. It must end soon after its parent."""
    program = (
        "import os, sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from noted import wait\n"
        "from wsi_scale.plumbing.processes import in_processes\n"
        "if __name__ == '__main__':\n"
        "    list(in_processes(wait, [sys.argv[1], sys.argv[1]], 2))\n"
    )
    (tmp_path / "noted.py").write_text(
        "import os, pathlib, time\n"
        "def wait(folder):\n"
        "    (pathlib.Path(folder) / f'{os.getpid()}.pid').touch()\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) as run:
        while len(pids := [int(x.stem) for x in tmp_path.glob("*.pid")]) < 2:
            assert run.poll() is None
            time.sleep(0.05)
        run.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(map(is_alive, pids)):
        time.sleep(0.1)
    assert not any(map(is_alive, pids))


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
