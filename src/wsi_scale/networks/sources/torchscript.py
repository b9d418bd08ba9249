"""TorchScript files: ``network.pt``. Their output is measured, and the inputs of BatchNorms."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.networks.card import Card
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.identity import hash_file
from wsi_scale.networks.sources.assemble import settle
from wsi_scale.networks.spec import is_factory, parse_spec

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "torchscript"
GRAMMAR = "FILE.pt, FILE.pth or FILE.ts (TorchScript)"
ORDER = 40

_SUFFIXES = (".pt", ".pth", ".ts")


def accepts(spec: str) -> bool:
    """True for a path ending in .pt, .pth or .ts."""
    target = spec.partition("?")[0]
    return target.lower().endswith(_SUFFIXES) and not is_factory(target)


def load(spec: str, card: Card | None = None) -> Network:
    """A TorchScript file. Raises NetworkError for anything else, such as a plain checkpoint."""
    import torch

    from wsi_scale.networks.build import build_network
    from wsi_scale.networks.sources._script_code import refuse_code
    from wsi_scale.networks.sources._script_run import make_heard

    asked = parse_spec(spec)
    asked.refuse_arguments("a TorchScript file")
    asked.refuse_weights("a TorchScript file")
    settled = settle(asked, card)
    path = Path(asked.target)
    sha256 = hash_file(path, settled.sha256)
    refuse_code(path)
    with warnings.catch_warnings(), parsing(path, "a TorchScript file"):
        # torch deprecates torch.jit but has no other way to read other people's files
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        script = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module, notes = make_heard(script)
    network = build_network(spec, module, settled, sha256=sha256)
    return replace(network, notes=notes)


def example(folder: Path) -> str:
    """One convolution, traced: two logits per pixel."""
    import torch

    path = folder / "example.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit, as above
        warnings.simplefilter("ignore", FutureWarning)
        convolution = torch.nn.Conv2d(3, 2, 3, padding=1)
        patch = torch.zeros(1, 3, 32, 32)
        traced = torch.jit.trace(convolution.eval(), patch)  # type: ignore[no-untyped-call]
        traced.save(str(path))
    return str(path)
