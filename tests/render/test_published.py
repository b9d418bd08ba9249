"""docs/published.md is what its script makes, and hides no doubt."""

import importlib.util
import re
from pathlib import Path

import pytest

from wsi_scale.networks import all_published
from wsi_scale.render.published import NAMES, published_facts, published_row, said_by

DOCS = Path(__file__).parents[2] / "docs"
LABELS = {"mpps": "µm/px", "patch_px": "patch", "objective_power": "objective"}


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("published_page", DOCS / "published.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_the_page_is_what_the_script_makes(page):
    assert (DOCS / "published.md").read_text(encoding="utf-8") == page, "run docs/published.py"


def test_every_quote_and_address_stands_on_the_page(page):
    for model in all_published():
        for source in model.sources:
            assert source.address in page
            assert source.quote in page


def test_every_doubt_is_marked_wherever_the_figure_is_shown():
    doubted = [model for model in all_published() if model.unconfirmed]
    assert doubted, "nothing to mark"
    for model in doubted:
        shown = dict(published_facts(model))
        _, size, patch, *_ = published_row(model)
        row = {"mpps": size, "diameter_px": size, "patch_px": patch}
        for figure in model.unconfirmed:
            words = [row[figure]] if figure in row else []
            words += [shown[LABELS[figure]]] if figure in LABELS else []
            assert words
            assert all("?" in word for word in words)


def test_what_nobody_read_stands_in_its_own_section(page):
    (section,) = re.findall(r"## Not confirmed\n\n(.*?)\n\n## ", page, re.DOTALL)
    for model in all_published():
        assert (f"**{model.name}**" in section) == bool(model.unconfirmed)


def test_contradictions_stand_in_their_own_section(page):
    (section,) = re.findall(r"## Where sources differ\n\n(.*?)\n\n## ", page, re.DOTALL)
    differ = [model for model in all_published() if model.contradiction]
    assert len(differ) >= 10
    assert section.count("\n- **") + 1 == len(differ)
    assert all(model.contradiction in section for model in differ)


def test_a_source_from_memory_says_so():
    memory = [x for model in all_published() for x in model.sources if not x.confirmed]
    assert memory
    assert all("not confirmed" in said_by(source) for source in memory)


def test_the_python_of_the_page_runs(page, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == "0.5 256 CC-BY-NC-ND-4.0\n"


def test_every_figure_has_a_word():
    from wsi_scale.networks.published_models import FIGURES

    assert set(NAMES) == set(FIGURES)
