"""Earlier import paths still work, and warn with the new ones."""

import importlib
import subprocess
import sys
import warnings

import pytest

from wsi_scale.plumbing.moved import MOVED, PARTED, RENAMED, new_place

DOCUMENTED = """
wsi_scale.calibrate Reference calibrate
wsi_scale.evaluate.answers list_questions
wsi_scale.evaluate.bench Bench
wsi_scale.evaluate.manifest read_manifest
wsi_scale.evaluate.run evaluate
wsi_scale.networks.assemble assemble call_factory settle import_optional
wsi_scale.readers all_readers
wsi_scale.readers.synthetic SyntheticSlide
wsi_scale.readers._handles Handle
wsi_scale.metadata audit_metadata
wsi_scale.geometry plan_reads LevelRead Window
wsi_scale.judge estimate Estimate
wsi_scale.settings Settings make_settings DEFAULT_NETWORK
"""
UNCHANGED = """
wsi_scale.errors NetworkError SlideError
wsi_scale.estimators Answer Array Options Scorer Reference Unavailable
wsi_scale.estimators.curves Pool peak
wsi_scale.geometry Box Level
wsi_scale.networks Card Network build_network load_network
wsi_scale.networks.card Card
wsi_scale.networks.network Network
wsi_scale.networks.spec parse_spec
wsi_scale.responses Responses merge
wsi_scale.slide Slide open_slide
wsi_scale.sites choose_sites parse_region
wsi_scale.pipeline estimate_slide iter_estimates Progress
wsi_scale.report Report json_schema
wsi_scale.batch.row unflatten
"""


def pairs(text):
    lines = [line.split() for line in text.strip().splitlines()]
    return [(module, name) for module, *names in lines for name in names]


@pytest.mark.parametrize(("module", "name"), pairs(DOCUMENTED))
def test_a_documented_path_that_moved_works_and_names_the_new_one(module, name):
    with pytest.warns(DeprecationWarning, match="is now wsi_scale") as caught:
        found = getattr(importlib.import_module(module), name)
    (warning,) = [x for x in caught if f"{module}.{name}" in str(x.message)]
    new = str(warning.message).split(" is now ")[1].split(";")[0]
    room, _, now = new.rpartition(".")
    assert getattr(importlib.import_module(room), now) is found
    assert warning.filename == __file__


@pytest.mark.parametrize(("module", "name"), pairs(UNCHANGED))
def test_a_documented_path_that_stayed_does_not_warn(module, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize("old", MOVED)
def test_every_old_module_can_be_imported(old):
    assert importlib.import_module(f"wsi_scale.{old}").__name__ == f"wsi_scale.{old}"
    assert importlib.import_module(new_place(f"wsi_scale.{old}"))


@pytest.mark.parametrize("old", PARTED)
def test_what_parted_from_its_module_is_found(old):
    module, _, name = old.rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"is now wsi_scale.{PARTED[old]}."):
        assert getattr(importlib.import_module(f"wsi_scale.{module}"), name) is not None


@pytest.mark.parametrize("old", RENAMED)
def test_what_was_renamed_is_found(old):
    module, _, name = old.rpartition(".")
    with pytest.warns(DeprecationWarning, match=rf"\.{RENAMED[old]};"):
        assert getattr(importlib.import_module(f"wsi_scale.{module}"), name) is not None


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("wsi_scale.attic")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("wsi_scale.evaluate.attic")
    with pytest.raises(AttributeError, match=r"module 'wsi_scale\.judge' has no attribute 'attic'"):
        _ = importlib.import_module("wsi_scale.judge").attic


def test_an_old_path_works_first_thing_in_a_new_process():
    code = "from wsi_scale.judge import estimate; print(estimate.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "wsi_scale.judgement.estimate"
