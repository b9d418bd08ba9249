"""``wsi-scale evaluate``: a thin command, one-sentence errors, reliable exit codes."""

import re
from pathlib import Path

import pytest

from wsi_scale import cli
from wsi_scale.known_scale.evaluate import run_bench
from wsi_scale.known_scale.evaluate.run_bench import Outcome
from wsi_scale.known_scale.evaluate.windows import ScaleWindow

GOOD = "slide,scale\nsynthetic:figures,2\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, with a valid manifest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slides.csv").write_text(GOOD)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """What the command passes on; no work is done."""
    calls = []

    def pretend(bench, questions, workers, tell, warn):
        calls.append((bench, questions, workers))
        print("other people's networks may print")
        tell("measuring slides", 1, 2)
        failed = {"a": "slides.csv, line 2: a is broken"} if bench.seed == 13 else {}
        return Outcome((), "| estimator |\n", 1, failed)

    monkeypatch.setattr(run_bench, "evaluate", pretend)
    return calls


def refused(capsys, *words):
    """The one sentence with which the command is refused."""
    assert cli.run(["evaluate", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", captured.err), captured.err
    return captured.err


def test_help_names_every_option(capsys):
    assert cli.run(["evaluate", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("MANIFEST.csv", "--network", "--out", "--estimators", "--windows", "--sweep"):
        assert word in text
    for word in ("--sites", "--per-octave", "--seed", "--workers", "--device"):
        assert word in text


def test_the_summary_goes_to_stdout_and_everything_else_to_stderr(capsys, asked):
    words = "--out out --estimators fingerprint,auto --windows 0.2:1.7 --sweep extrema.sigma=7:8"
    more = "--sites 5 --per-octave 3 --seed 4 --workers 2 --device cpu --network x"
    assert cli.run(["evaluate", "slides.csv", *words.split(), *more.split()]) == 0
    ((bench, questions, workers),) = asked
    assert (bench.out, bench.network, bench.factors) == (Path("out"), "x", (ScaleWindow(0.2, 1.7),))
    assert (bench.sites, bench.per_octave, bench.seed, bench.device) == (5, 3, 4, "cpu")
    assert workers == 2
    assert [x.estimator for x in questions][:4] == ["fingerprint", "auto", "extrema", "extrema"]
    captured = capsys.readouterr()
    assert captured.out == "| estimator |\n\ntables in out: summary, answers, times\n"
    assert "measuring slides …" in captured.err
    assert "may print" in captured.err


def test_the_profile_that_the_card_names_is_asked(folder, asked, profile_of, samples_of):
    profile_of(samples_of(truth=2.0)).save(folder / "own.safetensors")
    (folder / "card.toml").write_text('source = "a:b"\nprofile = "own.safetensors"\n')
    assert cli.run(["evaluate", "slides.csv", "--out", "out", "--network", "card.toml"]) == 0
    ((bench, questions, _),) = asked
    assert bench.profile == Path("own.safetensors")
    assert "profile" in [x.estimator for x in questions]


def test_slides_that_could_not_be_measured_are_told_and_give_exit_code_3(capsys, asked):
    assert cli.run(["evaluate", "slides.csv", "--out", "out", "--seed", "13"]) == 3
    captured = capsys.readouterr()
    assert "warning: slides.csv, line 2: a is broken" in captured.err
    assert "| estimator |" in captured.out


def test_ctrl_c_is_exit_code_130(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_bench, "evaluate", interrupted)
    assert cli.run(["evaluate", "slides.csv", "--out", "out"]) == 130
    assert "cancelled" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("slides.csv",), "Missing option '--out'"),
        (("none.csv", "--out", "o"), "cannot read none.csv: No such file or directory"),
        (("slides.csv", "--out", "o", "--workers", "0"), "at least 1 worker is needed"),
        (("slides.csv", "--out", "o", "--sites", "0"), "sites must be greater than or equal to 1"),
        (("slides.csv", "--out", "o", "--per-octave", "x"), "'x' is not a number"),
        (("slides.csv", "--out", "o", "--seed", "-1"), "seed must be greater than or equal to 0"),
        (("slides.csv", "--out", "o", "--estimators", "rrsem"), "learns from images whose right"),
        (("slides.csv", "--out", "o", "--estimators", "fingerprint,"), "unknown estimator ''"),
        (("slides.csv", "--out", "o", "--estimators", "profile"), "name it with --profile"),
        (("slides.csv", "--out", "o", "--profile", "none"), "cannot read the profile none"),
        (("slides.csv", "--out", "o", "--windows", "0.5:2"), "too near its middle"),
        (("slides.csv", "--out", "o", "--sweep", "sigma=7"), "--sweep takes KEY=VALUES"),
        (("slides.csv", "--out", "slides.csv"), "slides.csv is a file; choose another folder"),
        (("slides.csv", "--out", "."), "slides.csv is inside ., which is for results; move it"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_written(
    capsys, folder, words, says
):
    assert says in refused(capsys, *words)
    assert [path.name for path in folder.iterdir()] == ["slides.csv"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "slide,scale\na.svs,two\n",
            "slides.csv, line 2: scale must be a number above 0, got 'two'",
        ),
        ("slide,scale\na.svs,2\n", "slides.csv, line 2: there is no file a.svs; check the path"),
        (
            "slide,mpp\nsynthetic:figures,0.5\n",
            "line 2: synthetic:figures does not state its µm/px",
        ),
        ("slide,scale,class\nsynthetic:figures,2,cat\n", "figures has no class 'cat'; choose from"),
    ],
)
def test_a_bad_manifest_is_exit_code_2_with_the_line(capsys, folder, text, says):
    (folder / "slides.csv").write_text(text)
    assert (
        cli.run(
            ["evaluate", "slides.csv", "--out", "out", "--workers", "1", "--network", "figures"]
        )
        == 2
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err.splitlines()[-1]
    assert not (folder / "out").exists()
