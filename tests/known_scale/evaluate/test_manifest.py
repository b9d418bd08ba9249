"""The manifest: its meaning, and the message for each mistake with its line."""

import re

import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.known_scale.evaluate.manifest import read_manifest


@pytest.fixture
def written(tmp_path):
    """Maker of manifests from text."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "slides.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_every_column_is_read(written):
    path = written(
        "slide,group,scale,mpp,class,mask\na.svs,g,2.5,,red cross,\nb.svs,,,0.5,,b.png\n"
    )
    a, b = read_manifest(path).rows
    assert (a.slide, a.block, a.scale, a.kind, a.mask) == ("a.svs", "g", 2.5, "red cross", None)
    assert (b.slide, b.block, b.scale, b.mpp, b.mask) == ("b.svs", "b.svs", None, 0.5, "b.png")


def test_blanks_a_mark_of_excel_and_lines_of_windows_change_nothing(written):
    plain = read_manifest(written("slide,scale\na.svs,2\nb.svs,3\n")).sha256
    other = written("slide , scale\r\n a.svs, 2.0 \r\n\r\nb.svs,3\r\n", "utf-8-sig")
    assert read_manifest(other).sha256 == plain
    assert read_manifest(written("slide,scale\na.svs,2\nb.svs,4\n")).sha256 != plain


def test_paths_are_relative_to_the_manifest_and_drawn_slides_are_not_paths(written, tmp_path):
    manifest = read_manifest(written("slide,scale\na.svs,2\n"))
    assert manifest.find("a.svs") == str(tmp_path / "a.svs")
    assert manifest.find("/data/a.svs") == "/data/a.svs"
    assert manifest.find("synthetic:figures") == "synthetic:figures"


def test_names_of_files_can_be_read_and_do_not_collide(written):
    manifest = read_manifest(written("slide,scale\nx/a b.svs,2\nsynthetic:figures?seed=1,2\n"))
    assert [manifest.stem(x) for x in manifest.rows] == ["0001-a-b.svs", "0002-figures-seed-1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"has no column slide; the columns are slide,group,scale\|mpp,class\|mask"),
        ("slide,scale\n", "lists no slides; the columns are"),
        ("slide,group\na,b\n", "has no column scale or mpp"),
        ("slide;scale\na;2\n", "unknown column 'slide;scale'"),
        ("slide,scale,notes\na,2,x\n", "unknown column 'notes'"),
        ("slide,scale,scale\na,2,2\n", "repeats the column 'scale'"),
        ("slide,scale\na,2\nb,two\n", "line 3: scale must be a number above 0, got 'two'"),
        ("slide,scale\na,-2\n", "line 2: scale must be a number above 0, got -2"),
        ("slide,scale\na,inf\n", "line 2: scale must be a number above 0, got inf"),
        ("slide,mpp\na,0\n", "line 2: mpp must be a number above 0, got 0"),
        ("slide,scale,mpp\na,,\n", "line 2: give either scale or mpp; this line has neither"),
        ("slide,scale,mpp\na,2,0.5\n", "line 2: give either scale or mpp; this line has both"),
        ("slide,scale\na\n", "line 2: give either scale or mpp; this line has neither"),
        ("slide,scale\n,2\n", "line 2 names no slide; fill the column or delete the line"),
        ("slide,scale\na,b,2\n", "line 2 has more values than there are columns"),
        (
            "slide,scale,class,mask\na,2,x,y\n",
            r"line 2: give class .* or mask .*; this line has both",
        ),
        ("slide,scale\na,2\nb,3\na,4\n", "line 4: slide a is already in line 2"),
        ('slide,scale\n"a,2\n', "is not a CSV file in UTF-8"),
    ],
)
def test_a_fault_is_told_in_one_sentence_with_its_line_and_value(written, text, says):
    path = written(text)
    with pytest.raises(SettingsError, match=says) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_no_text_or_no_file_is_told(written, tmp_path):
    path = written("slide,scale\n")
    path.write_bytes(b"slide,scale\n\xff\xfe,2\n")
    with pytest.raises(SettingsError, match="is not a CSV file in UTF-8"):
        read_manifest(path)
    with pytest.raises(SettingsError, match=re.escape(f"cannot read {tmp_path / 'no.csv'}: No su")):
        read_manifest(tmp_path / "no.csv")
