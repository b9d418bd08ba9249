"""TorchScript files: ``network.pt``. They run no Python hooks, so only their output is measured."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.identity import hash_file
from wsi_scale.networks.sources.assemble import settle
from wsi_scale.networks.spec import is_factory, parse_spec
from wsi_scale.networks.wording import brief

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

    asked = parse_spec(spec)
    asked.refuse_arguments("a TorchScript file")
    asked.refuse_weights("a TorchScript file")
    settled = settle(asked, card)
    path = Path(asked.target)
    sha256 = hash_file(path, settled.sha256)
    try:
        with warnings.catch_warnings():
            # torch deprecates torch.jit but has no other way to read other people's files
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise NetworkError(
            f"{path} is not a TorchScript file ({brief(error)}); if it holds only weights, use "
            f"package.module:factory?weights={path.name}"
        ) from error
    return build_network(spec, module, settled, sha256=sha256)


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
