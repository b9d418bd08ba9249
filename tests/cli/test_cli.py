"""The command line is a contract: scripts depend on its exit codes, its stdout and its stderr."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

import wsi_scale
from wsi_scale import cli
from wsi_scale.estimators import all_estimators
from wsi_scale.responses.record import Responses
from wsi_scale.sites.regions import parse_region
from wsi_scale.testing import disc_image, write_pyramid_tiff

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE.parents[1] / "docs" / "report.schema.json").read_text())
SAMPLE = HERE.parents[1] / "sample_data" / "CMU-1-Small-Region.svs"
FIGURES = "synthetic:figures?seed=1&stretch=0.4&width=3000&height=2500"
SMALL = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"
ON_FIGURES = ("--network", "figures")
FEW = (*ON_FIGURES, "--sites", "3", "--scales", "1:4", "--per-octave", "2")
OUTPUTS = {"--json": "x.json", "--plot": "x.png", "--html": "x.html", "--responses": "x.npz"}


@pytest.fixture(autouse=True)
def _networks_are_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory: whatever is written by mistake shows here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_network(monkeypatch):
    """Loading a network fails the test: the fault must be found before."""

    def load(*_, **__):
        raise AssertionError("a network was loaded")

    monkeypatch.setattr("wsi_scale.networks.load.load_network", load)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """One full run with every output: (exit code, folder with x.json, x.png, x.html, x.npz)."""
    where = tmp_path_factory.mktemp("run")
    outputs = [part for option, name in OUTPUTS.items() for part in (option, str(where / name))]
    code = cli.run(["estimate", FIGURES, *FEW, "--sites", "16", "--mpp", "0.25", *outputs])
    return code, where


def spoken(value):
    """Test ids: options as they are typed."""
    return " ".join(value) if isinstance(value, list) else ""


def refused(capsys, folder, *arguments):
    """The one sentence with which the arguments are refused; checks that nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code = cli.run([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", shown.err), shown.err
    assert "Traceback" not in shown.err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return shown.err.removeprefix("error: ").strip()


def estimate_json(folder, *arguments):
    """Exit code and report of one ``estimate``; checks the report against the published schema."""
    target = folder / "report.json"
    code = cli.run(["estimate", *map(str, arguments), "--json", str(target)])
    report = json.loads(target.read_text())
    jsonschema.validate(report, SCHEMA)
    return code, report


# Slides that cannot be used


def test_a_missing_slide_is_named(capsys, folder):
    assert "there is no file nope.svs" in refused(capsys, folder, "estimate", "nope.svs")


def test_a_folder_is_no_slide(capsys, folder):
    (folder / "scan").mkdir()
    assert "scan is a folder" in refused(capsys, folder, "estimate", "scan")


def test_a_folder_of_dicom_says_which_file_to_open(capsys, folder):
    (folder / "scan").mkdir()
    (folder / "scan" / "1.dcm").write_bytes(b"x")
    assert "open any one of its .dcm files" in refused(capsys, folder, "estimate", "scan")


def test_an_empty_file_is_said_to_be_empty(capsys, folder):
    (folder / "a.svs").touch()
    assert "a.svs is empty" in refused(capsys, folder, "estimate", "a.svs")


@pytest.mark.parametrize("command", ["estimate", "info"])
def test_a_text_file_is_no_slide(capsys, folder, command):
    (folder / "a.svs").write_text("Dear pathologist,\n")
    assert "no reader can open a.svs" in refused(capsys, folder, command, "a.svs")


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["not-a-slide.svs", "not-wsi.dcm", "truncated.svs", "unopenable.tiff", "unreadable.svs"]
)
def test_broken_files_are_refused(capsys, folder, real_data, name):
    path = real_data / "broken" / name
    assert path.name in refused(capsys, folder, "estimate", path, "--json", "x.json")


def test_a_slide_too_small_for_an_octave_is_refused(capsys, folder):
    Image.fromarray(disc_image(9, width=80, height=60)).save("a.png")
    sentence = refused(capsys, folder, "estimate", "a.png")
    assert "a.png has a shorter side of 60 px" in sentence
    assert "too small for an octave" in sentence


@pytest.mark.parametrize(
    ("slide", "says"),
    [
        ("synthetic:nothing", "names no scene"),
        ("synthetic:figures?seed=x", "needs a number for seed"),
        ("synthetic:figures?width=0", "at least 1 × 1 px"),
        ("synthetic:figures?colour=red", "unknown key 'colour'"),
    ],
)
def test_a_synthetic_slide_that_cannot_be_drawn_is_refused(capsys, folder, slide, says):
    assert says in refused(capsys, folder, "estimate", slide)


# Options that cannot be used


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sites", "0"], "sites must be greater than or equal to 1, got 0"),
        (["--sites", "-3"], "sites must be greater than or equal to 1, got -3"),
        (["--precision", "0"], "precision must be a share between 0 and 1, got 0;"),
        (["--precision", "10"], "got 10; for example 0.1 for 10 % above and below the answer"),
        (["--precision", "nan"], "precision must be a share between 0 and 1, got nan;"),
        (["--precision", "fine"], "'--precision': 'fine' is not a number"),
        (["--sites", "many"], "'many' is not a whole number; see wsi-scale estimate --help"),
        (["--sites", "2.5"], "'--sites': '2.5' is not a whole number"),
        (["--seed", "-1"], "seed must be greater than or equal to 0, got -1"),
        (["--per-octave", "0"], "per_octave must be greater than 0, got 0"),
        (["--per-octave", "nan"], "got nan"),
        (["--per-octave", "few"], "'--per-octave': 'few' is not a number"),
        (["--scales", "1:1.5"], "1:1.5 span less than an octave"),
        (["--scales", "4:1"], "4:1 are empty; LO must be below HI"),
        (["--scales", "2:2"], "2:2 are empty"),
        (["--scales", "1-4"], "--scales must be LO:HI, for example 0.5:16, got '1-4'"),
        (["--scales", "1:2:3"], "got '1:2:3'"),
        (["--scales", "1:"], "got '1:'"),
        (["--scales", ":"], "got ':'"),
        (["--scales", "nan:4"], "finite and above 0, got nan:4"),
        (["--scales", "1:inf"], "finite and above 0, got 1:inf"),
        (["--scales", "0:4"], "finite and above 0, got 0:4"),
        (["--mpp", "nan"], "got nan; for example 0.25"),
        (["--mpp", "0"], "µm per pixel, got 0.0"),
        (["--mpp", "-0.25"], "µm per pixel, got -0.25"),
        (["--mpp", "inf"], "µm per pixel, got inf"),
        (["--mpp", "20x"], "'--mpp': '20x' is not a number"),
        (["--estimator", "magic"], "unknown estimator 'magic'; choose from auto"),
        (["--reader", "magic"], "there is no reader 'magic'; choose one of"),
        (["--reader", "openslide"], "there is no file synthetic:figures"),
        (["--xyzzy"], "No such option: --xyzzy; see wsi-scale estimate --help"),
        (["--json"], "Option '--json' requires an argument; see wsi-scale"),
        (["one", "too", "many"], "unexpected extra argument"),
    ],
    ids=spoken,
)
def test_an_option_that_cannot_be_used_is_refused_before_any_work(
    capsys, folder, no_network, options, says
):
    assert says in refused(capsys, folder, "estimate", SMALL, *options)


@pytest.mark.parametrize("command", ["estimate", "info"])
def test_a_missing_argument_is_named(capsys, folder, command):
    sentence = refused(capsys, folder, command)
    assert sentence == f"Missing argument 'SLIDE'; see wsi-scale {command} --help"


def test_an_unknown_command_is_refused(capsys, folder):
    assert "No such command 'nope'; see wsi-scale --help" in refused(capsys, folder, "nope")


def test_a_device_that_is_not_there_is_refused(capsys, folder):
    assert "unknown device 'abacus'" in refused(
        capsys, folder, "estimate", SMALL, "--device", "abacus"
    )


@pytest.mark.parametrize("slide", [SMALL, "white.png"])
def test_an_unknown_class_is_refused_whatever_the_slide_shows(capsys, folder, slide):
    Image.new("RGB", (900, 900), "white").save("white.png")
    sentence = refused(capsys, folder, "estimate", slide, *FEW, "--target", "unicorn")
    assert "figures has no class 'unicorn'; choose from red rectangle" in sentence


def test_an_estimator_that_the_network_does_not_serve_is_refused(capsys, folder):
    options = (*FEW, "--network", "cli_networks:untrained", "--estimator", "fingerprint")
    assert "fingerprint cannot be used" in refused(
        capsys, folder, "estimate", SMALL, *options, "--json", "x.json"
    )


@pytest.mark.parametrize(
    "arguments",
    [["info", SMALL, "--mpp", "nan"], ["info", SMALL, "--reader", "magic"], ["info", "nope.svs"]],
    ids=spoken,
)
def test_info_refuses_the_same(capsys, folder, arguments):
    refused(capsys, folder, *arguments)


# Networks that cannot be used


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nope", "there is no bundled network 'nope'; choose from figures"),
        ("no_such_module:x", "no_such_module:x: there is no module 'no_such_module'"),
        ("cli_networks:x", "cli_networks:x: cli_networks has no function 'x'"),
        ("cli_networks:untrained?weights=nope.pt", "cannot read nope.pt"),
        ("cli_networks:untrained?depth=3", "the factory raised TypeError"),
        ("cli_networks:Says?what=text", "returned a str"),
        ("cli_networks:Says?what=not_a_number", "NaN"),
        ("cli_networks:Says?what=rank", "returned shape (2,) for 2 patches"),
        ("cli_networks:LaterNaN", "NaN"),
    ],
)
def test_a_network_that_cannot_be_asked_is_refused(capsys, folder, spec, says):
    options = (*FEW, "--network", spec, "--json", "x.json")
    assert says in refused(capsys, folder, "estimate", SMALL, *options)


def test_weights_of_another_network_are_refused_with_the_first_key_that_differs(capsys, folder):
    from cli_networks import untrained

    state = untrained().state_dict()
    state["norm1.weight"] = torch.zeros(7)
    torch.save(state, "other.pt")
    spec = "cli_networks:untrained?weights=other.pt"
    sentence = refused(capsys, folder, "estimate", SMALL, "--network", spec)
    assert "other.pt: 'norm1.weight' has shape (7,) but the network needs (6,)" in sentence


def test_a_checkpoint_that_could_run_code_is_refused(capsys, folder):
    torch.save({"conv1.weight": Path("x")}, "evil.pt")
    spec = "cli_networks:untrained?weights=evil.pt"
    assert "could run code" in refused(capsys, folder, "estimate", SMALL, "--network", spec)


# Regions that cannot be used


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ("10,10,0,0", "the box '10,10,0,0' is empty"),
        ("1,2,3", "'1,2,3' has 3"),
        ("90000,90000,100,100", "lies outside"),
        ("nope.geojson", "'nope.geojson' is neither a file nor a box"),
        ("foreign.json", "is JSON but not GeoJSON"),
        ("broken.json", "is not JSON"),
        ("point.json", "holds no polygon"),
        ("folder", "is a folder"),
        ("outside.json", "lies outside"),
        ("0,0,60,60", "fits around tissue"),
    ],
)
def test_a_region_that_cannot_be_used_is_refused(capsys, folder, region, says):
    far = [[90000, 90000], [91000, 90000], [91000, 91000], [90000, 90000]]
    Path("foreign.json").write_text('{"cells": [1, 2]}')
    Path("broken.json").write_text("{")
    Path("point.json").write_text('{"type": "Point", "coordinates": [1, 2]}')
    Path("outside.json").write_text(json.dumps({"type": "Polygon", "coordinates": [far]}))
    Path("folder").mkdir()
    sentence = refused(capsys, folder, "estimate", SMALL, *FEW, "--region", region)
    assert says in sentence


# Places that cannot be written to


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize("parent", ["missing", "a_file", "/proc", "/dev/full", "locked"])
def test_an_output_that_cannot_be_written_is_refused_before_the_network_is_loaded(
    capsys, folder, no_network, option, parent, monkeypatch
):
    if parent == "/proc" and not Path("/proc/self").exists():
        pytest.skip("this system has no /proc, a folder that takes no files")
    Path("a_file").touch()
    Path("locked").mkdir(mode=0o555)
    if parent == "locked" and os.access("locked", os.W_OK):
        pytest.skip("this user may write into read-only folders")
    target = f"{parent}/{OUTPUTS[option]}"
    sentence = refused(capsys, folder, "estimate", SMALL, *FEW, option, target)
    assert sentence.startswith(f"cannot write {target}: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--plot", "x.docx"], "x.docx: the suffix must be .png, .pdf or .svg"),
        (["--plot", "x"], "the suffix must be .png, .pdf or .svg"),
        (["--responses", "x.csv"], "--responses must end in .npz, got x.csv"),
        (["--html", "-"], "only --json can go to stdout"),
        (["--json", "folder"], "folder: it is a folder; add a file name"),
        (["--html", "folder"], "folder: it is a folder; add a file name"),
        (
            ["--json", "x", "--html", "x"],
            "two results would go to the same file; give each its own name",
        ),
        (["--json", "slide.png"], "slide.png would replace slide.png"),
    ],
    ids=spoken,
)
def test_an_output_that_makes_no_sense_is_refused_before_the_network_is_loaded(
    capsys, folder, no_network, options, says
):
    Path("folder").mkdir()
    Image.fromarray(disc_image(9)).save("slide.png")
    assert says in refused(capsys, folder, "estimate", "slide.png", *options)


INPUTS = {
    "by another way to its folder": ("slide.png", [], "folder/../slide.png"),
    "through a link": ("slide.png", [], "link.json"),
    "the region": ("slide.png", ["--region", "region.json"], "region.json"),
    "the weights": (SMALL, ["--network", "cli_networks:untrained?weights=w.json"], "w.json"),
    "the card": (SMALL, ["--network", "card.toml"], "card.toml"),
    "the weights of the card": (SMALL, ["--network", "card.toml"], "w.json"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_no_result_takes_the_place_of_an_input(capsys, folder, no_network, case):
    slide, options, target = INPUTS[case]
    Path("folder").mkdir()
    Image.fromarray(disc_image(9)).save("slide.png")
    Path("link.json").symlink_to("slide.png")
    Path("w.json").write_text("{}")
    Path("region.json").write_text("{}")
    Path("card.toml").write_text('source = "cli_networks:untrained"\nweights = "w.json"\n')
    arguments = ("estimate", slide, *options, "--json", target)
    assert f"{target} would replace" in refused(capsys, folder, *arguments)


def test_info_does_not_replace_the_slide_either(capsys, folder):
    Image.fromarray(disc_image(9)).save("slide.png")
    sentence = refused(capsys, folder, "info", "slide.png", "--json", "slide.png")
    assert "would replace slide.png" in sentence


@pytest.mark.parametrize("option", ["", "--region"])
def test_an_empty_word_is_named_as_such(capsys, folder, option):
    arguments = ["estimate", ""] if not option else ["estimate", SMALL, option, ""]
    assert "is empty" in refused(capsys, folder, *arguments)


def test_a_window_wider_than_any_slide_is_refused(capsys, folder):
    arguments = ("estimate", SMALL, "--scales", "1e-300:1e300")
    assert "span more than 24 octaves" in refused(capsys, folder, *arguments)


def test_a_region_smaller_than_a_pixel_is_refused(capsys, folder):
    arguments = ("estimate", SMALL, *FEW, "--region", "700.6,600.6,0.001,0.001")
    assert "smaller than one pixel" in refused(capsys, folder, *arguments)


@pytest.mark.parametrize("what", ["Moody", "exits", "Exits"])
def test_other_peoples_code_may_do_anything_and_it_is_one_sentence(capsys, folder, what):
    spec = f"cli_networks:{what}"
    arguments = ("estimate", SMALL, *FEW, "--network", spec, "--json", "x.json")
    says = {"Moody": "must not change", "exits": "SystemExit: 3", "Exits": "SystemExit: 7"}[what]
    assert says in refused(capsys, folder, *arguments)


def test_a_network_that_prints_does_not_spoil_the_json(capsys, folder):
    code = cli.run(["estimate", SMALL, *FEW, "--network", "cli_networks:Chatty", "--json", "-"])
    shown = capsys.readouterr()
    assert code == 3
    assert json.loads(shown.out)["verdict"] == "no_evidence"
    assert "hello" in shown.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["info", SMALL], ["networks"]])
def test_tables_that_cannot_be_shown_are_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsi_scale.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert re.fullmatch(r"error: cannot write to stdout: [^\n]+\n", done.stderr), done.stderr


def test_info_refuses_a_place_it_cannot_write_to(capsys, folder):
    assert "no folder" in refused(capsys, folder, "info", SMALL, "--json", "missing/x.json")
    assert "cannot write" in refused(capsys, folder, "info", SMALL, "--json", "")


# Verdicts and exit codes


def test_ok_is_exit_0_and_every_output_is_written(run_once):
    code, where = run_once
    report = json.loads((where / "x.json").read_text())
    assert (code, report["verdict"]) == (0, "ok"), report["reason"]
    assert report["scale"] == pytest.approx(2, rel=0.25)  # six sites are few
    assert sorted(path.name for path in where.iterdir()) == sorted(OUTPUTS.values())
    assert (where / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "</html>" in (where / "x.html").read_text()


def test_the_report_keeps_to_the_published_schema(run_once):
    report = json.loads((run_once[1] / "x.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert report["partial"] is False
    assert report["network"]["training_scale"] == 5


def test_a_given_mpp_wins_and_is_recorded(run_once):
    report = json.loads((run_once[1] / "x.json").read_text())
    assert report["slide"]["mpp"] == [0.25, 0.25]
    assert report["slide"]["mpp_source"] == "given"
    assert report["mpp"] == pytest.approx(0.25 * report["scale"])
    assert report["mpp_interval"] == pytest.approx([0.25 * x for x in report["scale_interval"]])


def test_a_given_mpp_wins_over_the_files_own(folder):
    slide = write_pyramid_tiff(folder / "a.tiff", disc_image(30), mpp=0.5)
    options = ("--network", "cli_networks:untrained", "--scales", "0.5:2", "--sites", "3")
    _, own = estimate_json(folder, slide, *options)
    _, given = estimate_json(folder, slide, *options, "--mpp", "0.31")
    assert own["slide"]["mpp"] == pytest.approx([0.5, 0.5])
    assert own["slide"]["mpp_source"] != "given"
    assert given["slide"]["mpp"] == [0.31, 0.31]
    assert given["slide"]["mpp_source"] == "given"
    assert any(entry["status"] == "conflicts" for entry in given["slide"]["audit"])


def test_saved_responses_give_the_same_answer_without_torch(run_once):
    where = run_once[1]
    program = (
        "import sys, wsi_scale\n"
        f"found = wsi_scale.estimate(wsi_scale.Responses.load({str(where / 'x.npz')!r}))\n"
        "assert 'torch' not in sys.modules\n"
        "print(repr(found.scale), *found.interval, found.verdict)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    report = json.loads((where / "x.json").read_text())
    low, high = report["scale_interval"]
    assert done.stdout.split() == [repr(report["scale"]), str(low), str(high), "ok"]
    assert len(Responses.load(where / "x.npz").sites) == len(report["sites"])


NOT_OK = {
    "outside": (SAMPLE, *FEW),
    "edge": (FIGURES, *ON_FIGURES, "--sites", "3", "--scales", "4:8", "--per-octave", "2"),
    "flat": (SMALL, *FEW, "--network", "cli_networks:Deaf"),
    "no_evidence": (SMALL, *FEW, "--network", "cli_networks:untrained"),
    "blank": ("white.png",),
}


@pytest.mark.parametrize("verdict", NOT_OK)
def test_every_other_verdict_is_exit_3_and_the_report_is_written(folder, capsys, verdict):
    Image.new("RGB", (800, 600), "white").save("white.png")
    code, report = estimate_json(folder, *NOT_OK[verdict])
    assert (code, report["verdict"]) == (3, verdict)
    assert report["reason"]
    assert f"why: {report['reason']}" in capsys.readouterr().out
    if verdict in ("outside", "edge"):
        assert report["scale"] > 0
        assert report["nearest_level"] is not None
    else:
        derived = ("scale", "scale_interval", "tolerance", "mpp", "mpp_interval", "nearest_level")
        assert [report[name] for name in derived] == [None] * len(derived)
        numbers = [value for name, value in report["ruler"].items() if "mpp" in name]
        assert set(numbers) == {None}
        assert all(site["scale"] is None for site in report["sites"])


def test_a_blank_slide_still_gives_every_output(folder, capsys):
    Image.new("RGB", (800, 600), "white").save("white.png")
    outputs = [part for pair in OUTPUTS.items() for part in pair]
    assert cli.run(["estimate", "white.png", *outputs]) == 3
    assert capsys.readouterr().err == ""
    written = {path.name for path in folder.iterdir()} - {"white.png"}
    assert written == {"x.json", "x.png", "x.html"}, "there are no responses to save"


LEARNS = [x for x, module in all_estimators().items() if getattr(module, "LEARNS", False)]


@pytest.mark.parametrize("name", LEARNS)
def test_what_learns_from_a_reference_is_refused_before_anything_is_measured(
    folder, no_network, capsys, name
):
    assert cli.run(["estimate", SMALL, "--estimator", name]) == 2
    sentence = " ".join(capsys.readouterr().err.split())
    assert sentence.startswith(f"error: estimator {name} cannot be used: it learns from images")


@pytest.mark.parametrize(
    "name",
    [x for x, module in all_estimators().items() if not module.EVIDENCE and x not in LEARNS],
)
def test_what_is_no_evidence_is_never_ok(folder, name):
    code, report = estimate_json(folder, SMALL, *FEW, "--estimator", name)
    assert (code, report["estimator"], report["verdict"]) == (3, name, "no_evidence")
    assert report["scale"] is None


# The same again


def test_the_same_inputs_give_the_same_report_except_provenance(folder):
    _, one = estimate_json(folder, SMALL, *FEW)
    _, two = estimate_json(folder, SMALL, *FEW)
    _, other = estimate_json(folder, SMALL, *FEW, "--seed", "1")
    for report in (one, two, other):
        del report["provenance"]
    assert one == two
    assert one["sites"] != other["sites"]


# Regions


def test_every_site_lies_in_the_box(folder):
    region = "300,200,1000,800"
    _, report = estimate_json(folder, SMALL, *FEW, "--sites", "8", "--region", region)
    assert len(report["sites"]) == 8
    assert all(300 <= s["x"] < 1300 and 200 <= s["y"] < 1000 for s in report["sites"])


def test_every_site_lies_in_the_polygon_and_none_in_its_hole(folder):
    outer = [[200, 150], [1300, 150], [1300, 1050], [200, 1050], [200, 150]]
    hole = [[500, 400], [900, 400], [900, 800], [500, 800], [500, 400]]
    shape = {"type": "Polygon", "coordinates": [outer, hole]}
    feature = {"type": "Feature", "geometry": shape, "properties": {}}
    path = folder / "region.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    _, report = estimate_json(folder, SMALL, *FEW, "--sites", "12", "--region", path)
    region = parse_region(path)
    x, y = np.array([(site["x"], site["y"]) for site in report["sites"]]).T
    assert len(x) >= 8
    assert region.contains(x, y).all()
    assert not ((x > 500) & (x < 900) & (y > 400) & (y < 800)).any()


# Cancelling


def interrupt_after(monkeypatch, sites):
    """Ctrl-C in the middle of a measurement, after ``sites`` complete ones."""
    from wsi_scale.responses import measure

    true, calls = measure.measure_responses, []

    def measured(*arguments, **options):
        calls.append(1)
        if len(calls) > sites:
            raise KeyboardInterrupt
        return true(*arguments, **options)

    monkeypatch.setattr(measure, "measure_responses", measured)


def test_cancelled_writes_the_partial_report_and_is_exit_130(folder, monkeypatch, capsys):
    interrupt_after(monkeypatch, 2)
    code, report = estimate_json(folder, SMALL, *FEW, "--responses", "x.npz")
    assert code == 130
    assert report["partial"] is True
    assert len(report["sites"]) in (1, 2)
    assert {path.name for path in folder.iterdir()} == {"report.json", "x.npz"}
    shown = capsys.readouterr()
    assert shown.err == "cancelled\n"
    assert shown.out, "the partial answer is shown"


def test_cancelled_before_the_first_answer_writes_nothing(folder, monkeypatch, capsys):
    interrupt_after(monkeypatch, 0)
    outputs = [part for pair in OUTPUTS.items() for part in pair]
    assert cli.run(["estimate", SMALL, *FEW, *outputs]) == 130
    assert list(folder.iterdir()) == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "there is no answer yet, so nothing was written\ncancelled\n"


def test_cancelled_while_the_network_loads_writes_nothing(folder, monkeypatch, capsys):
    def load(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("wsi_scale.networks.load.load_network", load)
    assert cli.run(["estimate", SMALL, *FEW, "--json", "x.json"]) == 130
    assert list(folder.iterdir()) == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "cancelled\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
def test_cancelled_at_the_second_look_reports_the_first(folder, monkeypatch):
    interrupt_after(monkeypatch, 5)
    asked = (*ON_FIGURES, "--scales", "1:4", "--sites", "4", "--responses", "x.npz")
    code, report = estimate_json(folder, SMALL, *asked)
    assert (code, report["partial"], len(report["sites"])) == (130, True, 4)
    coarse = len(report["curve"]["scales"])
    measured = Responses.load(folder / "x.npz")
    assert coarse < len(measured.grid)
    assert report["provenance"]["patches"] == len(measured.entropy)


def test_dense_measures_every_scale_and_default_only_some(folder):
    asked = (*ON_FIGURES, "--scales", "1:4", "--sites", "3")
    _, few = estimate_json(folder, SMALL, *asked)
    _, every = estimate_json(folder, SMALL, *asked, "--dense")
    assert len(few["curve"]["scales"]) < len(every["curve"]["scales"]) == 17
    assert set(few["curve"]["scales"]) < set(every["curve"]["scales"])


def test_a_stop_by_precision_is_told_and_no_warning(folder, capsys):
    spared = ("--per-octave", "4", "--sites", "40", "--precision", "0.95")
    asked = (*ON_FIGURES, "--scales", "1:4", *spared)
    _, report = estimate_json(folder, SMALL, *asked)
    assert report["stopped_early"] is True
    assert 16 <= len(report["sites"]) < 40
    stopped = (
        f"The run stopped after {len(report['sites'])} sites, because the interval already lay"
    )
    assert f"{stopped} within 95 % of the answer, as requested." in capsys.readouterr().out
    assert "precision" not in " ".join(report["warnings"])


def test_a_real_interrupt_leaves_a_whole_partial_report(folder):
    """The child interrupts itself as soon as it has measured two sites."""
    program = (
        "import os, signal, sys\n"
        "from wsi_scale import cli; from wsi_scale.responses import measure\n"
        # a shell makes its background processes ignore it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "true, calls = measure.measure_responses, []\n"
        "def measured(*arguments, **options):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return true(*arguments, **options)\n"
        "measure.measure_responses = measured\n"
        "sys.argv[0] = 'wsi-scale'\n"
        "cli.main()\n"
    )
    arguments = ["estimate", SMALL, *FEW, "--sites", "50", "--json", "x.json"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    report = json.loads((folder / "x.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert report["partial"] is True
    assert len(report["sites"]) < 50
    assert [path.name for path in folder.iterdir()] == ["x.json"]


# What goes where


def test_json_on_stdout_is_alone_there(capsys):
    code = cli.run(["estimate", SMALL, *FEW, "--json", "-"])
    shown = capsys.readouterr()
    jsonschema.validate(json.loads(shown.out), SCHEMA)
    assert code in (0, 3)
    assert shown.err == "", "a log gets no progress bar"


def test_without_options_stdout_says_scale_and_verdict(capsys, folder):
    cli.run(["estimate", SMALL, *FEW])
    shown = capsys.readouterr()
    assert re.match(r"scale \d", shown.out)
    assert list(folder.iterdir()) == []


def test_on_a_terminal_progress_goes_to_stderr(capsys, monkeypatch):
    terminal = Console(stderr=True, force_terminal=True, force_interactive=True, width=120)
    monkeypatch.setattr("wsi_scale.cli.progress_bar.err", terminal)
    cli.run(["estimate", SMALL, *FEW, "--json", "-"])
    shown = capsys.readouterr()
    json.loads(shown.out)
    assert "loading network figures" in shown.err
    assert "visits" in shown.err


def test_names_are_shown_as_they_are_written(capsys, folder):
    Image.fromarray(disc_image(9)).save("[bold]:x:.png")
    assert cli.run(["info", "[bold]:x:.png"]) == 0
    assert "[bold]:x:.png" in capsys.readouterr().out
    assert "[red]:x:.svs" in refused(capsys, folder, "info", "[red]:x:.svs")


def test_info_shows_levels_resolution_and_reader(capsys, folder):
    write_pyramid_tiff(folder / "a.tiff", disc_image(20), mpp=0.5)
    assert cli.run(["info", "a.tiff"]) == 0
    shown = capsys.readouterr()
    assert "600 × 500 px" in shown.out
    assert "0.5 µm/px" in shown.out
    assert "openslide" in shown.out
    assert shown.err == ""


def test_info_says_that_pixel_size_was_not_checked_and_loads_no_network(capsys, folder, no_network):
    write_pyramid_tiff(folder / "a.tiff", disc_image(20), mpp=0.5)
    assert cli.run(["info", "a.tiff", "--json", "x.json"]) == 0
    assert "Pixel size not checked; --pixels does that." in capsys.readouterr().out
    assert json.loads(Path("x.json").read_text())["pixels"] is None


def test_plain_info_does_not_load_torch(folder):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from wsi_scale import cli\n"
        f"assert cli.run(['info', {SMALL!r}]) == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_info_holds_the_pixels_against_what_is_stated(capsys, folder):
    """Drawn at stretch 0.4: a network for scale 5 sees it best at scale 2, 1.0 / 2 µm/px."""
    arguments = ["--pixels", "--network", "figures?mpp=1.0", "--mpp", "0.2", "--json", "x.json"]
    assert cli.run(["info", FIGURES, *arguments]) == 3
    pixels = json.loads(Path("x.json").read_text())["pixels"]
    jsonschema.validate(pixels, {"$ref": "#/$defs/PixelAudit", "$defs": SCHEMA["$defs"]})
    assert (pixels["status"], pixels["claimed_source"]) == ("conflict", "given"), pixels["reason"]
    assert pixels["slide_mpp"] == pytest.approx(0.5, rel=0.25)
    shown = capsys.readouterr()
    assert f"pixels: conflict ({pixels['reason']})" in shown.out
    assert shown.err == ""


def test_a_network_of_unknown_mpp_is_told_to_know_nothing_of_the_pixels(capsys, folder):
    assert cli.run(["info", SMALL, "--pixels", *ON_FIGURES]) == 0
    assert "Pixel size not checked: figures does not say at which µm/px" in capsys.readouterr().out


def test_info_takes_a_network_only_to_ask_the_pixels(capsys, folder, no_network):
    for options in (["--network", "figures"], ["--free-colour"]):
        assert "only work with --pixels; add it" in refused(capsys, folder, "info", SMALL, *options)


def test_info_cancelled_while_the_pixels_are_asked_is_exit_130(folder, monkeypatch, capsys):
    interrupt_after(monkeypatch, 2)
    arguments = ["--pixels", "--network", "figures?mpp=1.0", "--json", "x.json"]
    assert cli.run(["info", SMALL, *arguments]) == 130
    assert list(folder.iterdir()) == []
    assert capsys.readouterr().err == "cancelled\n"


def test_info_as_json_is_alone_on_stdout(capsys, folder):
    write_pyramid_tiff(folder / "a.tiff", disc_image(20), mpp=0.5)
    assert cli.run(["info", "a.tiff", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mpp"] == pytest.approx([0.5, 0.5])
    assert [level["downsample"] for level in found["levels"]] == [1, 2, 4]
    assert found["reader"] == "openslide"


def test_info_writes_json_beside_the_text(capsys, folder):
    assert cli.run(["info", SMALL, "--mpp", "0.3", "--json", "x.json"]) == 0
    assert json.loads(Path("x.json").read_text())["mpp_source"] == "given"
    assert "0.3 µm/px, from given" in capsys.readouterr().out


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "reader", "mpp"),
    [
        ("slides/CMU-1-Small-Region.svs", "openslide", 0.499),
        ("slides/CMU-1-Small-Region-dicom/*.dcm", "openslide", 0.499),
        ("slides/test3-DAPI.ndpi", "openslide", 0.228),
        ("slides/boxes.tiff", "openslide", None),
        ("images/instanseg-HE_example.tif", "tiffslide", 0.50008),
        ("images/skimage-ihc.png", "image", None),
    ],
)
def test_info_of_real_files(capsys, real_data, name, reader, mpp):
    path = sorted(real_data.glob(name))[0]
    assert cli.run(["info", str(path), "--json", "-"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["reader"] == reader
    assert found["mpp"] == (None if mpp is None else pytest.approx([mpp, mpp], abs=0.001))
    assert shown.err == ""
    assert cli.run(["info", str(path)]) == 0
    assert f"{found['levels'][0]['width']} × {found['levels'][0]['height']} px" in (
        capsys.readouterr().out
    )


def test_networks_lists_what_there_is_and_the_grammar(capsys):
    assert cli.run(["networks"]) == 0
    shown = capsys.readouterr().out
    assert "Bundled networks: figures" in shown
    assert "package.module:factory?weights=FILE.safetensors&key=value" in shown


def test_networks_describes_one(capsys):
    assert cli.run(["networks", "figures"]) == 0
    shown = capsys.readouterr().out
    assert "classify, 20 classes" in shown
    assert "5 (scale)" in shown
    assert "batchnorm" in shown


def test_networks_refuses_an_unknown_one(capsys, folder):
    assert "'nope'" in refused(capsys, folder, "networks", "nope")


def test_the_version_is_the_packages(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"{wsi_scale.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_the_commands(capsys, arguments):
    assert cli.run(arguments) == 0
    shown = capsys.readouterr()
    assert all(command in shown.out for command in ("info", "estimate", "networks"))
    assert shown.err == ""


def test_help_lists_every_option_of_the_contract(capsys):
    assert cli.run(["estimate", "--help"]) == 0
    shown = capsys.readouterr().out
    options = (
        "--network --estimator --target --scales --per-octave --dense --sites --precision "
        "--region --mpp --reader --seed --free-colour --trust-metadata --device --trust --json "
        "--plot --html --responses"
    )
    for option in options.split(" "):
        assert option in shown


@pytest.mark.parametrize(
    "command",
    [
        *("", "estimate", "info", "ruler", "networks", "batch", "calibrate", "evaluate"),
        *("thesis", "thesis dataset", "thesis train", "thesis reproduce"),
    ],
)
def test_every_help_fits_80_columns_and_ends_with_exit_codes_and_the_glossary(
    capsys, monkeypatch, command
):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." not in shown.partition("Commands:")[2], "a short help is cut off"
    codes, words = shown.split("  Exit codes:\n")[1].split("\n\n")
    assert [line.split()[0] for line in codes.splitlines()] == (
        ["0", "2", "3", "130"]
        if command in ("", "estimate", "info", "ruler", "batch", "evaluate")
        else ["0", "2", "130"]
    )
    assert " ".join(words.split()).endswith("explained in docs/glossary.md in the repository.")


@pytest.mark.parametrize("command", ["", "estimate"])
def test_help_says_in_which_direction_scale_goes(capsys, command):
    assert cli.run([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Scale 2 means: shrink the slide to half its width and height" in shown
    assert "A larger scale is a coarser view of more tissue." in shown


# The installed program


COMMANDS = {
    "script": [str(Path(sys.executable).with_name("wsi-scale"))],
    "module": [sys.executable, "-m", "wsi_scale.cli"],
}


@pytest.mark.parametrize("how", COMMANDS)
def test_the_installed_program_keeps_the_contract(folder, how):
    if not Path(COMMANDS[how][0]).exists():
        pytest.skip("the package is not installed with its console script")
    done = subprocess.run(
        [*COMMANDS[how], "info", SMALL, "--json", "-"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["reader"] == "synthetic"
    done = subprocess.run(
        [*COMMANDS[how], "estimate", "nope.svs"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr)


@pytest.mark.parametrize("options", [[], ["--json", "-"]], ids=spoken)
def test_a_terminal_that_speaks_only_ascii_is_spoken_to(folder, options):
    Image.fromarray(disc_image(9)).save("größe.png")
    done = subprocess.run(
        [*COMMANDS["module"], "info", "größe.png", "--mpp", "0.5", *options],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    if options:
        assert json.loads(done.stdout.decode())["path"] == "größe.png"
    else:
        assert b"600 ? 500 px" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_behind_stdout_is_one_sentence(folder):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMANDS["module"], "info", SMALL, "--json", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr == "error: cannot write to stdout: No space left on device\n"


@pytest.mark.real
@pytest.mark.parametrize("name", ["truncated.svs", "unreadable.svs", "not-wsi.dcm"])
def test_no_library_adds_its_own_lines_to_stderr(real_data, name):
    path = real_data / "broken" / name
    done = subprocess.run(
        [*COMMANDS["module"], "estimate", str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--network-mpp", "0"], "0 is not a size in µm/px; give one above 0, such as 0.5"),
        (["--for", "uni", "--explain", "a.png"], "--network SPEC beside --for"),
    ],
)
def test_the_route_of_micrometres_refuses_in_its_users_words(capsys, arguments, says):
    assert cli.run(["estimate", "synthetic:figures", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "mpp:0" not in said


def test_what_the_first_layer_of_a_published_model_sees_is_told(capsys):
    from wsi_scale.cli.network_options import spec_of

    assert spec_of("a.pt", None, "uni") == "a.pt?mpp=0.571428571"
    assert "shrinks them to 224 px, so its first layer sees 0.571 µm/px" in capsys.readouterr().err


def test_the_places_of_an_answer_can_be_opened_in_qupath_and_in_a_spreadsheet(folder):
    run = ("estimate", SMALL, *FEW, "--sites-file", "sites.csv", "--map", "map.geojson")
    code = cli.run([*run, "--map-tile", "600"])
    assert code in (0, 3)
    header, *lines = Path("sites.csv").read_text().splitlines()
    assert (header, len(lines)) == ("slide,x,y,side,scale", 3)
    tiles = json.loads(Path("map.geojson").read_text())["features"]
    assert len(tiles) == 4
    assert all("sites" in tile["properties"]["measurements"] for tile in tiles)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--map", "map.txt"), "--map must end in .geojson, .png, .pdf or .svg, got map.txt"),
        (("--sites-file", "s.txt"), "--sites-file must end in .geojson or .csv, got s.txt"),
        (("--map-tile", "600"), "--map-tile sets the parts of a map; name its file with --map"),
    ],
)
def test_places_that_cannot_be_written_are_refused_before_the_work(
    folder, no_network, capsys, options, sentence
):
    assert cli.run(["estimate", SMALL, *options]) == 2
    assert sentence in capsys.readouterr().err
