"""What each tool is told, computed by hand: scale 2 on 0.25 µm/px is 0.5 µm/px, 448 px a patch."""

import csv
import io
import json
import runpy
import sys
import tomllib
from types import ModuleType, SimpleNamespace

import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.exports.facts import ready
from wsi_scale.exports.targets import all_targets
from wsi_scale.exports.targets._magnification import bucket
from wsi_scale.exports.targets.for_histoqc import base_mag
from wsi_scale.exports.write import export
from wsi_scale.networks.published_models import find_published


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def slides_of(text, tmp_path):
    """The table SLIDES of an exported script, without the tool that the script imports."""
    code = text.partition("\nimport ")[0].partition("\nfrom ")[0]
    script = tmp_path / "export.py"
    script.write_text(code, encoding="utf-8")
    return runpy.run_path(str(script))["SLIDES"]


def test_trident_is_told_the_magnification_that_makes_its_bucket_the_scale(answer):
    files = export(answer(), "trident")
    assert table(files["slides_20x_224px.csv"]) == [
        {"wsi": "a.svs", "mpp": "0.25", "verdict": "ok", "mpp_from": "aperio.MPP"}
    ]
    # 0.25 µm/px counts as 40×, and 40 / 20 = 2
    assert "--mag 20 --patch_size 224" in files["trident.sh"]
    assert "--wsi_dir slides --custom_list_of_wsis slides_20x_224px.csv" in files["trident.sh"]


def test_trident_is_told_the_encoder_if_it_has_it(answer):
    script = export(answer(name="UNI", spec="for:uni", input_size=256), "trident")["trident.sh"]
    *_, coords, feat = script.strip().splitlines()
    assert "--task coords" in coords
    assert "--task feat" in feat
    assert feat.endswith("--patch_encoder uni_v1")
    assert "then feat with --patch_encoder" not in script
    other = export(answer(), "trident")["trident.sh"]
    assert "then feat with --patch_encoder" in other


def test_the_hint_on_the_encoder_does_not_depend_on_names_of_folders(answer):
    script = export(answer(path="features/a.svs"), "trident")["trident.sh"]
    assert "then feat with --patch_encoder" in script


@pytest.mark.parametrize("name", sorted(all_targets()))
def test_no_tool_is_told_a_patch_of_no_size(answer, name):
    """What is written is that of 224 px, which a note says where the tool has room for notes."""

    def lines(input_size):
        try:
            files = export(answer(input_size=input_size), name)
        except SettingsError as error:
            return str(error)
        text = files if isinstance(files, str) else "\n".join(f"{k}\n{files[k]}" for k in files)
        kept = [x for x in text.splitlines() if "patch size is not known" not in x]
        return [x for x in kept if "notes" not in x and x.strip() not in ("]", "")]

    assert lines(0) == lines(224)


def test_every_encoder_of_trident_is_a_published_model():
    from wsi_scale.exports.targets.for_trident import ENCODERS

    assert all(find_published(name) for name in ENCODERS)


@pytest.mark.parametrize(
    ("mpp", "power"),
    [(0.15, 80), (0.16, 60), (0.2, 40), (0.3, 20), (0.6, 10), (1.2, 5), (2.39, 5), (2.4, None)],
)
def test_the_buckets_are_those_of_trident_and_atlaspatch(mpp, power):
    assert bucket(mpp) == power


def test_trident_reaches_a_scale_that_no_usual_magnification_names(answer):
    files = export(answer(scale=1.7, mpp=0.499), "trident")
    assert "--mag 11.7647 " in files["trident.sh"]  # 20 / 1.7


def test_slides_of_one_batch_share_a_command_only_if_they_share_the_magnification(answer):
    reports = [answer("s/a.svs"), answer("s/t/b.svs"), answer("s/c.svs", scale=4.0)]
    files = export(reports, "trident")
    assert [row["wsi"] for row in table(files["slides_20x_224px.csv"])] == ["a.svs", "t/b.svs"]
    assert [row["wsi"] for row in table(files["slides_10x_224px.csv"])] == ["c.svs"]
    assert files["trident.sh"].count("run_batch_of_slides.py") == 2


def test_slides_too_coarse_for_trident_are_refused_in_one_sentence(answer):
    for target in ("trident", "atlaspatch"):
        with pytest.raises(SettingsError, match=r"a.svs has 3 µm/px, and .* refuses slides of 2.4"):
            export(answer(mpp=3.0), target)


def test_atlaspatch_cuts_the_field_at_level_0(answer):
    files = export(answer(), "atlaspatch")
    assert table(files["mpp.csv"])[0]["wsi"] == "slides/a.svs"
    assert "--target-mag 40 --patch-size 448 -- slides/a.svs" in files["atlaspatch.sh"]


def test_slide2vec_gets_a_manifest_with_the_spacing_at_level_0(answer, tmp_path):
    files = export([answer("s/a.svs"), answer("t/a.svs")], "slide2vec")
    rows = table(files["slides_1.csv"])
    assert [row["sample_id"] for row in rows] == ["a", "a_2"]
    assert {row["spacing_at_level_0"] for row in rows} == {"0.25"}
    assert "'spacing_um': 0.5, 'tile_px': 224" in files["slide2vec_run.py"]


def test_tiatoolbox_gets_mpp_where_it_is_known_and_else_the_multiplier(answer):
    known = json.loads(export(answer(), "tiatoolbox")["tiatoolbox_config.json"])
    assert known["configs"]["slides/a.svs"] == {
        "input_resolutions": [{"units": "mpp", "resolution": 0.5}],
        "patch_input_shape": [224, 224],
        "stride_shape": [224, 224],
    }
    unknown = json.loads(export(answer(mpp=None), "tiatoolbox")["tiatoolbox_config.json"])
    resolution = unknown["configs"]["slides/a.svs"]["input_resolutions"]
    assert resolution == [{"units": "baseline", "resolution": 0.5}]


EXPECTED = {
    "lazyslide": {"path": "slides/a.svs", "slide_mpp": 0.25, "mpp": 0.5, "tile_px": 224},
    "slideflow": {
        "path": "slides/a.svs",
        "tile_px": 224,
        "tile_um": 112,
        "slide_mpp": 0.25,
        "scale": 2.0,
        "scale_reached": 2.0,
    },
    "histolab": {"path": "slides/a.svs", "scale": 2.0, "tile_px": 224, "field_px": 448},
    "eva": {"path": "slides/a.svs", "tile_px": 224, "target_mpp": 0.5, "overwrite_mpp": 0.25},
    "stardist": {"path": "slides/a.svs", "zoom": 0.5, "pixel_size_um": 0.5},
    "cellpose": {
        "path": "slides/a.svs",
        "diameter": 60.0,
        "diameter_nuclei": 34.0,
        "diameter_um": 15.0,
    },
    "instanseg": {"path": "slides/a.svs", "scale": 2.0, "slide_mpp": 0.25},
}


@pytest.mark.parametrize("target", EXPECTED)
def test_the_call_carries_these_numbers(target, answer, tmp_path):
    assert slides_of(export(answer(), target), tmp_path) == [EXPECTED[target]]


def test_slideflow_takes_whole_micrometres_and_is_told_which_scale_that_reaches(answer, tmp_path):
    (slide,) = slides_of(export(answer(scale=1.7, mpp=0.499), "slideflow"), tmp_path)
    assert slide["tile_um"] == 190  # 224 × 1.7 × 0.499 = 190.02
    assert slide["scale_reached"] == 380 / 224  # int(190 / 0.499)


def test_monai_reads_the_finest_level_that_serves_and_resizes_the_rest(answer, tmp_path):
    (slide,) = slides_of(export(answer(scale=5.0), "monai"), tmp_path)
    assert slide == {
        "path": "slides/a.svs",
        "level": 1,
        "level_px": 280,
        "residual": 1.25,
        "tile_px": 224,
    }


def test_clam_gets_level_and_size_and_resizes_to_the_network(answer):
    files = export(answer(scale=5.0), "clam")
    assert "--patch_level 1 --patch_size 280 --step_size 280" in files["clam.sh"]
    assert "--target_patch_size 224" in files["clam.sh"]
    assert table(files["clam_1/slides.csv"]) == [
        {"slide_id": "a.svs", "process": "1", "verdict": "ok"}
    ]


def test_wsinfer_gets_what_the_card_says_and_null_for_the_rest(answer):
    known = json.loads(export(answer(spec="histology"), "wsinfer")["config_1.json"])
    assert (known["spacing_um_px"], known["patch_size_pixels"]) == (0.5, 224)
    assert (known["num_classes"], known["class_names"]) == (1, ["nucleus"])
    unknown = json.loads(export(answer(spec="timm:resnet18"), "wsinfer")["config_1.json"])
    assert unknown["num_classes"] is None
    assert unknown["transform"][-1]["arguments"] == {"mean": None, "std": None}


def test_instanseg_is_given_the_pixel_size_that_reaches_the_scale(answer):
    names = {}
    exec(export(answer(scale=2.0), "instanseg"), names)
    # a model made for 0.5 µm/px zooms by pixel_size / 0.5 = 1 / 2
    assert names["pixel_size"](names["SLIDES"][0], 0.5) == 0.25


def test_bioimageio_states_scale_and_unit_of_both_axes(answer):
    text = export(answer(), "bioimageio")
    assert "{type: space, id: y, size: 224, scale: 0.5, unit: micrometer}" in text
    assert "{type: space, id: x, size: 224, scale: 0.5, unit: micrometer}" in text


@pytest.mark.parametrize(
    ("mpp", "power"), [(0.25, "40"), (0.499, "20"), (0.2325, "43"), (1.001, "9.99"), (10.0, "1.00")]
)
def test_histoqc_can_parse_the_magnification(mpp, power):
    import re

    assert base_mag(mpp) == power
    # the pattern of HistoQC's BaseImage: 20.04x would not match
    assert re.fullmatch(r"(\d?\.?\d*X?)", f"{power}x", flags=re.IGNORECASE)


def test_histoqc_gets_one_configuration_per_magnification(answer):
    reports = [answer("s/a.svs"), answer("s/b.svs", mpp=0.5), answer("s/c.svs", mpp=0.501)]
    files = export(reports, "histoqc")
    assert [row["base_mag"] for row in table(files["magnification.csv"])] == ["40", "20", "20"]
    assert set(files) == {"magnification.csv", "base_mag_40.ini", "base_mag_20.ini"}
    assert files["base_mag_40.ini"].endswith("[BaseImage.BaseImage]\nbase_mag: 40x\n")


def test_histoqc_needs_no_scale(answer):
    report = answer(scale=None, verdict="flat")
    assert "40" in export(report, "histoqc", even_if="flat")["magnification.csv"]


def test_qupath_sets_both_sides_of_a_pixel_and_adds_the_field_around_each_site(answer):
    files = export(answer(mpp=(0.25, 0.26)), "qupath")
    assert "PIXEL_SIZES['a.svs'] = [0.25d, 0.26d]" in files["set_pixel_size.groovy"]
    # 448 px around (1000, 800)
    assert "SITES['a.svs'] = '776.00,576.00,448.00'" in files["add_sites.groovy"]
    assert "does not say where the slide's bounds begin" in files["add_sites.groovy"]


def test_qupath_counts_from_the_bounds_that_a_report_knows():
    from dataclasses import replace

    module = all_targets()["qupath"]
    facts = replace(
        ready("m.mrxs", 2.0, tile_px=100), origin=(300.0, 40.0), sites=((500.0, 240.0),)
    )
    text = module.write([facts], [])["add_sites.groovy"]
    assert "'100.00,100.00,200.00'" in text
    assert "does not say" not in text


def test_qupath_without_a_pixel_size_still_gets_its_sites(answer):
    assert set(export(answer(mpp=None), "qupath")) == {"add_sites.groovy"}


def test_qupath_cannot_tell_two_slides_of_one_name_apart(answer):
    with pytest.raises(SettingsError, match=r"two slides are called a\.svs"):
        export([answer("s/a.svs"), answer("t/a.svs")], "qupath")


def test_the_python_that_is_written_for_monai_calls_it_with_these_arguments(answer, monkeypatch):
    calls = {}

    class WSIReader:
        def __init__(self, backend, level):
            calls["level"] = level

        def read(self, path):
            return path

        def get_data(self, wsi, location, size):
            calls["location"], calls["size"] = location, size
            return wsi, {}

    def resize(size, mode, anti_aliasing):
        calls["tile"], calls["anti_aliasing"] = size, anti_aliasing
        return lambda image: SimpleNamespace(shape=(3, *size))

    data, transforms = ModuleType("monai.data"), ModuleType("monai.transforms")
    data.WSIReader, transforms.Resize = WSIReader, resize
    monkeypatch.setitem(sys.modules, "monai", ModuleType("monai"))
    monkeypatch.setitem(sys.modules, "monai.data", data)
    monkeypatch.setitem(sys.modules, "monai.transforms", transforms)
    names = {"__name__": "export"}
    exec(export(answer(scale=5.0), "monai"), names)
    assert names["read_patch"](names["SLIDES"][0], 10, 20).shape == (3, 224, 224)
    assert calls == {
        "level": 1,
        "location": (20, 10),
        "size": (280, 280),
        "tile": (224, 224),
        "anti_aliasing": True,
    }


def test_the_axes_can_be_pasted_into_yaml(answer):
    lines = [x for x in export(answer(), "bioimageio").splitlines() if x.startswith("  - {")]
    for line in lines:  # a flow mapping of plain words: TOML reads it too, once : is =
        inside = line.strip(" -{}").replace(": ", " = ").replace(", ", "\n")
        quoted = inside.replace("space", '"space"').replace("micrometer", '"micrometer"')
        quoted = quoted.replace("id = y", 'id = "y"').replace("id = x", 'id = "x"')
        assert tomllib.loads(quoted)["scale"] == 0.5
