"""Slides on a few processes: one row for each slide, and no process left behind."""

import threading

import pytest

from wsi_scale.batch.local import Local
from wsi_scale.batch.query import Asked, Limits
from wsi_scale.errors import WsiScaleError
from wsi_scale.pipeline.settings import Settings

ASKED = Asked("figures", Settings(), "cpu", Limits(2.0, 30.0))


def local(make_keeper, workers=2):
    made = Local(ASKED, workers, make_keeper)
    assert made.check()["weights"] == "w"
    return made


def test_every_slide_has_one_row_whatever_becomes_of_others(make_keeper):
    paths = ["a", "crash", "b", "bad", "c", "swell", "d", "torn", "e"]
    workers = local(make_keeper)
    rows = {row["path"]: row for row in workers.rows(paths)}
    workers.close()
    assert sorted(rows) == sorted(paths)
    assert {x for x in rows if rows[x]["error"]} == {"crash", "bad", "swell", "torn"}


def test_what_fails_every_slide_stops_the_run(make_keeper):
    workers = local(make_keeper)
    with pytest.raises(WsiScaleError, match="no network"):
        list(workers.rows(["fatal"] * 20))


def test_leaving_the_rows_ends_processes_and_threads_also_in_the_midst_of_a_slide(make_keeper):
    before = threading.active_count()
    workers = local(make_keeper)
    rows = workers.rows(["a", *["slow"] * 5])
    assert next(rows)["path"] == "a"
    rows.close()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
    assert threading.active_count() <= before
    assert all(keeper._child is None for keeper in workers._keepers)
