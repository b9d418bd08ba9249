"""Look inside: the picture of the last answer, off the window's thread, never of another one."""

import threading

import pytest
from PIL import Image

QUICK, SLOW = (f"dock_networks:{name}?input_size=32" for name in ("quick", "slow"))


@pytest.fixture
def look(wait):
    """Press the button and wait for the picture."""

    def until_shown(dock):
        dock.results.inside.click()
        wait(lambda: dock.results.inside.window_inside.isVisible() or dock.error.isVisibleTo(dock))
        return dock.results.inside

    return until_shown


def test_nothing_can_be_looked_into_before_there_is_an_answer(dock):
    assert not dock.results.inside.isEnabled()


def test_the_picture_of_the_last_answer_is_shown_and_saved(dock, run, look, wait, tmp_path):
    run(dock)
    inside = look(dock)
    assert not dock.error.isVisibleTo(dock)
    assert inside.picture.pixmap().width() > 300
    path = tmp_path / "inside.png"
    inside.save_to(path)
    wait(lambda: path.exists() and not dock.tasks.busy)
    with Image.open(path) as picture:
        assert picture.width == 1500


def test_it_is_computed_outside_the_windows_thread_and_only_once(dock, run, look, monkeypatch):
    from wsi_scale.pipeline.explain import look as room

    threads, original = [], room.look_inside

    def remember(*given):
        threads.append(threading.current_thread().name)
        return original(*given)

    monkeypatch.setattr(room, "look_inside", remember)
    run(dock)
    inside = look(dock)
    inside.window_inside.close()
    inside.click()
    assert inside.window_inside.isVisible()
    assert threads == ["wsi-scale-task"]


def test_a_partial_answer_can_be_looked_into_after_cancel(dock, wait, look):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    wait(lambda: dock.shown is not None and dock.shown.report is not None)
    dock.cancel()
    assert dock.work is None
    inside = look(dock)
    assert not dock.error.isVisibleTo(dock)
    assert inside.window_inside.isVisible()


def test_a_new_run_drops_what_is_under_way(dock, run, wait):
    run(dock)
    inside = dock.results.inside
    inside.click()
    dock.run()
    assert not inside.isEnabled()
    wait(lambda: dock.work is None and not dock.tasks.busy)
    assert not inside.window_inside.isVisible()
    assert inside.isEnabled()


def test_a_failure_is_one_sentence_and_the_answer_stays(dock, run, look, monkeypatch):
    from wsi_scale.errors import SlideError
    from wsi_scale.pipeline.explain import look as room

    def fail(*_):
        raise SlideError("the disk is gone; plug it in")

    monkeypatch.setattr(room, "look_inside", fail)
    run(dock)
    inside = look(dock)
    assert dock.error.sentence.text() == "The disk is gone; plug it in"
    assert dock.results.result is not None
    assert inside.isEnabled()
