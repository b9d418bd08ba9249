"""A whole bench, small: repeatable, resumable, and remade without torch."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsi_scale.errors import NetworkError, OutputError, SettingsError, WsiScaleError
from wsi_scale.known_scale.evaluate import run_bench
from wsi_scale.known_scale.evaluate.ask_estimators import list_questions
from wsi_scale.known_scale.evaluate.bench import NOTE, RESPONSES, Bench, read_measured
from wsi_scale.known_scale.evaluate.manifest import read_manifest
from wsi_scale.known_scale.evaluate.run_bench import evaluate
from wsi_scale.known_scale.evaluate.windows import ScaleWindow, parse_factors
from wsi_scale.plumbing.claims import OnlyRun
from wsi_scale.slide.readers import open_slide

QUESTIONS = list_questions(None, [("extrema", {"sigma": 2.0})])
QUICK = list_questions(["confidence"], [])
FACTORS = (ScaleWindow(2**-1.5, 2**0.5), ScaleWindow(2**-0.5, 2**1.5))
RED = "synthetic:figures?seed=2&stretch=0.3&width=1300&height=1100&class=red cross"
MANIFEST = f"""slide,group,scale,mpp,class
synthetic:figures?seed=1&stretch=0.2&width=1000&height=900&mpp=0.5,mosaic,,0.5,
"{RED}",,1.5,,red cross
"""
SETTLED = "bench_networks:settled?input_size=96"
SMALL = "synthetic:figures?seed={}&stretch=0.2&width=500&height=400"


@pytest.fixture(autouse=True)
def _networks_can_be_named(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def write(folder, text):
    path = folder / "slides.csv"
    path.write_text(text, encoding="utf-8")
    return read_manifest(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished bench of the bundled network."""
    folder = tmp_path_factory.mktemp("bench")
    manifest = write(folder, MANIFEST)
    bench = Bench(folder / "out", manifest, "figures", FACTORS, sites=2, per_octave=2)
    return bench, evaluate(bench, QUESTIONS)


@pytest.fixture
def small(tmp_path):
    """A bench of a network of three thousand operations, not run yet."""
    text = "slide,scale,class\n" + "".join(f"{SMALL.format(i)},1,class 0\n" for i in (1, 2))
    return Bench(tmp_path / "out", write(tmp_path, text), SETTLED, FACTORS, sites=3, per_octave=2)


def table(bench, name):
    with (bench.out / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(bench):
    names = ("summary.csv", "summary.md", "answers.csv")
    return {name: (bench.out / name).read_bytes() for name in names}


def test_every_file_is_written(run):
    bench, outcome = run
    names = [path.relative_to(bench.out).as_posix() for path in outcome.tables]
    assert names == ["summary.csv", "summary.md", "answers.csv", "times.csv", "times.md"]
    assert (outcome.measured, outcome.failed) == (2, {})
    note = json.loads(bench.note.read_text())
    assert len(note["asked"]["weights"]) == len(note["state"]) == 64
    assert note["seconds"][0]["workers"] == 1


def test_chance_stands_beside_every_estimator(run):
    bench, _ = run
    rows = table(bench, "summary")
    asked = {(x["estimator"], x["setting"]) for x in rows if x["responses"] == "measured"}
    assert {("auto", ""), ("fingerprint", ""), ("extrema", "sigma=2")} <= asked
    for kind in ("shuffled", "random weights"):
        assert {(x["estimator"], x["setting"]) for x in rows if x["responses"] == kind} == asked
    assert rows[-1]["estimator"] == "window centre"


def test_the_truth_of_a_slide_follows_from_its_resolution(run):
    bench, _ = run
    first, second = bench.manifest.rows
    truths = {row["slide"]: float(row["truth"]) for row in table(bench, "answers")}
    assert truths == {first.slide: 1.0, second.slide: 1.5}
    assert {row["group"] for row in table(bench, "answers")} == {"mosaic", second.slide}


def test_no_window_has_the_truth_at_its_middle(run):
    bench, _ = run
    for row in table(bench, "answers"):
        lo, hi, truth = (float(row[key]) for key in ("lo", "hi", "truth"))
        assert lo < truth < hi
        assert abs(np.log2(np.sqrt(lo * hi) / truth)) >= 0.25
    centres = [x for x in table(bench, "answers") if x["estimator"] == "window centre"]
    assert all(float(x["octaves"]) >= 0.25 for x in centres)
    assert len(centres) == 4


def test_the_network_is_held_to_the_class_where_one_is_named(run):
    bench, _ = run
    kept = [row for row in table(bench, "answers") if row["kept"]]
    assert {row["slide"] for row in kept} == {bench.manifest.rows[1].slide}
    assert not any(row["responses"] == "random weights" for row in kept)
    assert all(0 <= float(row["kept"]) <= 1 for row in kept)


def test_tables_are_remade_without_torch_network_or_slides(run, tmp_path):
    """Where torch cannot be imported and no slide can be opened."""
    bench, _ = run
    before = contents(bench)
    code = f"""
import sys; sys.modules["torch"] = None
import wsi_scale.slide.readers
def shut(*_, **__): raise AssertionError("a slide was opened")
wsi_scale.slide.readers.open_slide = shut
from pathlib import Path
from wsi_scale.known_scale.evaluate.ask_estimators import list_questions
from wsi_scale.known_scale.evaluate.bench import Bench
from wsi_scale.known_scale.evaluate.manifest import read_manifest
from wsi_scale.known_scale.evaluate.run_bench import evaluate
from wsi_scale.known_scale.evaluate.windows import ScaleWindow
manifest = read_manifest(Path({str(bench.manifest.path)!r}))
bench = Bench(Path({str(bench.out)!r}), manifest, "figures", {FACTORS!r}, sites=2, per_octave=2)
evaluate(bench, list_questions(None, [("extrema", {{"sigma": 2.0}})]))
"""
    (bench.out / "summary.md").unlink()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert contents(bench) == before


def test_other_questions_may_be_asked_of_the_same_folder(run):
    bench, _ = run
    before = bench.file(bench.manifest.rows[0], RESPONSES).stat().st_mtime_ns
    outcome = evaluate(bench, QUICK)
    assert outcome.summary.count("\n| ") == 5  # rule, itself, two kinds of chance, the centre
    assert bench.file(bench.manifest.rows[0], RESPONSES).stat().st_mtime_ns == before


def test_another_run_and_other_workers_give_the_same_to_the_byte(small, tmp_path, monkeypatch):
    evaluate(small, QUICK)
    again = replace(small, out=tmp_path / "again")
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    evaluate(again, QUICK, workers=2)
    assert contents(again) == contents(small)


def test_a_run_goes_on_where_it_stopped(small):
    evaluate(small, QUICK)
    before = contents(small)
    gone, kept = (small.file(row, NOTE) for row in small.manifest.rows)
    gone.unlink()
    time = kept.stat().st_mtime_ns
    evaluate(small, QUICK)
    assert gone.exists()
    assert kept.stat().st_mtime_ns == time
    assert contents(small) == before


def test_ctrl_c_keeps_the_slides_that_were_measured(small):
    def interrupt(what, done, total):
        if (what, done) == ("measuring slides", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(small, QUICK, tell=interrupt)
    first, second = small.manifest.rows
    assert read_measured(small, first) is not None
    assert read_measured(small, second) is None


def test_a_folder_of_another_run_is_refused_and_left_alone(small):
    evaluate(small, QUICK)
    before = small.note.read_text()
    with pytest.raises(SettingsError, match="was made with seed 0, not 1; choose another folder"):
        evaluate(replace(small, seed=1), QUICK)
    other = write(small.out.parent, f"slide,scale\n{SMALL.format(1)},2\n")
    with pytest.raises(SettingsError, match=r"was made with manifest \w{12}…, not \w{12}…;"):
        evaluate(replace(small, manifest=other), QUICK)
    assert small.note.read_text() == before


def test_weights_that_changed_since_are_noticed(small, monkeypatch):
    evaluate(small, QUICK)
    small.file(small.manifest.rows[0], NOTE).unlink()
    note = json.loads(small.note.read_text())
    small.note.write_text(json.dumps(note | {"state": "0" * 64}))
    with pytest.raises(SettingsError, match=r"made with other weights of bench_networks"):
        evaluate(small, QUICK)


def test_a_network_that_is_never_the_same_is_refused(small):
    from wsi_scale.known_scale.evaluate import measure_slides

    bench = replace(small, network="bench_networks:fickle?input_size=96")
    network = measure_slides.load_network(bench.network)
    job = measure_slides.SlideJob(
        bench, bench.manifest.rows[0], 1.0, measure_slides.hash_weights(network)
    )
    with pytest.raises(
        NetworkError, match="has different weights each time it is loaded; name a weights file"
    ):
        measure_slides.measure(job)


def test_a_slide_that_cannot_be_measured_is_told_and_the_others_go_on(tmp_path):
    tiny = "synthetic:figures?width=60&height=50"
    tight = "synthetic:figures?seed=3&stretch=0.2&width=130&height=130"
    text = f"slide,scale\n{SMALL.format(1)},1\n{tiny},1\n{tight},1\n"
    manifest = write(tmp_path, text)
    factors = parse_factors("0.59:2.9")
    bench = Bench(tmp_path / "out", manifest, SETTLED, factors, sites=3, per_octave=8)
    events = []
    outcome = evaluate(bench, QUICK, tell=lambda step, *_: events.append(step), warn=events.append)
    assert outcome.measured == 1
    assert events.index(outcome.failed[tiny]) < events.index("measuring slides")
    assert set(outcome.failed) == {tiny, tight}
    assert "line 3: " in outcome.failed[tiny]
    assert "is too small to search for scale 1; leave it out" in outcome.failed[tiny]
    assert "has room only for scales 0.59 to" in outcome.failed[tight]
    assert "**2 slides could not be measured and are missing above.**" in outcome.summary


def test_where_no_slide_can_be_measured_that_is_an_error(tmp_path):
    manifest = write(tmp_path, "slide,scale\nsynthetic:figures?width=60&height=50,1\n")
    bench = Bench(tmp_path / "out", manifest, SETTLED, FACTORS, sites=3, per_octave=2)
    with pytest.raises(WsiScaleError, match=r"no slide could be measured: .* is too small"):
        evaluate(bench, QUICK)


@pytest.mark.parametrize(
    ("columns", "values", "network", "says"),
    [
        ("scale", "no.svs,1", SETTLED, "line 2: there is no file"),
        (
            "mpp",
            "{slide},0.5",
            SETTLED,
            "line 2: .* does not state its µm/px; give its right scale",
        ),
        ("scale,class", "{slide},1,cat", SETTLED, "line 2: .* has no class 'cat'; choose from"),
        ("scale,mask", "{slide},1,no.png", SETTLED, r"line 2: Pillow cannot open .*no\.png"),
        (
            "scale,mask",
            "{slide},1,small.png",
            SETTLED,
            "is 4 × 4 px but the slide is 500 × 400 px; draw",
        ),
        ("scale,mask", "{slide},1,whole.png", SETTLED, "classifies; give a class, not a mask"),
        (
            "scale,class",
            "{slide},1,class 0",
            "bench_networks:Dark",
            "segments; give a mask, not a class",
        ),
        ("scale", "{slide},1", "bench_networks:missing", "has no function 'missing'"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(tmp_path, columns, values, network, says):
    Image.new("L", (4, 4)).save(tmp_path / "small.png")
    Image.new("L", (500, 400)).save(tmp_path / "whole.png")
    text = f"slide,{columns}\n{values.format(slide=SMALL.format(1))}\n"
    bench = Bench(tmp_path / "out", write(tmp_path, text), network)
    with pytest.raises(WsiScaleError, match=says):
        evaluate(bench, QUICK)
    assert not bench.out.exists()


def test_a_segmenter_is_held_to_its_mask(tmp_path):
    """It finds what is not white; the mask says where that is. At scale 1 both agree."""
    with open_slide(SMALL.format(1)) as slide:
        pixels = slide.read(0, 0, 0, 500, 400)
    figures = pixels.mean(axis=2) < 0.95 * 255
    Image.fromarray(figures).save(tmp_path / "mask.png")
    manifest = write(tmp_path, f"slide,scale,mask\n{SMALL.format(1)},1,mask.png\n")
    network = "bench_networks:Dark?input_size=96"
    bench = Bench(tmp_path / "out", manifest, network, FACTORS, sites=3, per_octave=2)
    outcome = evaluate(bench, list_questions(["confidence", "fingerprint"], []))
    rows = {(x["estimator"], x["responses"]): x for x in table(bench, "summary")}
    assert 0.5 < float(rows["window centre", "none"]["kept_dice"]) <= 1
    assert rows["fingerprint", "measured"]["silent"] == "2"  # it has no BatchNorm
    assert "unavailable" in (bench.out / "answers.csv").read_text()
    assert outcome.failed == {}


def test_a_damaged_note_of_a_slide_is_told(small):
    evaluate(small, QUICK)
    path = small.file(small.manifest.rows[0], NOTE)
    path.write_text("{")
    with pytest.raises(SettingsError, match="is damaged; delete it and run again"):
        evaluate(small, QUICK)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locks on folders")
def test_a_second_run_on_the_same_folder_is_refused(small):
    with OnlyRun(small.out):
        pass  # there is no folder yet
    evaluate(small, QUICK)
    before = contents(small)
    with (
        OnlyRun(small.out),
        pytest.raises(SettingsError, match=r"another run is writing .*out; wait for it"),
    ):
        evaluate(small, QUICK)
    assert contents(small) == before
    evaluate(small, QUICK)


def test_on_a_full_disk_the_summary_is_still_there(small, monkeypatch):
    evaluate(small, QUICK)

    def full(path, text):
        if Path(path).name == "answers.csv":
            raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(run_bench, "write_atomically", full)
    outcome = evaluate(small, QUICK)
    assert "confidence" in outcome.summary
    (sentence,) = outcome.unwritten
    assert sentence.endswith("answers.csv: No space left on device")
