"""A batch keeps one row per slide, through interruptions, second runs and other queries."""

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from wsi_scale.batch.listing import Entry
from wsi_scale.batch.parts import Parts
from wsi_scale.batch.query import Asked, Limits
from wsi_scale.batch.run_batch import Batch, Standing, run_batch
from wsi_scale.batch.store import Claim, note_of, open_store
from wsi_scale.errors import OutputError, SettingsError, WsiScaleError
from wsi_scale.pipeline.settings import Settings


class Pretend:
    """Workers that answer at once, or stop where they are told to."""

    def __init__(self, row_of, *, bad=(), stop=None, weights="w", twice=False):
        self.row_of, self.bad, self.stop, self.weights = row_of, bad, stop, weights
        self.asked, self.closed, self.twice = [], False, twice

    def check(self):
        if self.weights is None:
            raise WsiScaleError("no such network")
        return {"name": "n", "weights": self.weights}

    def rows(self, paths):
        for path in paths:
            if path == self.stop:
                raise KeyboardInterrupt
            self.asked.append(path)
            for _ in range(1 + self.twice):
                yield self.row_of(path, error="bad" if path in self.bad else None)

    def close(self):
        self.closed = True


@pytest.fixture(params=["rows.jsonl", "rows.parquet"])
def out(request, tmp_path):
    return tmp_path / request.param


def batch(out, names="abcd", resume=False, **settings):
    asked = Asked.of("figures", Settings(**settings), "cpu", Limits())
    return Batch(tuple(Entry(x, f"cohort {x}") for x in names), asked, out, resume)


def go(workers, *args, **options):
    end = run_batch(batch(*args, **options), lambda _: workers)
    assert workers.closed or not workers.asked
    return end


def rows(out):
    return {row["path"]: row["error"] for row in open_store(out).rows()}


def test_every_slide_has_a_row_with_its_cohort(out, row_of):
    end = go(Pretend(row_of, bad="c"), out)
    assert rows(out) == {"a": None, "b": None, "c": "bad", "d": None}
    assert {x["cohort"] for x in open_store(out).rows()} == {f"cohort {x}" for x in "abcd"}
    assert (end.total, end.kept, end.done, end.failed) == (4, 0, 4, 1)


def test_resuming_asks_only_what_failed_or_is_new(out, row_of):
    go(Pretend(row_of, bad="bc"), out)
    again = Pretend(row_of, bad="c")
    end = go(again, out, names="abcde", resume=True)
    assert again.asked == ["b", "c", "e"]
    assert rows(out) == {"a": None, "b": None, "c": "bad", "d": None, "e": None}
    assert (end.kept, end.done, end.failed) == (2, 3, 1)


def test_rows_of_slides_that_are_not_asked_for_now_stay(out, row_of):
    go(Pretend(row_of, bad="d"), out)
    go(Pretend(row_of), out, names="e", resume=True)
    assert rows(out) == {"a": None, "b": None, "c": None, "d": "bad", "e": None}


def test_ctrl_c_keeps_what_is_done_and_the_rest_is_done_later(out, row_of):
    first = Pretend(row_of, stop="c")
    with pytest.raises(KeyboardInterrupt):
        go(first, out)
    assert first.closed
    assert list(rows(out)) == ["a", "b"]
    second = Pretend(row_of)
    go(second, out, resume=True)
    assert second.asked == ["c", "d"]
    assert sorted(rows(out)) == list("abcd")


def test_a_slide_that_is_answered_twice_has_one_row(out, row_of):
    go(Pretend(row_of, twice=True), out)
    assert [row["path"] for row in open_store(out).rows()] == list("abcd")


def test_where_all_is_done_no_worker_is_begun(out, row_of):
    go(Pretend(row_of), out)
    end = run_batch(batch(out, resume=True), lambda _: pytest.fail("nothing is left to do"))
    assert (end.kept, end.done) == (4, 0)


def test_rows_are_not_written_over(out, row_of):
    go(Pretend(row_of), out)
    with pytest.raises(OutputError, match="already exists; add --resume to continue"):
        go(Pretend(row_of), out)
    assert sorted(rows(out)) == list("abcd")


def test_resuming_what_is_not_there_begins(out, row_of):
    go(Pretend(row_of), out, resume=True)
    assert sorted(rows(out)) == list("abcd")


def test_other_settings_are_refused_by_name_and_nothing_is_touched(out, row_of):
    go(Pretend(row_of, bad="b"), out, seed=1)
    before = rows(out)
    with pytest.raises(SettingsError, match="made with settings seed 1, not 2; repeat that"):
        go(Pretend(row_of), out, resume=True, seed=2)
    assert rows(out) == before


def test_other_weights_behind_the_same_name_are_refused(out, row_of):
    go(Pretend(row_of, bad="b"), out)
    with pytest.raises(SettingsError, match="made with other weights of figures"):
        go(Pretend(row_of, weights="v"), out, resume=True)
    assert rows(out)["b"] == "bad"


def test_a_network_that_cannot_be_used_leaves_nothing_behind(out, row_of):
    with pytest.raises(WsiScaleError, match="no such network"):
        go(Pretend(row_of, weights=None), out)
    assert not out.exists()
    assert not note_of(out).exists()


def test_rows_without_their_note_are_not_guessed_at(out, row_of):
    go(Pretend(row_of), out)
    note_of(out).unlink()
    with pytest.raises(OutputError, match="which records the query behind the rows of"):
        go(Pretend(row_of), out, resume=True)


def test_two_runs_cannot_write_one_place(out, row_of):
    pytest.importorskip("fcntl")

    class Second(Pretend):
        def rows(self, paths):
            with pytest.raises(OutputError, match="another run is writing"):
                go(Pretend(row_of), out, resume=True)
            yield from super().rows(paths)

    go(Second(row_of), out)
    assert sorted(rows(out)) == list("abcd")


def test_nfs_which_locks_only_files_open_for_writing_is_a_place_for_rows(out, row_of, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, how):
        if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", flock)
    go(Pretend(row_of), out)
    assert sorted(rows(out)) == list("abcd")


def test_a_file_system_without_locks_is_a_place_for_rows(out, row_of, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, how):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    go(Pretend(row_of), out)
    assert sorted(rows(out)) == list("abcd")


class Meanwhile(Pretend):
    """While its network is loading, another run starts and ends."""

    def __init__(self, row_of, other, **options):
        super().__init__(row_of, **options)
        self.other = other

    def check(self):
        self.other()
        return super().check()


def test_rows_that_another_run_makes_while_the_network_is_loaded_are_kept(out, row_of):
    go(Pretend(row_of), out, names="a")
    late = Meanwhile(row_of, lambda: go(Pretend(row_of), out, names="abc", resume=True))
    go(late, out, resume=True)
    assert late.asked == ["d"]
    assert sorted(rows(out)) == list("abcd")


def test_a_run_that_begins_finds_the_place_taken_while_its_network_was_loaded(out, row_of):
    late = Meanwhile(row_of, lambda: go(Pretend(row_of), out, seed=1))
    with pytest.raises(OutputError, match="already exists; add --resume to continue"):
        go(late, out, seed=2)
    late = Meanwhile(row_of, lambda: go(Pretend(row_of), out, seed=1, resume=True))
    with pytest.raises(SettingsError, match="made with settings seed 1, not 2; repeat that"):
        go(late, out, seed=2, resume=True)
    assert sorted(rows(out)) == list("abcd")


def test_two_runs_that_begin_at_once_never_both_write(out, row_of):
    pytest.importorskip("fcntl")
    first, second = (Claim(out, batch(out).asked.describe(), resume=False) for _ in range(2))
    first.take("w")
    with pytest.raises(OutputError, match="another run is writing"):
        second.take("w")
    first.leave()
    with pytest.raises(OutputError, match="already exists"):
        second.take("w")


def test_a_run_killed_before_its_note_was_written_is_resumed(out, row_of):
    note_of(out).parent.mkdir(exist_ok=True)
    note_of(out).touch()
    go(Pretend(row_of), out, resume=True)
    assert sorted(rows(out)) == list("abcd")
    assert json.loads(note_of(out).read_text())["state"] == "w"


def test_other_tools_find_all_rows_of_a_killed_run_once_it_is_resumed(
    tmp_path, row_of, monkeypatch
):
    """Even if no slide is left to do: the last rows were only in the journal."""
    out = tmp_path / "rows.parquet"
    with monkeypatch.context() as killed:
        killed.setattr(Parts, "close", lambda store: None)
        go(Pretend(row_of), out)
    go(Pretend(row_of), out, resume=True)
    assert sorted(pq.read_table(out)["path"].to_pylist()) == list("abcd")


def test_the_note_says_what_was_asked(out, row_of):
    go(Pretend(row_of), out, seed=3)
    note = json.loads(note_of(out).read_text())
    assert note["asked"]["network"] == "figures"
    assert note["asked"]["settings"]["seed"] == 3
    assert note["state"] == "w"


@pytest.mark.parametrize("name", ["rows.csv", "rows", "rows.json"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"--out must end in \.jsonl, \.parquet or"):
        open_store(tmp_path / name)


def test_throughput_and_time_left_are_of_this_run():
    standing = Standing(total=100, kept=40, done=20, failed=1, seconds=60.0)
    assert standing.per_minute == 20
    assert standing.seconds_left == 120
    assert Standing(total=100, kept=40).seconds_left is None


def test_settings_that_no_text_can_carry_are_refused(profile_of, samples_of):
    options = {"profile": profile_of(samples_of(truth=2.0))}
    with pytest.raises(SettingsError, match="name a profile by its file"):
        Asked.of("figures", Settings(options=options), "cpu", Limits())


def test_files_are_named_for_every_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.pt2").touch()
    Path("w.safetensors").touch()
    asked = Asked.of("net.pt2", Settings(profile="p"), "cpu", Limits())
    assert asked.network == str(tmp_path / "net.pt2")
    assert asked.settings.profile == str(tmp_path / "p")
    asked = Asked.of("m:f?weights=w.safetensors&x=1", Settings(), "cpu", Limits())
    assert asked.network == f"m:f?weights={tmp_path / 'w.safetensors'}&x=1"
    Path("figures").mkdir()  # a bundled name stays as it is
    assert Asked.of("figures", Settings(), "cpu", Limits()).network == "figures"


@pytest.mark.parametrize(("memory", "seconds"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1)])
def test_limits_are_above_nothing(memory, seconds):
    with pytest.raises(SettingsError, match="must be above 0"):
        Limits(memory, seconds)
