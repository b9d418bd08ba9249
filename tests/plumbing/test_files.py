"""A result is written whole or not at all."""

import os
from pathlib import Path

import pytest

from wsi_scale.errors import OutputError
from wsi_scale.plumbing.files import check_writable, replacing, write_atomically


def test_text_is_written_as_utf8_and_bytes_as_they_are(tmp_path):
    write_atomically(tmp_path / "a.txt", "µm/px 😐")
    write_atomically(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == "µm/px 😐".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.bin"]


def _half_a_report(path):
    with replacing(path) as file:
        file.write(b"half")
        raise RuntimeError("interrupted")


def test_an_interrupted_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="interrupted"):
        _half_a_report(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_disk_that_fails_is_one_sentence_and_no_litter(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OutputError, match=r"cannot write .*x\.json: No space left on device"):
        write_atomically(tmp_path / "x.json", "x")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"no folder .*nowhere; make it first"):
        write_atomically(tmp_path / "nowhere" / "x.json", "x")


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(OutputError, match="it is a folder; add a file name"):
        write_atomically(tmp_path, "x")


def test_a_read_only_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    path.write_text("kept")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    with pytest.raises(OutputError, match="read-only"):
        write_atomically(path, "x")
    assert path.read_text() == "kept"


def test_a_read_only_folder_is_refused_before_the_work(tmp_path, monkeypatch):
    check_writable(tmp_path / "x.json")
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    with pytest.raises(OutputError, match="its folder is read-only"):
        check_writable(tmp_path / "x.json")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_a_link_keeps_pointing_where_it_points(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_atomically(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


@pytest.mark.skipif(not os.path.exists(os.devnull), reason="no null device here")
def test_a_device_is_written_to_and_not_replaced():
    before = os.stat(os.devnull).st_mode
    write_atomically(os.devnull, "x")
    assert os.stat(os.devnull).st_mode == before


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
def test_a_pipe_without_a_name_of_its_own_is_written_to():
    reading, writing = os.pipe()
    path = f"/dev/fd/{writing}"
    check_writable(path)
    write_atomically(path, "x")
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b"x"


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="no /proc, a folder that takes no files"
)
def test_a_folder_that_takes_no_files_is_refused_before_the_work():
    with pytest.raises(OutputError, match="choose another"):
        check_writable("/proc/x.json")


def test_checking_a_place_leaves_nothing_there_and_the_old_file_as_it_was(tmp_path):
    (tmp_path / "old.json").write_text("old")
    check_writable(tmp_path / "old.json")
    check_writable(tmp_path / "new.json")
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX matter")
def test_the_file_gets_the_permissions_any_new_file_gets(tmp_path):
    write_atomically(tmp_path / "ours", "x")
    (tmp_path / "usual").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
