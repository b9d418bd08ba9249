"""How the slides of a batch are found."""

import os

import pytest

from wsi_scale.batch.listing import Entry, list_slides
from wsi_scale.errors import SettingsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Slides in two folders, among files that are not slides."""
    for name in ("a/1.svs", "a/2.TIF", "a/notes.txt", "b/deep/3.ndpi", "b/.hidden.svs", "x.csv"):
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(folder, *words, stdin=b"", leave_out=()):
    found = list_slides(words, stdin, leave_out).entries
    return [os.path.relpath(x.path, folder) for x in found]


def test_a_folder_is_searched_to_its_depth_for_what_looks_like_a_slide(folder):
    assert paths(folder, "all") == ["all/a/1.svs", "all/a/2.TIF", "all/b/deep/3.ndpi"]


def test_the_cohort_is_the_folder(folder):
    found = list_slides(["all"]).entries
    assert [os.path.relpath(x.cohort, folder) for x in found] == ["all/a", "all/a", "all/b/deep"]


def test_a_pattern_may_go_deep(folder):
    assert paths(folder, "all/**/*.ndpi") == ["all/b/deep/3.ndpi"]


def test_a_slide_named_twice_is_taken_once(folder):
    assert paths(folder, "all/a/1.svs", "./all/a/../a/1.svs", "all/a") == [
        "all/a/1.svs",
        "all/a/2.TIF",
    ]


def test_a_file_with_brackets_is_a_name_and_no_pattern(folder):
    (folder / "s[1].svs").touch()
    assert paths(folder, "s[1].svs") == ["s[1].svs"]


def test_a_link_to_a_folder_is_not_followed_and_that_is_told(folder):
    (folder / "all/c").symlink_to(folder / "all/b")
    listing = list_slides(["all"])
    assert len(listing.entries) == 3
    (note,) = listing.notes
    assert note.endswith(
        "c is a link to a folder and was not searched; name it too if it holds slides"
    )


def test_results_in_a_folder_of_slides_are_no_slides(folder):
    (folder / "all/rows.summary.png").touch()
    assert "all/rows.summary.png" in paths(folder, "all")
    assert "all/rows.summary.png" not in paths(
        folder, "all", leave_out=[folder / "all/rows.summary.png"]
    )


def test_the_summary_of_another_batch_is_no_slide_unless_it_is_named(folder):
    for name in ("x.summary.png", "x.summary.html", "y.summary.png"):
        (folder / "all/b/deep" / name).touch()
    assert "all/b/deep/x.summary.png" in paths(folder, "all")  # nothing shows that it is a summary
    (folder / "all/b/deep/x.summary.md").touch()
    expected = ["all/b/deep/3.ndpi", "all/b/deep/y.summary.png"]
    assert paths(folder, "all/b") == paths(folder, "all/b/deep/*") == expected
    assert paths(folder, "all/b/deep/x.summary.png") == ["all/b/deep/x.summary.png"]


def test_an_ome_zarr_is_one_slide(folder):
    (folder / "all/c.zarr/0").mkdir(parents=True)
    (folder / "all/c.zarr/0/label.png").touch()
    assert paths(folder, "all")[-1] == "all/c.zarr"


def test_dicom_files_of_a_folder_are_one_slide_and_that_is_told(folder):
    for name in ("1.dcm", "2.dcm"):
        (folder / "all/a" / name).touch()
    found = list_slides(["all/a"])
    assert [os.path.basename(x.path) for x in found.entries] == ["1.svs", "2.TIF", "1.dcm"]
    assert "2 DICOM files, which count as one slide" in found.notes[0]


def test_a_csv_names_slides_from_its_own_folder_and_their_cohorts(folder):
    table = "cohort,slide,age\nsite 1,a/1.svs,7\n,gone.svs,8\nsite 1,synthetic:figures,\n"
    (folder / "all/x.csv").write_text("\ufeff" + table, encoding="utf-8")
    found = list_slides(["all/x.csv"])
    assert found.entries == (
        Entry(str(folder / "all/a/1.svs"), "site 1"),
        Entry(str(folder / "all/gone.svs"), str(folder / "all")),
        Entry("synthetic:figures", "site 1"),
    )
    assert found.notes == ("columns of all/x.csv that are ignored: age",)


@pytest.mark.parametrize("header", ["Slide,Cohort", "SLIDE, COHORT", "slide,cohort"])
def test_columns_are_known_in_capitals_too(folder, header):
    (folder / "s.csv").write_text(f"{header}\na.svs,X\n")
    expected = (Entry(str(folder / "a.svs"), "X"),)
    assert list_slides(["s.csv"]).entries == expected
    assert list_slides(["-"], (folder / "s.csv").read_bytes()).entries == expected


def test_the_cohort_of_a_csv_wins_over_a_folder_in_whatever_order_they_are_named(folder):
    (folder / "s.csv").write_text("slide,cohort\nall/a/1.svs,site 1\n")
    (folder / "t.csv").write_text("slide\nall/a/1.svs\n")
    for words in (["s.csv", "all/a", "t.csv"], ["t.csv", "all/a", "s.csv"]):
        found = {x.path: x.cohort for x in list_slides(words).entries}
        assert found == {
            str(folder / "all/a/1.svs"): "site 1",
            str(folder / "all/a/2.TIF"): str(folder / "all/a"),
        }


def test_two_csv_that_disagree_about_a_cohort_are_told(folder):
    (folder / "s.csv").write_text("slide,cohort\na.svs,site 1\n")
    (folder / "t.csv").write_text("slide,cohort\na.svs,site 2\n")
    with pytest.raises(
        SettingsError,
        match=r"a\.svs is in cohort site 1 in s\.csv but in cohort site 2 in t\.csv; list",
    ):
        list_slides(["s.csv", "all", "t.csv"])


def test_stdin_is_a_list_or_nul_parted_or_a_csv(folder):
    lines = b"all/a/1.svs\n\n  \r\nall/b/deep/3.ndpi\r\n"
    assert paths(folder, "-", stdin=lines) == ["all/a/1.svs", "all/b/deep/3.ndpi"]
    odd = b"all/a/1.svs\0two\nlines.svs\0"
    assert paths(folder, "-", stdin=odd) == ["all/a/1.svs", "two\nlines.svs"]
    (entry,) = list_slides(["-"], b"slide,cohort\nx.svs,c\n").entries
    assert entry == Entry(str(folder / "x.svs"), "c")


def test_only_the_end_of_a_line_ends_a_name(folder):
    names = [" a .svs ", "b\u2028b.svs", "c\x0cc.svs", "d\x85d.svs"]
    assert paths(folder, "-", stdin="\n".join(names).encode()) == names


def test_a_name_that_is_no_text_survives(folder):
    (entry,) = list_slides(["-"], b"all/\xff.svs\n").entries
    assert os.fsencode(entry.path).endswith(b"all/\xff.svs")


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        ([], b"", "no slide was given"),
        (["-"], b"\n", "no slide was given"),
        (["gone.svs"], b"", "there is no file or folder 'gone.svs'"),
        (["all/*.svs"], b"", "no slide matches 'all/*.svs'"),
        (["all/b/empty"], b"", "there is no slide in the folder all/b/empty"),
        (["bad.csv"], b"", "bad.csv has no column slide, its first line is 'Path,mpp'; begin"),
        (["empty.csv"], b"", "empty.csv has no column slide, its first line is ''; begin"),
        (
            ["-"],
            b"slide,cohort\na,x\na,y\n",
            "stdin, line 3: a is in cohort y, but in cohort x in line 2",
        ),
        (
            ["-"],
            b"slide,cohort\na,x\na,\n",
            "a is in no cohort, but in cohort x in line 2; list each",
        ),
        (["-"], b"slide,cohort\na,x,z\n", "stdin, line 2 has more values than there are columns"),
        (["-"], b"slide,cohort\n,x\n", "stdin, line 2 names no slide"),
        (["-"], b'slide\n"a\n', "stdin is not a valid CSV ("),
        (["latin.csv"], b"", "latin.csv is not in UTF-8; save it as CSV UTF-8"),
        (["utf16.csv"], b"", "utf16.csv is not in UTF-8; save it as CSV UTF-8"),
        (["bare.csv"], b"", "bare.csv is not in UTF-8; save it as CSV UTF-8"),
        (["-"], "slide\na\n".encode("utf-16"), "stdin is in UTF-16, not in UTF-8; save it as"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence(folder, words, stdin, says):
    (folder / "all/b/empty").mkdir()
    (folder / "bad.csv").write_text("Path,mpp\nx,1\n")
    (folder / "empty.csv").touch()
    (folder / "utf16.csv").write_text("slide\nx\n", encoding="utf-16")
    (folder / "bare.csv").write_text("slide\nx\n", encoding="utf-16-le")
    (folder / "latin.csv").write_bytes(b"slide\n\xe9.svs\n")
    with pytest.raises(SettingsError) as error:
        list_slides(words, stdin)
    assert says in str(error.value)
