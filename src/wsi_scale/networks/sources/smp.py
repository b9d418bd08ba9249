"""Segmenters of segmentation-models-pytorch: ``smp:Unet``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.hub_cache import asked_once
from wsi_scale.networks.sources.assemble import assemble, call_factory, import_optional, settle
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.trust import refuse_files
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "smp"
GRAMMAR = "smp:Unet?encoder_name=resnet18&weights=FILE&classes=N&pretrained=true&key=value"
ORDER = 20


def accepts(spec: str) -> bool:
    """True for ``smp:…``."""
    return spec.startswith("smp:")


def load(spec: str, card: Card | None = None) -> Network:
    """A segmentation model; encoder weights are downloaded only with ``pretrained=true``."""
    asked = parse_spec(spec)
    refuse_files(asked, card)
    smp = import_optional("segmentation_models_pytorch", asked)
    name = asked.target.removeprefix("smp:")
    models = {model.__name__: model for model in smp.MODEL_ARCHITECTURES_MAPPING.values()}
    if name not in models:
        raise NetworkError(f"{spec}: smp has no model {name!r}; choose from {listed(models)}")
    arguments = dict(asked.arguments)
    pretrained = "imagenet" if arguments.pop("pretrained", False) is True else None
    arguments.setdefault("encoder_weights", pretrained)
    with asked_once() if pretrained else nullcontext():
        module = call_factory(asked, models[name], arguments)
    return assemble(asked, module, settle(asked, card, _configuration(smp, arguments)))


def _configuration(smp: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The input that the downloaded encoder weights expect, as keys of a card."""
    if arguments["encoder_weights"] is None:
        return {"task": "segment"}
    encoder = arguments.get("encoder_name", "resnet34")
    wants = smp.encoders.get_preprocessing_params(encoder, arguments["encoder_weights"])
    return {
        "task": "segment",
        "scaling": "byte" if wants["input_range"][-1] == 255 else "unit",
        "mean": tuple(wants["mean"]),
        "std": tuple(wants["std"]),
    }


def example(folder: Path) -> str:
    """A U-Net with random weights."""
    return "smp:Unet?encoder_name=resnet18&classes=2"
