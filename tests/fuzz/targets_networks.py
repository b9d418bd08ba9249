"""SPECs, cards, descriptions, checkpoints and programs; each is loaded and shown two patches."""

from __future__ import annotations

import importlib.util
import io
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import torch
from safetensors.torch import save
from targets import CASES, Target

from wsi_scale.networks import load_network
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.networks.sources import (
    bioimage,
    card_file,
    exported,
    huggingface,
    monai,
    onnx,
    torchscript,
)

FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2&weights="
TINY = "tinynet:build?weights="
"""Of ``tests/cases/tinynet.py``, which lies beside each case."""

SPECS = [
    b"figures?mpp=0.5&mean=[0.5, 0.5, 0.5]&std=[0.2, 0.2, 0.2]&layers=classifier",
    b"wsi_scale.networks.architectures:FiguresNet?classes=2&filters=[4, 8]&input_size=64",
    b"torchvision:resnet18?weights=none&num_classes=2",
    b"weights.safetensors?stain=none&output=out",
    b"card.toml?mpp=0.25&trust=false",
]
Example = Callable[[Path], str]


class WrittenError(AssertionError):
    """Loading a network wrote, changed or removed a file."""


def example(make: Example, file: str) -> Callable[[], list[bytes]]:
    """The file of that name in the example of a source."""

    def seeds() -> list[bytes]:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(Path(folder))
            return [(Path(folder) / file).read_bytes()]

    return seeds


def loads(
    name: str, before: str = "", make: Example | None = None, spec: str = ""
) -> Callable[[Path], None]:
    """Reads a case as the file ``name`` of an example, by a SPEC that begins with ``before``."""

    def read(path: Path) -> None:
        folder = beside(path, name, make)
        case = folder / name
        shutil.copyfile(path, case)
        held = listed(folder)
        with chdir(folder):
            try:
                load_network(spec or f"{before}{name}", device="cpu")
            finally:
                if listed(folder) != held:
                    raise WrittenError(f"{name}: {sorted(listed(folder) ^ held)}")

    return read


def beside(path: Path, name: str, make: Example | None) -> Path:
    """A folder with what lies beside such a file; made once for all cases."""
    maker = make.__module__ if make else ""
    folder = path.parent / f"beside {maker} {name.replace('/', ' ')}"
    if not folder.is_dir():
        folder.mkdir()
        shutil.copy(CASES / "tinynet.py", folder)
        if make:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                make(folder)
    return folder


def listed(folder: Path) -> set[tuple[str, int, int]]:
    """The files of a folder, with size and time."""
    found = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return {(str(x), x.stat().st_size, x.stat().st_mtime_ns) for x in found if x.is_file()}


def read_spec(path: Path) -> None:
    """Loads what a text names, in a folder with a card and its weights."""
    text = path.read_text(encoding="utf-8", errors="replace")
    with chdir(beside(path, "spec", card_file.example)):
        load_network(text, device="cpu")


def shards(folder: Path) -> str:
    shutil.copytree(CASES / "sharded", folder, dirs_exist_ok=True)
    return str(folder / "model.safetensors.index.json")


def zoo(folder: Path) -> str:
    shutil.copytree(CASES / "wsinfer", folder, dirs_exist_ok=True)
    return str(folder)


def checkpoints() -> list[bytes]:
    tree = {"state_dict": FiguresNet(classes=2).state_dict(), "epoch": 1, "lr": [1e-3, None]}
    found = []
    for is_zip in (True, False):
        file = io.BytesIO()
        torch.save(tree, file, _use_new_zipfile_serialization=is_zip)
        found.append(file.getvalue())
    return found + [path.read_bytes() for path in sorted((CASES / "hostile").glob("*.ckpt"))]


def of_others() -> list[bytes]:
    names = ("lightning_criterion.ckpt", "hovernet_desc.tar", "nnunet.pth", "numpy_scalar.pth")
    return [(CASES / name).read_bytes() for name in names]


def scripts() -> list[bytes]:
    zoo = (CASES / "wsinfer" / "torchscript_model.pt").read_bytes()
    return [*example(torchscript.example, "example.pt")(), zoo]


def cards() -> list[bytes]:
    """A card that says little, one that says all, and those that hostile people made."""
    more = b'mean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]\ntraining_mpp = 0.5\nlayers = "output"\n'
    more += b'input_size = 64\ntask = "classify"\nstain = "none"\nlicense = "MIT"\n'
    small = example(card_file.example, "card.toml")()
    hostile = [path.read_bytes() for path in sorted((CASES / "hostile").glob("*.toml"))]
    return [*small, small[0] + more, *hostile]


def folder_of(make: Example, name: str) -> dict[str, Callable]:
    """A description beside the weights that it describes."""
    return {"seeds": example(make, name), "read": loads(name, make=make, spec=".")}


TARGETS = [
    Target("spec", ".txt", lambda: SPECS, read_spec, text=True, most_mib=6144, cost=2),
    Target("card", ".toml", cards, loads("card.toml", make=card_file.example), text=True),
    Target("checkpoint", ".ckpt", checkpoints, loads("w.ckpt", FIGURES)),
    Target("checkpoint-others", ".pth", of_others, loads("w.pth", TINY)),
    Target("safetensors", ".safetensors",
           lambda: [save(FiguresNet(classes=2).state_dict())], loads("w.safetensors", FIGURES)),
    Target("shards", ".json", example(shards, "model.safetensors.index.json"),
           loads("model.safetensors.index.json", TINY, shards), text=True),
    Target("pt2", ".pt2", example(exported.example, "example.pt2"), loads("w.pt2"), cost=10),
    Target("torchscript", ".pt", scripts, loads("w.pt"), cost=4),
    Target("wsinfer", ".json", **folder_of(zoo, "config.json"), text=True, cost=2),
    Target("bioimage", ".yaml", **folder_of(bioimage.example, "rdf.yaml"), text=True, cost=2),
    Target("monai", ".json", **folder_of(monai.example, "configs/metadata.json"), text=True,
           cost=2),
    Target("huggingface", ".json", **folder_of(huggingface.example, "config.json"), text=True,
           cost=10),
]  # fmt: skip

if importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime"):
    TARGETS.append(
        Target("onnx", ".onnx", example(onnx.example, "example.onnx"), loads("w.onnx"), cost=2)
    )
