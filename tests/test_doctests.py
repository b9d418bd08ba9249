"""The examples in docstrings run as written, and every public function has one."""

import ast
import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import wsi_scale

SOURCE = Path(wsi_scale.__file__).parent
FACES = ["", "slide", "sites", "networks", "responses", "estimators", "pipeline", "tiling"]
FACES += ["known_scale.calibrate", "testing"]
NEED_MORE = {"estimate_slides", "calibrate", "fit_profile"}
"""Their examples need files or processes; those of the pages are run by test_docs.py."""


def modules_with_examples():
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(">>>" in line and "+SKIP" not in line for line in text.splitlines()):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_run_as_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example that writes leaves nothing behind
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0, "an example is written where doctest does not find it"
    assert result.failed == 0


def test_many_modules_show_examples():
    assert len(modules_with_examples()) >= 25


def public_functions():
    found = []
    for room in FACES:
        face = importlib.import_module(f"wsi_scale.{room}".rstrip("."))
        for name in getattr(face, "__all__", ()):
            thing = getattr(face, name)
            if inspect.isfunction(thing) and thing.__module__.startswith("wsi_scale"):
                found.append(pytest.param(thing, id=f"{thing.__module__}.{name}"))
    return found


@pytest.mark.parametrize("function", public_functions())
def test_a_public_function_says_what_enters_and_leaves_and_shows_it(function):
    page = inspect.getdoc(function) or ""
    sections = {line for line in page.splitlines() if line and set(line) != {"-"}}
    if inspect.signature(function).parameters:
        assert "Parameters" in sections
    assert {"Returns", "Examples"} <= sections or {"Yields", "Examples"} <= sections
    runs = [line for line in page.splitlines() if ">>>" in line and "+SKIP" not in line]
    assert runs or function.__name__ in NEED_MORE
    for name in inspect.signature(function).parameters:
        assert name in page, f"{name} is not explained"


def test_every_public_class_has_a_docstring():
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
