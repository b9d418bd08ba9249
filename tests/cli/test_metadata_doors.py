"""What people see of metadata, images and regions at the command line."""

import json

import pytest

from wsi_scale import cli
from wsi_scale.render.site_tables import sites_geojson
from wsi_scale.report import Report

QUICK = ["--network", "figures", "--sites", "2", "--dense", "--per-octave", "2", "--no-ruler"]


@pytest.fixture
def run(capsys):
    def go(*words):
        code = cli.run([str(word) for word in words])
        seen = capsys.readouterr()
        return code, seen.out, " ".join(seen.err.split())

    return go


@pytest.mark.parametrize(
    "name",
    [
        "ome_entity.ome.tif",
        "ome_entity_stripped.ome.tif",
        "ome_prefix.ome.tif",
        "imagej_mm.tif",
        "imagej_nm.tif",
        "macro_first.ome.tif",
        "rgb_as_channels.ome.tif",
        "rgb12in16.tif",
    ],
)
@pytest.mark.parametrize("reader", [[], ["--reader", "tiffslide"]], ids=["chosen", "tiffslide"])
def test_the_pixel_size_that_the_file_states_is_found(run, cases, name, reader):
    code, out, _ = run("info", cases / name, "--json", "-", *reader)
    assert code == 0
    assert json.loads(out)["mpp"] == pytest.approx([0.499, 0.499])


def test_info_shows_the_bounds_from_which_qupath_counts(run, cases):
    _, out, _ = run("info", cases / "bounds_far.scn")
    assert "1024 × 1024 px from x 3000, y 8000; QuPath counts from there" in out
    _, out, _ = run("info", cases / "bounds_far.scn", "--json", "-")
    assert json.loads(out)["bounds"] == [3000, 8000, 1024, 1024]
    assert "bounds" not in run("info", cases / "macro_first.ome.tif")[1]


def test_info_names_the_image_that_is_not_the_slide(run, cases):
    assert "and not macro (240 × 560 px)" in run("info", cases / "macro_first.ome.tif")[1]
    _, out, _ = run("info", cases / "macro_first.ome.tif", "--json", "-")
    assert "and not macro (240 × 560 px)" in json.loads(out)["notes"][0]


def test_a_preview_is_refused_with_exit_code_2(run, cases):
    code, out, err = run("info", cases / "lonely.mrxs")
    assert (code, out) == (2, "")
    assert "lonely with the pixels is missing" in err


def sites_of(out):
    return {(site["x"], site["y"]) for site in json.loads(out)["sites"]}


def inside(sites):
    return all(3500 <= x <= 4000 and 8500 <= y <= 9000 for x, y in sites)


@pytest.mark.parametrize("name", ["qupath_on_scn.geojson", "level0_on_scn_far.geojson"])
def test_estimate_measures_where_the_region_was_drawn(run, cases, name):
    slide, region = cases / "bounds_far.scn", cases / name
    code, out, _ = run(
        "estimate", slide, "--region", region, *QUICK, "--scales", "0.5:2", "--json", "-"
    )
    assert code in (0, 3)
    report = json.loads(out)
    assert report["sites"]
    assert inside(sites_of(out))
    assert any("counts from the corner of" in note for note in report["warnings"])


def test_what_is_exported_for_qupath_comes_back_to_the_same_place(run, cases, tmp_path):
    slide, region = cases / "bounds_far.scn", cases / "qupath_on_scn.geojson"
    words = ["estimate", slide, *QUICK, "--scales", "0.5:2", "--json", "-"]
    _, out, _ = run(*words, "--region", region)
    shapes = json.loads(sites_geojson(Report.model_validate_json(out)))
    x, y = shapes["features"][0]["geometry"]["coordinates"][0][0]
    assert 0 <= x <= 1024
    assert 0 <= y <= 1024
    (tmp_path / "sites.geojson").write_text(json.dumps(shapes))
    _, again, _ = run(*words, "--region", tmp_path / "sites.geojson")
    assert json.loads(again)["sites"]


def test_a_region_can_be_forced_into_either_frame(run, cases):
    words = ["estimate", cases / "bounds_far.scn", *QUICK]
    code, _, err = run(
        *words, "--region", cases / "qupath_on_scn.geojson", "--region-origin", "level0"
    )
    assert code == 2
    assert "outside" in err or "no part" in err
    code, _, err = run(*words, "--region-origin", "corner")
    assert (code, "must be auto, bounds or level0, got 'corner'" in err) == (2, True)


def test_a_class_without_a_region_is_refused(run, cases):
    code, _, err = run("estimate", cases / "bounds_far.scn", *QUICK, "--region-class", "Tumor")
    assert code == 2
    assert "no region to take class 'Tumor' from" in err


@pytest.mark.parametrize("command", ["info", "ruler"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0,25", "which no scanner makes; write the number with a point"),
        ("a", "'a' is not a number of µm"),
        ("1,2,3", "is not a number of µm"),
        ("0", "mpp must be one number"),
        ("inf", "mpp must be one number"),
    ],
)
def test_a_pixel_size_that_cannot_be_is_refused(run, cases, command, text, says):
    code, _, err = run(command, cases / "imagej_mm.tif", "--mpp", text)
    assert code == 2
    assert says in err


def test_pixels_that_are_not_square_can_be_stated(run, cases):
    _, out, _ = run("info", cases / "imagej_mm.tif", "--mpp", "0.25,0.26", "--json", "-")
    assert json.loads(out)["mpp"] == [0.25, 0.26]
    words = ["estimate", cases / "a_20x.jpg", *QUICK, "--scales", "0.5:2", "--json", "-"]
    _, out, _ = run(*words, "--mpp", "0.25,0.26")
    report = json.loads(out)
    assert report["slide"]["mpp"] == report["provenance"]["settings"]["mpp"] == [0.25, 0.26]
