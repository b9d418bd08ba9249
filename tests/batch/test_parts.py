"""Rows in a Parquet folder: the same rows as in JSON lines, none lost and none twice."""

import errno
import shutil

import pyarrow.parquet as pq
import pytest

from wsi_scale.batch import parts
from wsi_scale.batch.lines import Lines
from wsi_scale.batch.parts import Parts
from wsi_scale.errors import OutputError, SettingsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_ROWS", 3)
    return tmp_path / "rows.parquet"


def filled(folder, rows, *, end=True):
    store = Parts(folder)
    store.begin()
    for row in rows:
        store.append(row)
    if end:
        store.close()
    return store


def names(folder):
    return [row["path"] for row in Parts(folder).rows()]


def test_rows_come_back_as_they_were(folder, row_of):
    rows = [
        row_of("a", voices={"x": 1.0, "y": None}, warnings=["w"]),
        row_of("b", error="bad"),
        row_of("c", **{"provenance.settings": {"scales": [1.0, 2.0], "a": {"b": None}}}),
        row_of("d", sites=[{"x": 1.0, "y": 2.0, "scale": None}]),
    ]
    filled(folder, rows)
    assert list(Parts(folder).rows()) == rows


def test_other_tools_read_the_folder_as_one_table(folder, row_of):
    filled(folder, [row_of(x) for x in "abcde"])
    assert sorted(pq.read_table(folder)["path"].to_pylist()) == list("abcde")


def test_a_run_that_is_killed_loses_no_row(folder, row_of):
    filled(folder, [row_of(x) for x in "abcd"], end=False)  # d is in no part yet
    assert names(folder) == list("abcd")
    filled(folder, [row_of("e")])
    assert names(folder) == list("abcde")
    assert sorted(pq.read_table(folder)["path"].to_pylist()) == list("abcde")


def test_a_power_cut_between_part_and_journal_makes_no_row_double(folder, row_of, tmp_path):
    filled(folder, [row_of("a"), row_of("b")], end=False)
    shutil.copy(folder / "_journal.jsonl", tmp_path / "kept")
    filled(folder, [row_of("c")])
    shutil.copy(tmp_path / "kept", folder / "_journal.jsonl")  # as if it had not been emptied
    assert names(folder) == list("abc")
    filled(folder, [row_of("d")])
    assert sorted(pq.read_table(folder)["path"].to_pylist()) == list("abcd")


def test_ctrl_c_between_part_and_journal_makes_no_row_double(folder, row_of, monkeypatch):
    store = filled(folder, [row_of("a"), row_of("b")], end=False)
    clear = Lines.clear

    def interrupted(journal):
        monkeypatch.setattr(Lines, "clear", clear)
        raise KeyboardInterrupt

    monkeypatch.setattr(Lines, "clear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.append(row_of("c"))
    store.close()
    assert sorted(pq.read_table(folder)["path"].to_pylist()) == list("abc")


def test_a_disk_that_fills_while_a_part_is_written_is_told_and_loses_no_row(
    folder, row_of, monkeypatch
):
    store = filled(folder, [row_of("a"), row_of("b")], end=False)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OutputError, match=r"part-000000\.parquet: No space left on .* --resume"):
        store.append(row_of("c"))
    monkeypatch.undo()
    assert names(folder) == list("abc")
    store.close()
    assert sorted(pq.read_table(folder)["path"].to_pylist()) == list("abc")


def test_failed_rows_leave_parts_and_journal(folder, row_of):
    bad = [row_of(f"bad {i}", error="x") for i in range(4)]
    filled(folder, [row_of("a"), *bad[:2], bad[2], bad[2 + 1]], end=False)
    store = Parts(folder)
    assert store.begin(lambda row: row["error"] is None) == 1
    store.close()
    assert names(folder) == ["a"]
    assert len(list(folder.glob("part-*"))) == 1  # the part with only failed rows was removed


def test_litter_of_a_kill_is_swept_away(folder, row_of):
    filled(folder, [row_of("a")])
    (folder / ".0123456789abcdef.part").touch()
    filled(folder, [])
    assert not list(folder.glob(".*"))


def test_a_damaged_part_is_told_and_not_touched(folder, row_of):
    filled(folder, [row_of("a")])
    (part,) = folder.glob("part-*")
    part.write_bytes(b"PAR1 nonsense")
    with pytest.raises(SettingsError, match=r"part-000000\.parquet cannot be read as Parquet"):
        filled(folder, [])
    assert part.read_bytes() == b"PAR1 nonsense"


def test_a_name_that_is_no_text_is_refused_with_a_way_out(folder, row_of):
    with pytest.raises(OutputError, match=r"ends in \.jsonl"):
        filled(folder, [row_of("\udcff.svs")])


def test_a_number_with_a_bound_is_a_number_in_parquet():
    pa = pytest.importorskip("pyarrow")
    from wsi_scale.batch.parts import schema

    assert schema().field("scale").type == pa.float64()
    assert schema().field("slide.mpp").type == pa.list_(pa.float64())
