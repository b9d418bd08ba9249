"""A child that dies, hangs or babbles becomes a row, and the next slide gets a new child."""

import os
import threading
import time

import pytest

from wsi_scale.batch.keeper import ATTEMPTS, Stopped
from wsi_scale.batch.memory import peak_mib
from wsi_scale.errors import WsiScaleError


def task(path, seconds=30.0):
    return {"path": path, "network": "n", "memory": 2.0, "seconds": seconds}


def test_a_child_is_kept_from_slide_to_slide(make_keeper):
    keeper = make_keeper()
    rows = [keeper.row_of(task(path)) for path in ("a", "b")]
    assert [row["path"] for row in rows] == ["a", "b"]
    assert rows[0]["pid"] == rows[1]["pid"]
    assert rows[0]["process.attempts"] == 1


def test_a_slide_that_crashes_its_process_is_tried_again_then_a_row_that_names_the_signal(
    make_keeper,
):
    keeper = make_keeper()
    row = keeper.row_of(task("crash"))
    assert row["error"] == (
        "crash: the process that read it died of SIGSEGV (Fatal: it hurts), in each of 3 tries"
    )
    assert (row["error_kind"], row["scale"], row["process.attempts"]) == ("crash", None, ATTEMPTS)
    assert keeper.row_of(task("a"))["error"] is None


def test_a_slide_whose_process_was_killed_by_others_is_answered_the_second_time(
    make_keeper, tmp_path
):
    row = make_keeper().row_of(task(f"once{tmp_path / 'seen'}"))
    assert row["error"] is None
    assert row["process.attempts"] == 2


def test_a_slide_that_takes_too_long_is_given_up_at_once(make_keeper):
    keeper = make_keeper()
    row = keeper.row_of(task("slow", seconds=0.3))
    assert row["error"] == "slow: the process that read it did not finish within 0.005 min"
    assert (row["error_kind"], row["process.attempts"]) == ("time", 1)
    assert keeper.row_of(task("a"))["error"] is None


def test_a_process_that_holds_too_much_is_told_with_the_limit(make_keeper):
    row = make_keeper().row_of(task("swell"))
    assert row["error"] == "swell: the process that read it held more than 2 GiB"
    assert (row["error_kind"], row["process.attempts"]) == ("memory", 1)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell memory")
def test_what_a_process_held_is_told_though_it_is_gone_and_though_the_next_held_less(
    make_keeper, tmp_path
):
    much = round(1.1 * peak_mib()) + 100
    assert make_keeper().row_of(task(f"swell{much}"))["process.peak_mib"] > much
    (tmp_path / "much").write_text(str(much))
    row = make_keeper().row_of(task(f"once{tmp_path / 'seen'}"))
    assert (row["process.attempts"], row["error"]) == (2, None)
    assert row["process.peak_mib"] > much


def test_what_this_process_holds_is_not_told_of_another(make_keeper):
    held = b"x" * (100 << 20)
    assert make_keeper().row_of(task("crash"))["process.peak_mib"] is None
    assert held


@pytest.mark.parametrize("path", ["torn", "babble"])
def test_half_a_reply_is_none(make_keeper, path):
    row = make_keeper().row_of(task(path))
    assert row["error_kind"] == "crash"


def test_a_bad_slide_is_tried_once_and_one_short_of_memory_in_fresh_processes(make_keeper):
    keeper = make_keeper()
    assert keeper.row_of(task("bad"))["process.attempts"] == 1
    row = keeper.row_of(task("oom"))
    assert (row["error_kind"], row["process.attempts"]) == ("memory", ATTEMPTS)


def test_what_would_fail_every_slide_is_raised(make_keeper):
    with pytest.raises(WsiScaleError, match="no network"):
        make_keeper().row_of(task("fatal"))


def test_a_tired_child_is_replaced(make_keeper):
    keeper = make_keeper()
    assert keeper.row_of(task("tired"))["pid"] != keeper.row_of(task("a"))["pid"]


def test_closing_from_another_thread_ends_the_wait(make_keeper):
    keeper = make_keeper()
    heard = []

    def wait():
        try:
            keeper.row_of(task("slow", seconds=60))
        except Stopped:
            heard.append("stopped")

    thread = threading.Thread(target=wait)
    thread.start()
    while keeper._child is None:
        time.sleep(0.01)
    keeper.close()
    thread.join(20)
    assert heard == ["stopped"]
    with pytest.raises(Stopped):
        keeper.row_of(task("a"))
