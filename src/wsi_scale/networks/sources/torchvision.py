"""Classifiers and segmenters of torchvision: ``torchvision:deeplabv3_resnet50``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.sources.assemble import assemble, call_factory, import_optional, settle
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.trust import refuse_files

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "torchvision"
GRAMMAR = "torchvision:MODEL?weights=FILE&num_classes=N&pretrained=true&key=value"
ORDER = 20

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def accepts(spec: str) -> bool:
    """True for ``torchvision:…``."""
    return spec.startswith("torchvision:")


def load(spec: str, card: Card | None = None) -> Network:
    """A torchvision model; weights are downloaded only with ``pretrained=true``.

    ``weights=`` names a file, as in every SPEC; ``pretrained`` gives torchvision's own weights.
    """
    asked = parse_spec(spec)
    refuse_files(asked, card)
    import_optional("torchvision", asked)
    models = import_optional("torchvision.models", asked)
    name = asked.target.removeprefix("torchvision:")
    try:
        builder = models.get_model_builder(name)
    except ValueError as error:
        raise NetworkError(f"{spec}: torchvision has no model {name!r}") from error
    arguments = dict(asked.arguments)
    pretrained = arguments.pop("pretrained", False) is True
    arguments["weights"] = "DEFAULT" if pretrained else None
    if "weights_backbone" in inspect.signature(builder).parameters:
        arguments.setdefault("weights_backbone", None)
    module = call_factory(asked, builder, arguments)
    return assemble(asked, module, settle(asked, card, _IMAGENET if pretrained else {}))


def example(folder: Path) -> str:
    """A small classifier with random weights."""
    return "torchvision:resnet18?num_classes=3"
