"""Workers that die and schedulers that vanish, with a client that follows a plan."""

import asyncio
import json
import signal
import sys
import threading
from types import SimpleNamespace

import pytest
from distributed.scheduler import KilledWorker

from wsi_scale.batch import cluster
from wsi_scale.batch.cluster import Cluster
from wsi_scale.batch.query import Asked, Limits
from wsi_scale.errors import SettingsError, WsiScaleError
from wsi_scale.pipeline.settings import Settings

ASKED = Asked("figures", Settings(), "cpu", Limits())


class Future:
    """Done as soon as it is submitted."""

    def __init__(self, status, value):
        self.status, self.value = status, value

    def result(self):
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value

    def exception(self):
        return self.value

    def add_done_callback(self, call):
        call(self)


class Client:
    """Answers each path with the next reply planned for it, and after those with a row."""

    def __init__(self, plans, log):
        self.plans, self.log = plans, log

    def submit(self, work, task, key, pure):
        path = json.loads(task)["path"]
        self.log.append(path)
        planned = self.plans.get(path, [])
        if planned:
            return Future(*planned.pop(0))
        return Future("finished", json.dumps({"row": {"path": path, "error": None}}))

    def nthreads(self):
        return {"a": 1}

    def close(self, timeout):
        self.log.append("closed")


@pytest.fixture
def run(monkeypatch):
    """Run paths through a cluster; returns rows by path, what was submitted, and the messages."""

    def go(paths, plans, connect=None, patience=1.0):
        log, told = [], []
        client = Client(plans, log)
        found = iter([client, *(connect or [client] * 9)])

        def next_client(*_):
            made = next(found)
            if made is None:
                raise SettingsError("there is no scheduler")
            return made

        monkeypatch.setattr(cluster, "_connect", next_client)
        monkeypatch.setattr(cluster, "_LOOK_SECONDS", 0.01)
        rows = list(Cluster(ASKED, "tcp://x:1", told.append, patience).rows(paths))
        assert len(rows) == len(paths)
        return {row["path"]: row for row in rows}, log, told

    return go


def killed():
    worker = SimpleNamespace(address="tcp://w:1")
    return "error", KilledWorker("key", worker, 3)


def test_a_slide_whose_workers_died_is_handed_in_again(run):
    rows, log, _ = run("abc", {"b": [killed()]})
    assert all(row["error"] is None for row in rows.values())
    assert log.count("b") == 2


def test_a_slide_that_every_worker_dies_of_is_a_row(run):
    rows, log, _ = run("abc", {"b": [killed(), killed(), killed()]})
    assert rows["b"]["error_kind"] == "worker"
    assert rows["b"]["error"] == (
        "the workers that had this slide died 4 times in each of 2 tries; the last was tcp://w:1"
    )
    assert rows["a"]["error"] is rows["c"]["error"] is None
    assert log.count("b") == 2


@pytest.mark.parametrize(
    "loss", [("cancelled", None), ("lost", None), ("finished", OSError("gone"))]
)
def test_a_lost_scheduler_has_everything_handed_in_again_and_no_row_comes_twice(run, loss):
    paths = [f"s{i}" for i in range(20)]
    rows, _, told = run(paths, {"s3": [loss]})
    assert sorted(rows) == sorted(paths)
    assert told == [
        "lost the scheduler tcp://x:1; waiting for it",
        "the scheduler tcp://x:1 is back",
    ]


def test_a_scheduler_that_does_not_come_back_stops_the_run_with_what_to_do(run):
    with pytest.raises(WsiScaleError, match=r"was lost and did not come back within .* --resume"):
        run("abc", {"b": [("cancelled", None)]}, connect=[None] * 999, patience=0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")
def test_ctrl_c_while_a_scheduler_is_waited_for_leaves_no_client_behind(monkeypatch):
    async def interrupted(*_, **__):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        await asyncio.sleep(60)

    monkeypatch.setattr("distributed.Client._ensure_connected", interrupted)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        Cluster(ASKED, "tcp://127.0.0.1:1")
    assert set(threading.enumerate()) <= before


def test_what_would_fail_every_slide_stops_the_run(run):
    with pytest.raises(WsiScaleError, match="no network"):
        run("abc", {"b": [("finished", json.dumps({"fatal": "no network"}))]})


def test_workers_without_wsi_scale_are_told(run):
    missing = ModuleNotFoundError("No module named 'wsi_scale'")
    with pytest.raises(WsiScaleError, match=r"cannot run the task \(ModuleNotFoundError"):
        run("abc", {"b": [("error", missing)] * 9})


def test_a_worker_answers_every_run_with_a_process_of_its_own(make_keeper, monkeypatch):
    """A process may still hold what it loaded for an earlier run."""
    monkeypatch.setattr(cluster, "Keeper", make_keeper)
    monkeypatch.setattr(cluster, "_idle", [])

    def pid(run):
        task = ASKED.task("a.svs") | {"run": run}
        return json.loads(cluster.work(json.dumps(task)))["row"]["pid"]

    first = pid("one")
    assert pid("one") == first
    (_, keeper) = cluster._idle[0]
    assert pid("two") != first
    assert keeper._child is None
    assert [run for run, _ in cluster._idle] == ["two"]
