"""The whole reproduction, small: repeatable, resumable, and readable without torch."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from wsi_scale.errors import NetworkError, SettingsError, SlideError
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.thesis.cards import SHIPPED
from wsi_scale.known_scale.thesis.plan import Plan, Preset, find_preset, response_file
from wsi_scale.known_scale.thesis.reproduce import reproduce

SMALL = Preset(per_image=1, fewer_per_image=1, references=1, images=1)
GRID = ScaleGrid.linear(0.5, 9.9, 0.94)


def quiet(*_):
    """A progress callback that does nothing."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished small run and its plan."""
    out = tmp_path_factory.mktemp("thesis") / "run"
    plan = Plan(out, SMALL, networks=("figures-5-decayed", "random-5"), grid=GRID)
    return plan, reproduce(plan, 2, quiet)


def contents(paths):
    return {path.name: path.read_bytes() for path in paths}


def test_every_table_and_figure_is_written(run):
    plan, written = run
    names = {path.relative_to(plan.out).as_posix() for path in written}
    tables = ("table1_weights", "tables2-4_figures-5-decayed", "tables2-4_random-5", "table5")
    tables += ("accuracy_by_scale", "answers", "shifted_windows", "summary", "table5_beside_chance")
    for table in tables:
        assert {f"tables/{table}.csv", f"tables/{table}.md"} <= names
    figures = {name for name in names if name.startswith("figures/figure")}
    assert sorted(x[14:16] for x in figures) == ["02", "04", "05", "06", "07", "08", "09", "10"]
    assert "figures/accuracy_by_scale.png" in names
    assert "README.md" in names


def test_from_saved_responses_the_same_tables_and_figures_come_again(run):
    plan, written = run
    before = contents(written)
    assert contents(reproduce(plan, 1, quiet)) == before


def test_another_run_gives_the_same_to_the_digit(run, tmp_path):
    plan, written = run
    again = reproduce(replace(plan, out=tmp_path / "again"), 1, quiet)
    assert contents(again) == contents(written)


def test_a_run_goes_on_where_it_stopped(run):
    plan, _ = run
    gone = response_file(plan, "figures-5-decayed", "test", 3, 0)
    kept = response_file(plan, "figures-5-decayed", "test", 4, 0)
    content, time = gone.read_bytes(), kept.stat().st_mtime_ns
    gone.unlink()
    reproduce(plan, 1, quiet)
    assert gone.read_bytes() == content
    assert kept.stat().st_mtime_ns == time


def test_a_folder_of_another_run_is_refused_and_left_alone(run):
    plan, _ = run
    before = (plan.out / "run.json").read_text()
    with pytest.raises(SettingsError, match=r"was made with seed 0, not 1; choose another"):
        reproduce(replace(plan, seed=1), 1, quiet)
    assert (plan.out / "run.json").read_text() == before


def test_a_run_with_other_weights_is_refused_and_told_which(run, tmp_path):
    plan, _ = run
    other = tmp_path / "figures-5-decayed"
    shutil.copytree(SHIPPED / "figures-5-constant", other)
    with pytest.raises(SettingsError, match=r"networks figures-5-decayed \w{12}…, not \w{12}…;"):
        reproduce(replace(plan, trained=tmp_path), 1, quiet)
    (other / "weights.safetensors").unlink()
    with pytest.raises(NetworkError, match="cannot be read"):
        reproduce(replace(plan, trained=tmp_path), 1, quiet)


def test_missing_images_are_told_before_the_folder_is_claimed(run, tmp_path):
    plan, _ = run
    out = tmp_path / "new"
    with pytest.raises(SlideError, match=r"red_rectangle-00\.png is missing"):
        reproduce(replace(plan, out=out, images=tmp_path), 1, quiet)
    assert not out.exists()


def test_a_damaged_note_is_told_and_nothing_touched(run, tmp_path):
    plan, _ = run
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(
        SettingsError, match=r"is damaged \(its folder was left as it is\); restore"
    ):
        reproduce(replace(plan, out=tmp_path), 1, quiet)
    assert (tmp_path / "run.json").read_text() == "{"


def test_a_folder_with_other_files_is_refused(run, tmp_path):
    plan, _ = run
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(SettingsError, match="holds other files"):
        reproduce(replace(plan, out=tmp_path), 1, quiet)


def test_the_time_it_took_is_written_down(run):
    plan, _ = run
    (first, *_) = json.loads((plan.out / "run.json").read_text())["seconds"]
    assert first["workers"] == 2
    assert first["asking the networks"] > 0


def test_saved_responses_feed_every_estimator_without_torch(run):
    """Loads files of this run where torch cannot be imported, and calibrates on some of them."""
    plan, _ = run
    test = response_file(plan, "figures-5-decayed", "test", 2, 0)
    train = [str(response_file(plan, "figures-5-decayed", "train", k, 0)) for k in (2, 6, 10, 14)]
    code = f"""
import sys; sys.modules["torch"] = None
import numpy as np
from wsi_scale.estimators import Options, Reference, all_estimators
from wsi_scale.judgement.estimate import estimate
from wsi_scale.responses.record import Responses
from wsi_scale.known_scale.calibrate import Sample, fit_profile
from wsi_scale.estimators.profile_file import About, keys_of
responses, train = Responses.load({str(test)!r}), [Responses.load(x) for x in {train!r}]
about = About(network="figures", sha256=None, input_size=224, layers=keys_of(responses), sites=1,
              jitters=0, strength=0, images=(), version="0", seed=0)
profile = fit_profile([Sample(str(i), 5.0, x) for i, x in enumerate(train)], about)
options = Options(reference=Reference(train[0], 5.0), profile=profile)
for name, module in all_estimators().items():
    if name == "recognition":  # of segmenters only
        continue
    assert module.prepare(responses, options)(np.ones(1)).scale, name
    print(name, estimate(responses, estimator=name, options=options, resamples=5).verdict)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(out.stdout.split()) == 14  # seven estimators, each with a verdict


def test_tables_are_made_without_torch(run):
    plan, written = run
    code = f"""
import sys; sys.modules["torch"] = None
from pathlib import Path
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.thesis.answers import find_answers
from wsi_scale.known_scale.thesis.plan import Plan, Preset
from wsi_scale.known_scale.thesis.thesis_tables import table_5
plan = Plan(Path({str(plan.out)!r}), Preset(1, 1, 1, 1), networks={plan.networks!r},
            grid=ScaleGrid.linear(0.5, 9.9, 0.94))
sys.stdout.write(table_5([find_answers(plan, name) for name in plan.networks]).csv)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.encode() == contents(written)["table5.csv"]


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="'slow'; choose from quick, full"):
        find_preset("slow")
