"""What the pages promise holds: commands exist, examples run, links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "napari_plugin" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_that_are_there(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_card_on_the_page_is_a_card(tmp_path):
    from wsi_scale.networks import load_card

    text = (ROOT / "docs" / "cards.md").read_text(encoding="utf-8")
    (card,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "card.toml"
    path.write_text(card.replace("a4b0…", "a4b0" * 16), encoding="utf-8")
    assert load_card(path).classes == ("nucleus",)


def test_every_optional_line_of_that_card_may_be_switched_on(tmp_path):
    from wsi_scale.networks import load_card

    text = (ROOT / "docs" / "cards.md").read_text(encoding="utf-8")
    (card,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    for line in re.findall(r"^# (\w+ = .*)$", card, re.MULTILINE):
        lines = ['source = "m:f"', "channels = 3", 'classes = ["a", "b"]', line]
        path = tmp_path / "card.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        load_card(path)


def test_the_step_by_step_example_runs_as_written(tmp_path, monkeypatch):
    """The page's own lines, with a drawn slide and the bundled network in place of the reader's."""
    from wsi_scale.networks import load_network

    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (block,) = [b for b in blocks if "Responses.load" in b]
    code = block.replace('"slide.svs"', '"synthetic:figures?stretch=0.3&width=3000&height=2500"')
    monkeypatch.chdir(tmp_path)
    names = {"wsi_scale": __import__("wsi_scale"), "network": load_network("figures")}
    code = code.replace("choose_sites(slide, 24", "choose_sites(slide, 3")
    exec(code, names)
    assert names["estimate"].scale == pytest.approx(1.5, rel=0.4)


def test_the_page_on_benches_explains_every_column():
    from wsi_scale.known_scale.evaluate.manifest import COLUMNS as OF_MANIFEST
    from wsi_scale.known_scale.evaluate.scores import COLUMNS as OF_SUMMARY
    from wsi_scale.known_scale.evaluate.sweep_options import UNMEASURED, options_of

    text = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([\w.]+)`", text)) | {"estimator", "setting", "responses"}
    assert set(OF_MANIFEST) | set(OF_SUMMARY) <= words
    assert {*options_of("extrema"), *options_of("fingerprint")} - set(UNMEASURED) <= words


def test_the_manifest_on_the_page_is_one(tmp_path):
    from wsi_scale.known_scale.evaluate.manifest import read_manifest

    text = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"cat slides.csv\n(.*?)\$", text, re.DOTALL)
    path = tmp_path / "slides.csv"
    path.write_text(lines, encoding="utf-8")
    assert [row.scale for row in read_manifest(path).rows] == [2, 2, 4]


def test_the_example_of_tiles_runs_as_written():
    """A number in place of the estimate, which other tests make."""
    text = (ROOT / "docs" / "tiles.md").read_text(encoding="utf-8")
    (code,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "stitch" in b]
    (estimate,) = re.findall(r"^report = .*$", code, re.MULTILINE)
    names = {}
    exec(code.replace(estimate, "report = 2.0"), names)
    assert names["picture"].shape == names["tiles"].shape == (560, 700)
    assert len(names["seen"]) > 5  # classes of the mosaic


def test_the_page_on_batches_explains_every_column_option_and_kind():
    from typing import get_args

    from wsi_scale.batch.row import OURS, PROCESS, Kind

    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([\w.-]+)`", text))
    assert set(OURS) | set(PROCESS) | set(get_args(Kind)) <= words
    assert {"--resume", "--memory", "--minutes", "--workers", "--device"} <= words


def test_the_python_of_the_page_on_batches_runs(monkeypatch, tmp_path):
    """With drawn slides in place of the reader's."""
    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (block,) = [x for x in blocks if "estimate_slides" in x]
    slides = '["synthetic:figures?stretch=0.5&width=600&height=500", "synthetic:nothing"]'
    block = block.replace('["a.svs", "b.svs"]', slides).replace("sites=16", "sites=3")
    shown = []
    exec(block, {"print": lambda *words: shown.append(words)})
    assert sorted(len(words) for words in shown) == [3, 3]
    assert ("synthetic:nothing", "slide") in [words[:2] for words in shown]


def test_the_page_on_foundation_models_prints_what_its_commands_print(
    tmp_path, capsys, monkeypatch
):
    import shlex
    import shutil

    from wsi_scale.cli import run

    text = (ROOT / "docs" / "foundation-models.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    commands = blocks[0][1].splitlines()
    assert commands[0] == "$ pip install wsi-scale"
    shutil.copy(ROOT / "sample_data" / "CMU-1-Small-Region.svs", tmp_path / "slide.svs")
    monkeypatch.chdir(tmp_path)
    printed = ""
    for command in commands[1:]:
        assert run(shlex.split(command.removeprefix("$ wsi-scale "))) == 0
        printed += capsys.readouterr().out
    for _, block in [b for b in blocks if not b[0]]:
        assert block in printed
    assert (tmp_path / "tiles" / "tile_r0000_c0004.png").exists()
    assert "256 px" in printed
    (code,) = [block for kind, block in blocks if kind == "python"]
    exec(code, {})
    assert capsys.readouterr().out.endswith("ok\n")
