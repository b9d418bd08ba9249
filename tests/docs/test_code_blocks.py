"""Every code block of the README and of docs/: run as written, or left out for a reason."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


pages = load("pages_in_use")
Run, Shown, By, Not = pages.Run, pages.Shown, pages.By, pages.Not

QUICK = "--sites 2 --no-ruler"
DOCS = "tests/docs/test_docs.py"
FOUNDATION = f"{DOCS}::test_the_page_on_foundation_models_prints_what_its_commands_print"
SIZED = {"weights=model.safetensors": "weights=model.safetensors&input_size=64&mpp=0.5"}
MINE = '"my.module:build?weights=model.safetensors"'
DRAWN = "synthetic:figures?stretch=0.5&width=700&height=600"

TEN = "installs TIAToolbox; packaging/try_ten_commands.py does what the page says"
ROWS = f"import wsi_scale.cli as c; c.run(['batch', '{DRAWN}', '--out', 'rows.parquet'])"
TORCH = "import torch; module = torch.nn.Conv2d(3, 1, 3); patches = torch.rand(1, 3, 8, 8)"
OWN = "import sys; sys.path.insert(0, '.'); import my_nets; my_torch_module = my_nets.build()"
KNOWN = "responses = responses_of(); responses_at_known_scale = responses_of(seed=1)"
HAVE_ONE = {"wsi-scale sample slide.svs": "there is one"}
LIVE = {'"slide.svs"': f'"{DRAWN}"', "network)": "'figures')"}

QUESTIONS = [
    *[Run()] * 4,
    Run(),  # of TRIDENT; leaves report.json for the next
    *[Run()] * 2,
    Run(smaller=QUICK),
    Run(replace={"batch slides ": "batch slide.svs --network-mpp 0.5 "}),
    Run(smaller=QUICK),
]
TUTORIAL = [
    *[Run(leave=HAVE_ONE)],
    *[Run(), Shown(), Run(), Shown(), Run(), Shown(), Run(), Shown(), Run(), Run()],
]

USES = {
    "README.md": [
        Not("installs wsi-scale; CI runs `make test` as it stands here"),
        Shown(after="wsi-scale estimate slide.svs"),
        By("tests/test_sample_data.py::test_the_scale_of_the_sample_figures_is_found"),
        Run(
            replace={"SLIDE": "slide.svs", "sample slide.svs": "sample other.svs"} | SIZED,
            leave={
                "wsi-scale calibrate": "data: images of known scale",
                "wsi-scale networks SPEC": "data: SPEC stands for any",
                "wsi-scale evaluate": "data: slides of known scale",
                "wsi-scale batch": "the page on batches runs it",
                "wsi-scale thesis": "time: ten minutes",
                "wsi-scale estimate slide.svs    ": "run above",
            },
        ),
        Run(replace=SIZED),
    ],
    "napari_plugin/README.md": [
        Not("installs wsi-scale and opens a window"),
        By("tests/napari_plugin/test_inputs.py::test_the_inputs_can_be_put_into_another_program"),
    ],
    "docs/adding-a-network-source.md": [
        By("tests/networks/test_source_page.py::test_the_source_on_the_page_works_by_being_a_file")
    ],
    "docs/adding-a-reader.md": [By("tests/slide/readers/test_adding_a_reader.py")],
    "docs/adding-an-estimator.md": [By("tests/estimators/test_adding_an_estimator.py")],
    "docs/adding-an-export.md": [
        By("tests/docs/test_code_blocks.py::test_the_export_of_the_page_is_one")
    ],
    "docs/architecture.md": [By("tests/test_architecture.py")],
    "docs/batch.md": [
        Run(replace={"slides/": f"'{DRAWN}'", MINE: "figures"}),
        Run(names=ROWS, needs="pandas"),
        By(f"{DOCS}::test_the_python_of_the_page_on_batches_runs"),
        *[Not("cluster: several machines")] * 2,
        Not("cluster: a Slurm queue"),
        *[Not("cluster: a Kubernetes cluster")] * 2,
    ],
    "docs/cards.md": [By(f"{DOCS}::test_the_card_on_the_page_is_a_card")],
    "docs/estimators.md": [Run(names=KNOWN)],
    "docs/evaluate.md": [By(f"{DOCS}::test_the_manifest_on_the_page_is_one"), Not("time: a bench")],
    "docs/explain.md": [Run(smaller=QUICK)],
    "docs/formats.md": [
        By("tests/networks/sources/test_wsinfer.py"),
        Not("network: downloads a model"),
        Run(names=TORCH, needs="onnxscript"),
    ],
    "docs/foundation-models.md": [
        *[By(FOUNDATION)] * 3,
        Run(smaller="--sites 2"),
        By(FOUNDATION),
    ],
    "docs/index.md": [Run(leave=HAVE_ONE, smaller=QUICK)],
    "docs/install.md": [
        *[Not("installs wsi-scale")] * 2,
        Not("network: docker downloads an image of Python"),
        By(
            "tests/docs/test_release_files.py::test_the_action_on_the_page_is_the_one_that_is_there"
        ),
    ],
    "docs/interop.md": [Run(replace={"slides/*.svs": "slide.svs --network-mpp 0.5"})],
    "docs/napari.md": [Not("installs wsi-scale and opens a window")],
    "docs/command-line.md": [
        By("tests/cli/test_settings_file.py::test_the_file_of_the_page_is_understood")
    ],
    "docs/map.md": [
        By(
            "tests/cli/test_cli.py"
            "::test_the_places_of_an_answer_can_be_opened_in_qupath_and_in_a_spreadsheet"
        ),
        By("tests/pipeline/test_scale_map.py::test_the_border_between_two_tissues_shows"),
    ],
    "docs/networks.md": [Run()],
    "docs/published.md": [Run()],
    "docs/python.md": [
        Run(replace={"sites=32": "sites=2"}),
        Run(
            replace={"timm:resnet18?weights=model.safetensors": "figures", "cuda": "cpu"},
            names=OWN,
        ),
        Run(replace={"&mpp=0.5": "&mpp=0.5&input_size=64"}),
        *[Run(replace=LIVE)] * 2,
        By(f"{DOCS}::test_the_step_by_step_example_runs_as_written"),
        Not("data: images of known scale; tests/known_scale/calibrate has drawn ones"),
    ],
    "docs/questions.md": QUESTIONS,
    "docs/ten-commands.md": [Not(TEN)] * 6,
    "docs/thesis.md": [Not("time: ten minutes and an hour")],
    "docs/thesis-details.md": [*[Not("time: an hour and more")] * 2],
    "docs/tiles.md": [By(f"{DOCS}::test_the_example_of_tiles_runs_as_written")],
    "docs/tissue.md": [Run(replace={"&stain=HE": "&stain=HE&input_size=64&mpp=0.5"})],
    "docs/trust.md": [
        By("tests/networks/test_files_run_no_code.py"),
        By("tests/networks/test_files_run_no_code.py"),
    ],
    "docs/tutorial.md": TUTORIAL,
}
"""Page -> what is done with its code blocks, in their order."""


def with_code():
    found = ["README.md", "napari_plugin/README.md"]
    found += [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if pages.blocks(page)]


@pytest.mark.parametrize("page", with_code())
def test_every_block_is_run_or_left_out_for_a_reason(page):
    uses = USES.get(page, [])
    kinds = [kind for kind, _ in pages.blocks(page)]
    assert len(uses) == len(kinds), f"{page} has {len(kinds)} blocks: {kinds}"
    for use in uses:
        if isinstance(use, Not):
            assert use.reason.startswith(pages.REASONS), use.reason
        if isinstance(use, By):
            file, _, name = use.test.partition("::")
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert not name or name in named, use.test


def test_no_page_is_named_that_has_no_code():
    assert set(USES) == set(with_code())


def in_use():
    return [page for page, uses in USES.items() if any(isinstance(x, (Run, Shown)) for x in uses)]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch's own ONNX exporter
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", in_use())
def test_the_blocks_run_as_written_and_print_what_the_page_shows(
    page, tmp_path, capsys, monkeypatch, responses_of
):
    pages.furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    reader = pages.Reader(tmp_path, capsys)
    reader.namespace["responses_of"] = responses_of
    for (kind, text), use in zip(pages.blocks(page), USES[page], strict=True):
        if isinstance(use, Run):
            if use.needs:
                pytest.importorskip(use.needs)
            reader.run(kind, text, use)
        elif isinstance(use, Shown):
            if use.after:
                reader.command(use.after, "")
            reader.compare(text)


def test_the_export_of_the_page_is_one(tmp_path):
    """The page's file, loaded beside the others."""
    from wsi_scale.exports.facts import Facts

    (_, code), *_ = pages.blocks("docs/adding-an-export.md")
    path = tmp_path / "mytool.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mytool", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fields = set(Facts.__annotations__) | set(dir(Facts))
    assert {"needed_scale", "path"} <= fields
    assert set(module.NEEDS) <= {"scale", "mpp"}
    text = module.write([], [])
    assert "My Tool" in text
