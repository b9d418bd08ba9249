"""The arrows of docs/architecture.md, checked: who may import whom, and who may import torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import wsi_scale

ROOT = Path(wsi_scale.__file__).parent

ROOMS = [
    {"bundled", "errors", "files", "registry"},
    {"geometry", "outlines", "resampling"},
    {"metadata", "prior", "objective", "level_audit"},
    {"slide", "readers", "pyramid"},  # a slide's thumbnail is resampled by the pyramid room
    {"sites", "survey", "focus", "regions", "drawn", "tissue", "histology"},
    {"responses"},
    {"profile"},
    {"networks"},
    {"measure"},
    {"colour_fit"},
    {"estimators"},
    {"settings"},
    {"report"},
    {"tolerance"},
    {"verdict"},
    {"voices"},
    {"judge"},
    {"audit"},
    {"sparing"},
    {"assemble"},
    {"fields"},
    {"planning"},
    {"looking"},
    {"as_is"},
    {"pipeline"},
    {"render", "calibrate", "evaluate", "tiling", "augment", "batch", "thesis", "testing"},
    {"cli"},
]
MAY_IMPORT = {
    "torch": {
        "resampling",  # its halves; sites, levels and metadata are read without
        "networks",
        "measure",
        "colour_fit",
        "as_is",
        "batch",
        "calibrate",
        "evaluate",
        "tiling",
        "thesis",
        "testing",
    },
    "timm": {"networks"},
    "segmentation_models_pytorch": {"networks"},
    "torchvision": {"networks"},
    "skimage": {"tissue", "augment", "thesis"},
    "PIL": {"readers", "resampling", "pyramid", "render", "testing", "thesis", "augment"},
    "openslide": {"readers"},
    "tiffslide": {"readers"},
    "tifffile": {"readers", "testing"},
    "zarr": {"readers"},
    "matplotlib": {"render", "thesis"},
    "typer": {"cli"},
    "rich": {"cli"},
    "dask": {"batch"},
    "distributed": {"batch"},
    "pyarrow": {"batch"},
    "napari": set(),
}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


SOURCES = [p for p in sorted(ROOT.rglob("*.py")) if p.parent != ROOT or p.name != "__init__.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_the_list_of_rooms(path):
    rank = {room: i for i, rooms in enumerate(ROOMS) for room in rooms}
    here = room_of(path)
    assert here in rank, f"{here} is in no room; add it to ROOMS and to docs/architecture.md"
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "wsi_scale" and len(parts) > 1 and parts[1] in rank:
            assert rank[parts[1]] <= rank[here], f"{here} must not import {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_in_their_rooms(path):
    for name in {name.split(".")[0] for name in imports_of(path)}:
        assert name not in MAY_IMPORT or room_of(path) in MAY_IMPORT[name], f"{path}: {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "thesis").glob("*.py")), ids=lambda p: p.stem)
def test_the_thesis_needs_torch_only_to_train_and_to_ask(path):
    assert path.stem in {"train", "family", "gather"} or "torch" not in imports_of(path)


@pytest.mark.parametrize("path", sorted((ROOT / "evaluate").glob("*.py")), ids=lambda p: p.stem)
def test_the_bench_needs_torch_only_to_ask_and_the_thesis_never(path):
    names = imports_of(path)
    assert path.stem == "gather" or "torch" not in names
    assert not any(name.startswith("wsi_scale.known_scale.thesis") for name in names)


@pytest.mark.parametrize("path", sorted((ROOT / "batch").glob("*.py")), ids=lambda p: p.stem)
def test_a_batch_needs_torch_only_in_the_process_that_reads(path):
    assert path.stem == "one" or "torch" not in imports_of(path)


@pytest.mark.parametrize("path", sorted((ROOT / "tiling").glob("*.py")), ids=lambda p: p.stem)
def test_tiles_need_torch_only_to_be_served_to_it(path):
    assert path.stem == "dataset" or "torch" not in imports_of(path)


def test_importing_wsi_scale_loads_no_heavy_library():
    heavy = ("torch", "dask", "distributed", "pyarrow", "napari", "skimage", "matplotlib", "scipy")
    code = f"import sys, wsi_scale; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_estimators_and_judge_work_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from wsi_scale import estimators, responses, report\n"
        "print(sorted(estimators.all_estimators()))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "fingerprint" in out.stdout


def test_every_public_name_can_be_had():
    for name in wsi_scale.__all__:
        assert getattr(wsi_scale, name) is not None


def test_the_names_for_type_checkers_are_those_at_run_time():
    promised = {
        alias.name
        for node in ast.walk(ast.parse((ROOT / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wsi_scale.")
        for alias in node.names
    }
    assert promised | {"__version__"} == set(wsi_scale.__all__)


def test_tiles_are_cut_and_stitched_without_torch():
    code = "import sys; sys.modules['torch'] = None; from wsi_scale import Tiles, stitch, tiles"
    subprocess.run([sys.executable, "-c", code], check=True)
