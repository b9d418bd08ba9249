"""µm/px and cohorts of many slides, from the tables that people have."""

import os
import shutil

import pytest

from wsi_scale.batch.listing import list_slides
from wsi_scale.errors import SettingsError


def stated(*words, stdin=b""):
    return {os.path.basename(x.path): x.mpp for x in list_slides(words, stdin).entries}


TWO = {"a_20x.jpg": (0.499, 0.499), "b_40x.jpg": (0.2495, 0.2495)}


@pytest.mark.parametrize("name", ["slide_mpp.csv", "trident.csv"])
def test_each_slide_gets_the_pixel_size_of_its_line(cases, name):
    listing = list_slides([str(cases / name)])
    assert {os.path.basename(x.path): x.mpp for x in listing.entries} == TWO
    assert listing.notes == ()


def test_a_tsv_is_a_list_and_no_slide(cases):
    (entry,) = list_slides([str(cases / "list.tsv")]).entries
    assert (os.path.basename(entry.path), entry.cohort) == ("a_20x.jpg", "A")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tsv", "wsi\tmpp\na_20x.jpg\t0.499\nb_40x.jpg\t0.2495\n"),
        ("t.tsv", "WSI\tMPP\na_20x.jpg\t0,499\nb_40x.jpg\t0,2495\n"),
        ("t.csv", "slide;mpp\na_20x.jpg;0,499\nb_40x.jpg;0.2495\n"),
        ("t.csv", "Slide,mpp_x,mpp_y\na_20x.jpg,0.499,0.499\nb_40x.jpg,0.2495,0.2495\n"),
        ("t.txt", "slide\tmpp\na_20x.jpg\t0.499\nb_40x.jpg\t0.2495\n"),
        ("t.csv", '\ufeffmpp,wsi\n"0.499,0.499",a_20x.jpg\n0.2495,b_40x.jpg\n'),
    ],
)
def test_commas_semicolons_and_tabs_are_understood(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert stated(str(path)) == TWO
    assert stated("-", stdin=path.read_bytes()) == TWO


def test_pixels_that_are_not_square_keep_both_sides(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('slide,mpp\na.svs,"0.25,0.5"\nb.svs,\n')
    assert stated(str(path)) == {"a.svs": (0.25, 0.5), "b.svs": None}


def test_a_txt_of_names_is_a_list(tmp_path):
    path = tmp_path / "slides.txt"
    path.write_text("a.svs\n\nsub/b.svs\n")
    found = [os.path.relpath(x.path, tmp_path) for x in list_slides([str(path)]).entries]
    assert found == ["a.svs", "sub/b.svs"]


def test_a_tables_pixel_size_holds_for_the_slide_named_elsewhere_too(cases, tmp_path):
    for name in ("slide_mpp.csv", "a_20x.jpg", "b_40x.jpg"):
        shutil.copy(cases / name, tmp_path)
    for words in (["slide_mpp.csv", "."], [".", "slide_mpp.csv"]):
        assert stated(*(str(tmp_path / word) for word in words)) == TWO


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slide,mpp\na.svs,twenty\n", "line 2: 'twenty' is not a number of µm"),
        ("slide,mpp\na.svs,0\n", "line 2: mpp must be one number"),
        ("slide,mpp\na.svs,-0.5\n", "line 2: mpp must be one number"),
        ("slide,mpp\na.svs,nan\n", "line 2: mpp must be one number"),
        ('slide,mpp\na.svs,"0,499"\n', "write the number with a point"),
        ("slide,mpp\na.svs,0.5\na.svs,0.25\n", "line 3: a.svs has 0.25 µm/px, but 0.5 µm/px in"),
    ],
)
def test_a_pixel_size_that_cannot_be_is_refused_by_its_line(tmp_path, text, says):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        list_slides([str(path)])
    assert says in str(caught.value)


def test_two_tables_that_disagree_about_a_pixel_size_are_told(tmp_path):
    for name, mpp in (("s.csv", 0.5), ("t.csv", 0.25)):
        (tmp_path / name).write_text(f"slide,mpp\na.svs,{mpp}\n")
    with pytest.raises(SettingsError, match=r"has 0\.5 µm/px in .*s\.csv but 0\.25 µm/px in"):
        list_slides([str(tmp_path / "s.csv"), str(tmp_path / "t.csv")])


def test_a_folder_tells_how_many_files_of_which_ending_it_left_out(cases):
    listing = list_slides([str(cases / "mixed")])
    assert [os.path.basename(x.path) for x in listing.entries] == ["read.jpg"]
    (note,) = listing.notes
    assert note.startswith(f"6 files in {cases / 'mixed'} left out")
    assert "1 .isyntax, 1 .kfb, 1 .lif, 1 .mds, 1 .sdpc, 1 .vsi;" in note


def test_a_folder_of_nothing_but_unreadable_slides_says_so(tmp_path):
    for name in ("a.VSI", "sub/b.vsi", "sub/c.tmap"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(SettingsError, match=r"\(1 \.tmap, 2 \.vsi cannot be read; convert them\)"):
        list_slides([str(tmp_path)])


def test_notes_lists_and_parts_of_slides_are_not_counted(cases, tmp_path):
    shutil.copy(cases / "a_20x.jpg", tmp_path)
    for name in ("notes.txt", "t.csv", "rows.jsonl", "README", "M/Data0001.dat", "_x_/t.ets"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_slides([str(tmp_path)]).notes == ()


def test_dicom_without_an_ending_is_counted(cases, tmp_path):
    shutil.copy(cases / "a_20x.jpg", tmp_path)
    (tmp_path / "IM0001").write_bytes(b"\0" * 128 + b"DICM")
    assert "1 DICOM without an ending" in list_slides([str(tmp_path)]).notes[0]


def test_the_images_that_a_vms_lists_are_no_slides_of_their_own(tmp_path):
    (tmp_path / "s.vms").write_text(
        "[Virtual Microscope Specimen]\nImageFile=s.jpg\nMapFile=s_map.jpg\nMacroImage=s_m.jpg\n"
    )
    for name in ("s.jpg", "s_map.jpg", "s_m.jpg", "other.jpg"):
        (tmp_path / name).touch()
    found = [os.path.basename(x.path) for x in list_slides([str(tmp_path)]).entries]
    assert found == ["other.jpg", "s.vms"]
