"""Programs written by ``torch.export.save``: ``network.pt2``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.networks.card import Card
from wsi_scale.networks.identity import hash_file
from wsi_scale.networks.sources.assemble import settle
from wsi_scale.networks.spec import parse_spec

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "exported"
GRAMMAR = "FILE.pt2 (torch.export)"
ORDER = 40


def accepts(spec: str) -> bool:
    """True for a path ending in .pt2."""
    return spec.partition("?")[0].lower().endswith(".pt2")


def load(spec: str, card: Card | None = None) -> Network:
    """An exported program. Raises NetworkError for a file that could run code when opened."""
    from wsi_scale.networks.build import build_network
    from wsi_scale.networks.sources._pt2 import ExportedModule, read_program

    asked = parse_spec(spec)
    asked.refuse_arguments("an exported program")
    asked.refuse_weights("an exported program")
    settled = settle(asked, card)
    path = Path(asked.target)
    sha256 = hash_file(path, settled.sha256)
    module = ExportedModule(read_program(path))
    if settled.input_size is None and module.side is not None:
        settled = settled.model_copy(update={"input_size": module.side})
    return build_network(spec, module, settled, sha256=sha256)


def example(folder: Path) -> str:
    """The bundled architecture with random weights, exported for any batch size and side."""
    import torch

    from wsi_scale.networks.architectures import FiguresNet

    path = folder / "example.pt2"
    free = torch.export.Dim("batch", min=1), torch.export.Dim("side", min=1, max=256)
    program = torch.export.export(
        FiguresNet(classes=2).eval(),
        (torch.zeros(2, 3, 96, 96),),
        dynamic_shapes=({0: free[0], 2: 4 * free[1], 3: 4 * free[1]},),
    )
    torch.export.save(program, path)
    return str(path)
