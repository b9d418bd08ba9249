"""OME-Zarr: metadata in µm and in words, exact pixels, and files that are not slides."""

import json
import multiprocessing
import os
import pickle
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr

from wsi_scale import cli, open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide.readers.zarr import example
from wsi_scale.testing import painted_levels

NOISE = np.random.default_rng(8).integers(0, 255, (180, 260, 3), dtype=np.uint8)
PYRAMID = [NOISE, NOISE[::2, ::2], NOISE[::4, ::4]]
UNITS = {"y": "micrometer", "x": "micrometer"}
TYPES = {"t": "time", "c": "channel"}


def arranged(pixels, axes):
    """(h, w, c) pixels with the dimensions of ``axes``; further dimensions have length one."""
    kept = [axis for axis in axes if axis in "yxc"]
    if "c" not in axes:
        pixels = pixels[..., 0]
    pixels = pixels.transpose(["yxc".index(axis) for axis in kept])
    return np.expand_dims(pixels, [i for i, axis in enumerate(axes) if axis not in "yxc"])


def scale_of(axes, y, x):
    numbers = {"y": y, "x": x}
    return {"type": "scale", "scale": [numbers.get(axis, 1) for axis in axes]}


def multiscale_of(arrays, axes, *, mpp=(0.25, 0.5), units=UNITS):
    """Metadata of levels, finest first; mpp is (x, y)."""
    rows, columns = axes.index("y"), axes.index("x")
    datasets = []
    for number, array in enumerate(arrays):
        down, across = (arrays[0].shape[i] / array.shape[i] for i in (rows, columns))
        scale = scale_of(axes, mpp[1] * down, mpp[0] * across)
        datasets.append({"path": str(number), "coordinateTransformations": [scale]})
    named = [{"name": axis, "type": TYPES.get(axis, "space")} for axis in axes]
    for axis in named:
        if axis["name"] in units:
            axis["unit"] = units[axis["name"]]
    return {"axes": named, "datasets": datasets}


def write_group(path, ome, zarr_format=2):
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    group.attrs.update({"ome": {"version": "0.5", **ome}} if zarr_format == 3 else ome)
    return group


def write_arrays(path, arrays, axes="cyx", zarr_format=2, **stated):
    """An OME-Zarr image of arrays, unchanged: 0.4 in zarr v2, 0.5 in v3."""
    image = {"version": "0.4"} if zarr_format == 2 else {}
    image |= multiscale_of(arrays, axes, **stated)
    group = write_group(path, {"multiscales": [image]}, zarr_format)
    chunks = tuple(64 if axis in "yx" else 1 for axis in axes)
    for number, data in enumerate(arrays):
        array = group.create_array(str(number), shape=data.shape, chunks=chunks, dtype=data.dtype)
        array[:] = data
    return path


def write_image(path, levels=PYRAMID, axes="cyx", zarr_format=2, **stated):
    """An OME-Zarr image of levels (h, w, c), with the dimensions of ``axes``."""
    return write_arrays(path, [arranged(x, axes) for x in levels], axes, zarr_format, **stated)


def attributes(path):
    return json.loads((Path(path) / ".zattrs").read_text())


def rewrite(path, change):
    """The image's metadata, v2, after change(its first multiscales entry)."""
    stated = attributes(path)
    change(stated["multiscales"][0])
    (Path(path) / ".zattrs").write_text(json.dumps(stated))
    return path


def zipped(path, target, within=""):
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(Path(path).rglob("*")):
            archive.write(file, Path(within) / file.relative_to(path))
    return target


@pytest.fixture
def image(tmp_path):
    return write_image(tmp_path / "slide.ome.zarr")


def shows(slide, levels):
    return len(slide.levels) == len(levels) and all(
        (slide.read(i, 0, 0, x.shape[1], x.shape[0]) == x).all() for i, x in enumerate(levels)
    )


# what a good file shows


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("axes", ["cyx", "tczyx", "czyx", "tcyx", "yxc", "cxy", "tzyxc"])
def test_every_level_is_the_array_it_was_written_from(tmp_path, axes, zarr_format):
    path = write_image(tmp_path / "slide.ome.zarr", axes=axes, zarr_format=zarr_format)
    with open_slide(path) as slide:
        assert slide.reader == "zarr"
        assert shows(slide, PYRAMID)
        assert slide.mpp == (0.25, 0.5)
        version = {2: "0.4", 3: "0.5"}[zarr_format]
        assert slide.reader_reason == f"zarr reads this OME-Zarr {version}"


@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx"])
def test_grey_becomes_rgb(tmp_path, axes):
    grey = [level[..., :1] for level in PYRAMID]
    with open_slide(write_image(tmp_path / "grey.zarr", grey, axes)) as slide:
        assert shows(slide, [np.repeat(level, 3, axis=2) for level in grey])


def test_transparent_pixels_show_white(tmp_path):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[..., 0], rgba[:, :2, 3], rgba[:, 2:4, 3] = 200, 255, 51
    with open_slide(write_image(tmp_path / "rgba.zarr", [rgba])) as slide:
        row = slide.read(0, 0, 0, 6, 4)[0].tolist()
    assert row == [[200, 0, 0]] * 2 + [[244, 204, 204]] * 2 + [[255] * 3] * 2


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_16_bit_colour_fills_the_range_of_8_bits(tmp_path, dtype):
    deep = [(level.astype(np.uint16) * 257).astype(dtype) for level in PYRAMID]
    with open_slide(write_image(tmp_path / "deep.zarr", deep)) as slide:
        assert shows(slide, PYRAMID)


def test_painted_levels_show_their_colour_to_the_last_pixel_and_background_beyond(tmp_path):
    levels = painted_levels()
    with open_slide(write_image(tmp_path / "painted.zarr", levels)) as slide:
        assert shows(slide, levels)
        expected = [1, 2, (300 / 75 + 250 / 62) / 2, (300 / 37 + 250 / 31) / 2]
        assert [level.downsample for level in slide.levels] == pytest.approx(expected, rel=1e-12)
        for number, painted in enumerate(levels):
            height, width = painted.shape[:2]
            corner = slide.read(number, width - 3, height - 2, 8, 6)
            assert (corner[:2, :3] == painted[0, 0]).all()
            assert (corner[2:] == slide.background).all()
            assert (corner[:, 3:] == slide.background).all()


def test_of_planes_the_middle_and_of_times_the_first_and_it_says_so(tmp_path):
    stacks = [np.zeros((3, 3, 5, *level.shape[:2]), np.uint8) for level in PYRAMID]
    for stack, level in zip(stacks, PYRAMID, strict=True):
        stack[0, :, 2] = np.moveaxis(level, 2, 0)
    with open_slide(write_arrays(tmp_path / "stack.zarr", stacks, "tczyx")) as slide:
        assert shows(slide, PYRAMID)
        assert slide.reader_reason == (
            "zarr reads this OME-Zarr 0.4, the first of its 3 time points, z 2, the middle of its "
            "5 planes"
        )


def test_only_the_chunks_of_the_window_are_read(tmp_path):
    path = write_image(tmp_path / "slide.zarr", [NOISE])
    for chunk in (path / "0").iterdir():
        if chunk.name[0] in "012" and not chunk.name.endswith(".0.0"):
            chunk.write_bytes(b"broken")
    with open_slide(path) as slide:
        assert (slide.read(0, 5, 5, 40, 40) == NOISE[5:45, 5:45]).all()
        with pytest.raises(SlideError, match="cannot be decoded at level 0, x 60") as caught:
            slide.read(0, 60, 60, 40, 30)
        assert "\n" not in str(caught.value)
        assert (slide.read(0, 5, 5, 40, 40) == NOISE[5:45, 5:45]).all()


# resolution


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micrometer", 1), ("nanometer", 1e-3), ("millimeter", 1e3), ("angstrom", 1e-4), ("µm", 1)],
)
def test_any_unit_of_length_becomes_micrometres(tmp_path, unit, factor):
    mpp = (0.25 / factor, 0.5 / factor)
    path = write_image(tmp_path / "slide.zarr", mpp=mpp, units={"x": unit, "y": unit})
    with open_slide(path) as slide:
        assert slide.mpp == pytest.approx((0.25, 0.5), rel=1e-12)
        assert slide.mpp_source == "ome-zarr.scale-x"
        says = [f"{value:.15g} {unit}" for value in mpp]
        assert [(f.source, f.says, f.status) for f in slide.audit] == [
            ("ome-zarr.scale-x", says[0], "used"),
            ("ome-zarr.scale-y", says[1], "used"),
        ]


@pytest.mark.parametrize("unit", [None, "pixel", "second"])
def test_without_a_unit_of_length_there_is_no_resolution(tmp_path, unit):
    units = {"x": unit, "y": unit} if unit else {}
    with open_slide(write_image(tmp_path / "slide.zarr", units=units)) as slide:
        assert slide.mpp is None
        assert slide.mpp_source is None
        says = f"0.25 {unit or 'without a unit'}"
        assert (slide.audit[0].says, slide.audit[0].status) == (says, "nonsense")


def test_scales_of_the_level_and_of_all_levels_multiply_and_translations_do_not(image):
    def change(entry):
        entry["coordinateTransformations"] = [
            scale_of("cyx", 0.5, 2),
            {"type": "translation", "translation": [0, 900, 700]},
        ]

    with open_slide(rewrite(image, change)) as slide:
        assert slide.mpp == (0.5, 0.25)
        assert len(slide.levels) == 3


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"type": "identity"}],
        [{"type": "scale", "scale": [0.25, 0.25]}],
        [{"type": "scale", "path": "scales"}],
        [{"type": "scale", "scale": [1, 0, 0]}],
        [{"type": "scale", "scale": [1, -0.25, -0.25]}],
    ],
)
def test_a_scale_that_is_none_leaves_the_slide_without_resolution(image, steps):
    def change(entry):
        entry["datasets"][0]["coordinateTransformations"] = steps

    with open_slide(rewrite(image, change)) as slide:
        assert slide.mpp is None
        assert shows(slide, PYRAMID)


def test_downsamples_come_from_the_sizes_not_from_what_the_metadata_say(image):
    def change(entry):
        for dataset in entry["datasets"]:
            dataset["coordinateTransformations"] = [scale_of("cyx", 1, 1)]

    with open_slide(rewrite(image, change)) as slide:
        assert [level.downsample for level in slide.levels] == [1, 2, 4]


def test_levels_placed_by_pixel_centres_are_whole_and_a_part_elsewhere_is_left_out(image):
    def moved(entry, pixels):
        for number, downsample in ((1, 2), (2, 4)):
            move = [0, 0.5 * pixels(downsample), 0.25 * pixels(downsample)]
            steps = entry["datasets"][number]["coordinateTransformations"]
            steps.append({"type": "translation", "translation": move})

    rewrite(image, lambda entry: moved(entry, lambda downsample: (downsample - 1) / 2))
    with open_slide(image) as slide:
        assert len(slide.levels) == 3
    rewrite(image, lambda entry: moved(entry, lambda downsample: 3 * (downsample - 2)))
    with open_slide(image) as slide:
        assert [level.downsample for level in slide.levels] == [1, 2]


def test_a_level_of_another_aspect_is_left_out(tmp_path):
    levels = painted_levels(((1200, 900), (300, 225), (100, 90)))
    with open_slide(write_image(tmp_path / "mixed.zarr", levels)) as slide:
        assert [level.width for level in slide.levels] == [1200, 300]


def test_a_given_mpp_wins_and_leaves_the_files_own_in_the_audit(image):
    with open_slide(image, mpp=0.25) as slide:
        assert slide.mpp == (0.25, 0.25)
        assert [(f.source, f.status) for f in slide.audit] == [
            ("given", "used"),
            ("ome-zarr.scale-x", "agrees"),
            ("ome-zarr.scale-y", "conflicts"),
        ]


@pytest.mark.parametrize("stated", [0.4, "0.4"])
def test_a_version_may_be_a_number(image, stated):
    with open_slide(rewrite(image, lambda entry: entry.update(version=stated))) as slide:
        assert slide.properties["ome-zarr.version"] == "0.4"


# versions, zips and collections


def test_axes_given_as_names_are_understood(tmp_path):
    path = write_image(tmp_path / "old.zarr")
    rewrite(path, lambda entry: entry.update(version="0.3", axes=["c", "y", "x"]))
    with open_slide(path) as slide:
        assert shows(slide, PYRAMID)
        assert slide.mpp is None


def test_axes_without_names_are_the_five_of_the_first_versions(tmp_path, refusal):
    path = write_image(tmp_path / "oldest.zarr", axes="tczyx")
    rewrite(path, lambda entry: entry.update(version="0.1") or entry.pop("axes"))
    with open_slide(path) as slide:
        assert shows(slide, PYRAMID)
    rewrite(path, lambda entry: entry.update(version="0.6"))
    assert "(OME-Zarr 0.6) name no axes; only versions 0.1 and 0.2 may leave them out" in refusal(
        path
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("within", ["", "slide.ome.zarr"])
def test_a_zip_reads_like_the_folder(tmp_path, zarr_format, within):
    folder = write_image(tmp_path / "slide.ome.zarr", zarr_format=zarr_format)
    path = zipped(folder, tmp_path / "slide.ome.zarr.zip", within)
    with open_slide(path) as slide, open_slide(folder) as other:
        assert slide.reader == "zarr"
        assert shows(slide, PYRAMID)
        assert (slide.mpp, slide.levels) == (other.mpp, other.levels)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("listed", [True, False])
def test_the_one_series_of_bioformats2raw_is_opened(tmp_path, zarr_format, listed):
    path = tmp_path / "converted.ome.zarr"
    write_group(path, {"bioformats2raw.layout": 3}, zarr_format)
    if listed:
        write_group(path / "OME", {"series": ["0"]}, zarr_format)
    write_image(path / "0", zarr_format=zarr_format)
    with open_slide(path) as slide:
        assert shows(slide, PYRAMID)
        assert slide.path == str(path)
        assert slide.reader_reason.endswith(", its only image 0")


@pytest.mark.parametrize("listed", [True, False])
def test_several_series_are_named_and_each_can_be_passed(tmp_path, listed, refusal):
    path = tmp_path / "converted.ome.zarr"
    write_group(path, {"bioformats2raw.layout": 3})
    if listed:
        write_group(path / "OME", {"series": ["0", "1", "2"]})
    for number in range(3):
        write_image(path / str(number), [level + number for level in PYRAMID])
    assert refusal(path) == (
        f"zarr cannot open {path}: it holds several images (0, 1, 2); pass one of them, for "
        "example converted.ome.zarr/0"
    )
    with open_slide(path / "1") as slide:
        assert shows(slide, [level + 1 for level in PYRAMID])
    archive = zipped(path, tmp_path / "converted.zarr.zip")
    assert "it holds several images (0, 1, 2); unpack it and pass one of them" in refusal(archive)


def write_plate(path, wells, fields):
    write_group(path, {"plate": {"wells": [{"path": well} for well in wells]}})
    for well in wells:
        images = [{"path": str(field)} for field in range(fields)]
        write_group(path / well, {"well": {"images": images}})
        for field in range(fields):
            write_image(path / well / str(field), [NOISE])


def test_a_plate_of_one_image_is_opened_and_of_a_larger_one_the_images_are_named(tmp_path, refusal):
    write_plate(tmp_path / "one.zarr", ["B/3"], 1)
    with open_slide(tmp_path / "one.zarr") as slide:
        assert shows(slide, [NOISE])
        assert slide.reader_reason.endswith("its only image B/3/0")
    write_plate(tmp_path / "many.zarr", ["A/1", "A/2", "B/1", "B/2"], 2)
    message = refusal(tmp_path / "many.zarr")
    assert "(A/1/0, A/1/1, A/2/0, A/2/1, B/1/0, B/1/1, …)" in message
    assert message.endswith("for example many.zarr/A/1/0")
    assert "(0, 1); pass one of them" in refusal(tmp_path / "many.zarr" / "A/1")


# what is not a slide


@pytest.mark.parametrize(
    ("arrays", "axes", "says"),
    [
        ([np.zeros((5, 90, 120), np.uint8)], "cyx", "5 channels, neither grey nor RGB"),
        ([np.zeros((2, 90, 120), np.uint8)], "cyx", "2 channels, neither grey nor RGB"),
        ([np.zeros((90, 120), np.uint16)], "yx", "its pixels are uint16, not grey of 8 bits"),
        ([np.zeros((1, 90, 120), np.uint16)], "cyx", "its pixels are uint16"),
        ([np.zeros((3, 90, 120), np.float32)], "cyx", "its pixels are float32"),
        ([np.zeros((3, 90, 120), np.int8)], "cyx", "its pixels are int8, not RGB of 8 or 16"),
        ([np.zeros((90, 120), bool)], "yx", "its pixels are bool"),
        ([NOISE[::2, ::2], NOISE], "yxc", "level 1 is larger than the first"),
        ([NOISE, NOISE[::2, ::2, :1]], "yxc", "level 1 differs from its finest"),
        ([NOISE, NOISE[::2, ::2].astype(np.uint16)], "yxc", "level 1 differs from its finest"),
    ],
)
def test_what_is_no_colour_image_is_refused_in_one_sentence(tmp_path, arrays, axes, says, refusal):
    path = write_arrays(tmp_path / "odd.zarr", arrays, axes)
    assert says in refusal(path)
    assert refusal(path).startswith(f"zarr cannot open {path}: it")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda entry: entry["axes"][1].update(name="x"),
            "its axes are c, x, x; it must have y and x",
        ),
        (lambda entry: entry["axes"][0].update(name="lambda"), "its axes are lambda, y, x"),
        (lambda entry: entry["axes"].insert(0, {"name": "t"}), "level 0 has 3 dimensions, but"),
        (lambda entry: entry.pop("axes"), "its metadata (OME-Zarr 0.4) name no axes"),
        (lambda entry: entry.pop("datasets"), "metadata are damaged at datasets"),
        (lambda entry: entry.update(datasets=[]), "metadata are damaged at datasets"),
        (lambda entry: entry.update(datasets=[{"path": None}]), r"damaged at datasets.0.path"),
        (lambda entry: entry["datasets"][0].update(path="../.."), "path '../..' is invalid"),
        (lambda entry: entry["datasets"][1].update(path="9"), "its level 9 is missing"),
    ],
)
def test_damaged_metadata_are_refused_in_one_sentence(image, change, says, refusal):
    assert says in refusal(rewrite(image, change))


@pytest.mark.parametrize("listed", [[], {}, None, ["x"], 7])
def test_multiscales_that_list_nothing_are_refused(image, listed, refusal):
    (image / ".zattrs").write_text(json.dumps({"multiscales": listed}))
    assert "its multiscales metadata list no image" in refusal(image)


@pytest.mark.parametrize("name", [".zattrs", ".zgroup", "0/.zarray"])
@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_files_that_are_cut_off_are_refused_in_one_sentence(image, name, text, refusal):
    (image / name).write_text(text)
    assert refusal(image).startswith(f"zarr cannot open {image}: ")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"zarr_format": 3, "node_type": "x"}'])
def test_damaged_v3_metadata_are_refused_in_one_sentence(tmp_path, text, refusal):
    path = write_image(tmp_path / "slide.zarr", zarr_format=3)
    (path / "zarr.json").write_text(text)
    assert refusal(path).startswith(f"zarr cannot open {path}: it")


def test_a_lost_level_a_lost_image_and_a_lost_group_are_named(image, tmp_path, refusal):
    shutil.rmtree(image / "2")
    assert "its level 2 is missing; copy it again" in refusal(image)
    (image / ".zgroup").unlink()
    assert "it contains none of zarr.json, .zgroup" in refusal(image)
    collection = tmp_path / "converted.zarr"
    write_group(collection, {"bioformats2raw.layout": 3})
    write_group(collection / "OME", {"series": ["0"]})
    assert "its group 0 is missing; copy it again" in refusal(collection)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_other_zarrs_are_told_to_pass_their_arrays(tmp_path, zarr_format, refusal):
    write_group(tmp_path / "plain.zarr", {"title": "no image"}, zarr_format)
    message = refusal(tmp_path / "plain.zarr")
    assert message.endswith(
        "it is not an OME-Zarr image; "
        "open it with zarr and pass the arrays of its levels, finest first"
    )
    path = write_image(tmp_path / "slide.zarr", zarr_format=zarr_format)
    assert "it is a single array; pass the folder above it" in refusal(path / "0")


@pytest.mark.parametrize(("inside", "name"), [("", "."), ("2", "2")])
def test_a_short_relative_path_leaves_the_reason_readable(
    tmp_path, monkeypatch, inside, name, refusal
):
    path = write_image(tmp_path / "slide.zarr" / inside)
    shutil.rmtree(path / "2")
    monkeypatch.chdir(path if name == "." else path.parent)
    assert refusal(name) == f"zarr cannot open {name}: its level 2 is missing; copy it again"


def test_labels_and_empty_collections_are_refused(tmp_path, image, refusal):
    rewritten = attributes(image) | {"image-label": {"version": "0.4"}}
    (image / ".zattrs").write_text(json.dumps(rewritten))
    assert "it holds labels, not an image" in refusal(image)
    for ome in ({"bioformats2raw.layout": 3}, {"plate": {"wells": []}}):
        write_group(tmp_path / "empty.zarr", ome)
        assert "it is not an OME-Zarr image" in refusal(tmp_path / "empty.zarr")
    write_group(tmp_path / "empty.zarr", {"plate": {"rows": []}})
    assert "its metadata list no wells" in refusal(tmp_path / "empty.zarr")


def test_a_zip_of_something_else_is_refused_with_every_readers_reason(tmp_path, refusal):
    path = tmp_path / "notes.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "these are my notes")
    message = refusal(path)
    assert "zarr: it contains none of zarr.json, .zgroup" in message
    assert message.count(str(path)) == 1


def run(capsys, *words):
    """Exit code, stdout and stderr of the command line."""
    code = cli.run([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_line_shows_it_and_exits_2_for_what_is_none(image, tmp_path, capsys):
    code, shown, _ = run(capsys, "info", image)
    assert code == 0
    assert "zarr (zarr reads this OME-Zarr 0.4)" in shown
    assert "0.25 × 0.5 µm/px (x × y), from ome-zarr.scale-x" in shown
    write_group(tmp_path / "plain.zarr", {})
    code, _, said = run(capsys, "info", tmp_path / "plain.zarr")
    assert code == 2
    assert "it is not an OME-Zarr image" in said


def test_no_result_is_written_among_the_parts_of_a_slide(image, capsys, monkeypatch):
    monkeypatch.chdir(image)
    code, _, said = run(capsys, "info", image, "--json", image / "info.json")
    assert code == 2
    assert "lies inside" in said
    assert not (image / "info.json").exists()
    code, shown, _ = run(capsys, "info", image, "--json", "-")
    assert (code, json.loads(shown)["reader"]) == (0, "zarr")


# workers


def is_right(slide, x, y):
    return bool((slide.read(0, x, y, 50, 40) == NOISE[y : y + 40, x : x + 50]).all())


PLACES = [(int(x), int(y)) for x, y in np.random.default_rng(9).integers(0, (210, 140), (24, 2))]


@pytest.fixture(params=["folder", "zip"])
def slide(request, image, tmp_path):
    path = image if request.param == "folder" else zipped(image, tmp_path / "slide.zarr.zip")
    with open_slide(path, mpp=0.25) as opened:
        yield opened


def test_threads_read_one_slide_at_once(slide):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda place: is_right(slide, *place), PLACES))


def read_in_worker(place):
    return is_right(WORKERS_SLIDE, *place)


# zarr keeps a thread; forking next to that thread is tested here
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.usefixtures("can_fork")
def test_forked_workers_read_a_slide_that_was_open_before(slide):
    global WORKERS_SLIDE
    WORKERS_SLIDE = slide
    assert is_right(slide, 10, 10)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = [pool.apply_async(read_in_worker, (place,)) for place in PLACES]
        assert all(is_right(slide, *place) for place in PLACES)
        assert all(answer.get(timeout=60) for answer in answers)
    assert is_right(slide, 20, 20)


def test_a_pickled_slide_opens_the_file_again_and_keeps_what_was_given(slide):
    with pickle.loads(pickle.dumps(slide)) as again:
        assert (again.mpp, again.audit, again.levels) == (slide.mpp, slide.audit, slide.levels)
        assert is_right(again, 30, 40)
    assert is_right(slide, 30, 40)


def test_a_pickled_slide_whose_file_is_gone_says_so(image):
    slide = open_slide(image)
    again = pickle.loads(pickle.dumps(slide))
    shutil.rmtree(image)
    with again, pytest.raises(SlideError, match=r"slide\.ome\.zarr .*it is no longer there"):
        again.read(0, 0, 0, 5, 5)


def test_a_closed_slide_says_so(slide):
    slide.close()
    with pytest.raises(SlideError, match="is closed; open it again"):
        slide.read(0, 0, 0, 5, 5)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("part", ["0", "0/c", "zarr.json"])
def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path, part):
    inside = example(tmp_path / "inside")
    (inside / part).rename(tmp_path / "outside")
    (inside / part).symlink_to(tmp_path / "outside")
    with (
        pytest.raises(SlideError, match="a link that leads out of it"),
        open_slide(inside) as slide,
    ):
        slide.read(0, 0, 0, 50, 50)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_the_whole_folder_is_followed(tmp_path):
    (tmp_path / "link.zarr").symlink_to(example(tmp_path / "inside"))
    with open_slide(tmp_path / "link.zarr") as slide:
        assert slide.read(0, 0, 0, 50, 50).any()


def test_a_chunk_too_large_to_read_is_refused(tmp_path):
    group = write_group(tmp_path / "huge.zarr", {}, 3)
    group.create_array("0", shape=(1 << 17, 1 << 17), chunks=(1 << 17, 1 << 17), dtype="uint8")
    axes = [{"name": name, "type": "space"} for name in "yx"]
    one = {"axes": axes, "datasets": [{"path": "0"}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [one]}
    with pytest.raises(SlideError, match="too large to read"):
        open_slide(tmp_path / "huge.zarr")


def test_corrupt_compression_of_a_zip_is_one_sentence():
    with pytest.raises(SlideError, match="damaged") as caught:
        open_slide(Path(__file__).parents[2] / "cases" / "hostile" / "lzma_corrupt.zip")
    assert "\n" not in str(caught.value)
