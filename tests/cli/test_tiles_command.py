"""From a report to a folder of tiles, or to one picture, on the command line."""

import csv

import numpy as np
import pytest
from PIL import Image

from wsi_scale import open_slide
from wsi_scale.cli import run

SLIDE = "synthetic:figures?seed=1&width=900&height=700"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.json"
    options = ["--scales", "1:3", "--per-octave", "2", "--sites", "4", "--no-ruler"]
    assert run(["estimate", SLIDE, "--network", "figures", *options, "--json", str(path)]) in (0, 3)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def complaint(capsys, *arguments):
    assert run(["tiles", SLIDE, *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_tiles_lie_where_the_table_says(tmp_path, capsys):
    folder = tmp_path / "tiles"
    assert run(["tiles", SLIDE, "--scale", "2", "--size", "64", "--all", "--out", str(folder)]) == 0
    with (folder / "places.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 8 * 6 == len(list(folder.glob("*.png")))
    assert "48 tiles" in capsys.readouterr().out
    one = next(x for x in lines if (x["row"], x["column"]) == ("2", "3"))
    assert [float(one[k]) for k in ("x", "y", "width", "scale")] == [384, 256, 128, 2]
    with open_slide(SLIDE) as slide:
        native = slide.read(0, 384, 256, 128, 128).astype(float)
    shrunk = native.reshape(64, 2, 64, 2, 3).mean((1, 3))
    seen = pixels(folder / one["file"]).astype(float)
    assert np.abs(seen - shrunk).mean() < 8


def test_the_count_is_told_before_the_first_tile(tmp_path, capsys):
    arguments = ["tiles", SLIDE, "--scale", "4", "--size", "600", "--all"]
    assert run([*arguments, "--out", str(tmp_path / "a")]) == 2
    assert "is 2400 px of the slide wide, but the slide's longer side has 900" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "a").exists()
    assert (
        run(
            [
                "tiles",
                SLIDE,
                "--scale",
                "4",
                "--region",
                "0,0,896,700",
                "--all",
                "--out",
                str(tmp_path / "b"),
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    assert captured.err.startswith("1 tile of 224 px, each 896 px of the slide wide, at scale 4")
    assert captured.out.startswith("1 tile at scale 4 of 224 px")


def test_a_report_gives_scale_and_size(report, tmp_path):
    from wsi_scale.report import Report

    found = Report.from_json(report.read_text())
    folder = tmp_path / "tiles"
    arguments = ["tiles", SLIDE, "--report", str(report), "--all", "--out", str(folder)]
    assert run(arguments) == 0
    with (folder / "places.csv").open() as file:
        line = next(csv.DictReader(file))
    assert float(line["scale"]) == pytest.approx(found.scale)
    assert pixels(folder / line["file"]).shape[:2] == (found.network.input_size,) * 2


def test_the_whole_as_one_picture(tmp_path):
    path = tmp_path / "whole.png"
    assert run(["tiles", SLIDE, "--scale", "4", "--all", "--picture", str(path)]) == 0
    assert pixels(path).shape == (175, 225, 3)


def test_what_cannot_be_done_is_one_sentence(capsys, tmp_path, report):
    folder = tmp_path / "tiles"
    assert "either a folder" in complaint(capsys, "--scale", 2)
    assert "give one of --report" in complaint(capsys, "--out", folder)
    assert "states no µm/px" in complaint(capsys, "--at-mpp", 0.5, "--out", folder)
    assert "is no report" in complaint(capsys, "--report", __file__, "--out", folder)
    assert "cannot read" in complaint(capsys, "--report", tmp_path / "no.json", "--out", folder)
    nowhere = ("--region", tmp_path / "no.geojson")
    assert "neither a file" in complaint(capsys, "--scale", 2, *nowhere, "--out", folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    assert "already holds files" in complaint(capsys, "--scale", 2, "--out", folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    other = "synthetic:figures?seed=1&width=800&height=700"
    arguments = ["tiles", other, "--report", str(report), "--out", str(tmp_path / "x")]
    assert run(arguments) == 2
    assert "name that slide's own report" in capsys.readouterr().err


def test_what_was_cut_before_a_stop_is_kept(tmp_path):
    from wsi_scale.tiling.cut import tiles
    from wsi_scale.tiling.save import save_tiles

    with open_slide(SLIDE) as slide:
        going = save_tiles(tiles(slide, scale=2, size=64), tmp_path)
        assert [next(going), next(going)] == [1, 2]
        going.close()
    lines = (tmp_path / "places.csv").read_text().splitlines()
    assert len(lines) == 3
    assert len(list(tmp_path.glob("*.png"))) == 2
