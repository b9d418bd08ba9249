"""Rows in a file: each is whole, torn ones are dropped, a full disk is reported."""

import errno
import json
import os
import subprocess
import sys

import pytest

from wsi_scale.batch.lines import Lines
from wsi_scale.errors import OutputError, SettingsError


@pytest.fixture
def store(tmp_path):
    made = Lines(tmp_path / "rows.jsonl")
    yield made
    made.close()


def names(store):
    return [row["path"] for row in store.rows()]


def test_a_row_is_on_the_disk_when_append_returns(store, row_of, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle)))
    store.append(row_of("a"))
    assert json.loads(store.path.read_text()) == row_of("a")
    assert synced


def test_a_torn_last_line_is_no_row_and_gone_before_the_next(store, row_of):
    store.append(row_of("a"))
    with store.path.open("ab") as file:
        file.write(b'{"path": "b", "err')
    assert names(store) == ["a"]
    assert store.begin() == 1
    store.append(row_of("c"))
    assert names(store) == ["a", "c"]


def test_beginning_keeps_what_is_to_be_kept_as_it_was_to_the_byte(store, row_of):
    for row in (row_of("a"), row_of("b", error="bad"), row_of("c")):
        store.append(row)
    lines = store.path.read_bytes().splitlines(keepends=True)
    assert store.begin(lambda row: row["error"] is None) == 2
    assert store.path.read_bytes() == lines[0] + lines[2]


def test_a_crash_while_it_is_rewritten_leaves_the_old_rows(store, row_of):
    for name in "ab":
        store.append(row_of(name))
    before = store.path.read_bytes()

    def die(row):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.begin(die)
    assert store.path.read_bytes() == before
    assert os.listdir(store.path.parent) == ["rows.jsonl"]


def test_what_a_kill_leaves_of_a_rewrite_is_swept_away_and_nothing_of_others(store, row_of):
    store.append(row_of("a"))
    program = (
        "import os, pathlib, sys\n"
        "from wsi_scale.batch.lines import Lines\n"
        "Lines(pathlib.Path(sys.argv[1])).begin(lambda row: os._exit(9))\n"
    )
    assert subprocess.run([sys.executable, "-c", program, store.path]).returncode == 9
    (store.path.parent / ".0123456789abcdef.part").touch()
    assert len(os.listdir(store.path.parent)) == 3
    assert store.begin() == 1
    assert sorted(os.listdir(store.path.parent)) == [".0123456789abcdef.part", "rows.jsonl"]


def test_a_full_disk_is_one_sentence_and_leaves_no_half_row(store, row_of, monkeypatch):
    store.append(row_of("a"))
    real = os.write

    def full(handle, data):
        if len(data) <= 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:10])  # some of it fits, as on a real disk

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr("wsi_scale.batch.lines.encode", lambda row: b"x" * 15 + b"\n")
    with pytest.raises(OutputError, match=r"rows\.jsonl: No space left on device; .* --resume"):
        store.append(row_of("b"))
    monkeypatch.undo()
    assert names(store) == ["a"]
    store.append(row_of("c"))
    assert names(store) == ["a", "c"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_disk_that_is_really_full_is_told(tmp_path, row_of):
    (tmp_path / "rows.jsonl").symlink_to("/dev/full")
    store = Lines(tmp_path / "rows.jsonl")
    with pytest.raises(OutputError, match="No space left on device"):
        store.append(row_of("a"))
    store.close()


@pytest.mark.parametrize("line", ["{}", "[]", "not json", '{"path": 1, "error": null}'])
def test_a_file_of_something_else_is_not_touched(store, row_of, line):
    store.path.write_text(f"{json.dumps(row_of('a'))}\n{line}\n")
    before = store.path.read_bytes()
    with pytest.raises(SettingsError, match=r"rows\.jsonl, line 2 is not a row of wsi-scale batch"):
        store.begin()
    assert store.path.read_bytes() == before


def test_a_name_that_is_no_text_comes_back(store, row_of):
    name = os.fsdecode(b"/s/\xff.svs")
    store.append(row_of(name))
    assert names(store) == [name]
