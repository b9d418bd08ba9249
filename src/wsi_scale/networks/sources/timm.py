"""Classifiers of the timm library: ``timm:resnet18``."""

from __future__ import annotations

from contextlib import nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.hub_cache import asked_once
from wsi_scale.networks.sources.assemble import assemble, call_factory, import_optional, settle
from wsi_scale.networks.spec import Spec, parse_spec
from wsi_scale.networks.trust import refuse_files

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "timm"
GRAMMAR = "timm:MODEL?weights=FILE&num_classes=N&pretrained=true&key=value"
ORDER = 20


def accepts(spec: str) -> bool:
    """True for ``timm:…``."""
    return spec.startswith("timm:")


def load(spec: str, card: Card | None = None) -> Network:
    """A timm model; weights are downloaded only with ``pretrained=true``.

    A fixed input size, mean and std come from the model's own configuration.
    """
    asked = parse_spec(spec)
    refuse_files(asked, card)
    timm = import_optional("timm", asked)
    arguments = {
        "model_name": asked.target.removeprefix("timm:"),
        "pretrained": False,
        **asked.arguments,
    }
    _refuse_unknown(timm, asked)
    with asked_once() if arguments["pretrained"] else nullcontext():
        module = call_factory(asked, timm.create_model, arguments)
    known = configuration_of(module, features_only=arguments.get("features_only") is True)
    return assemble(asked, module, settle(asked, card, known))


def _refuse_unknown(timm: Any, asked: Spec) -> None:
    """Raise NetworkError for a name that timm does not have, with the nearest that it has."""
    name = asked.target.removeprefix("timm:")
    plain = name.partition(".")[0]
    if "/" in name or ":" in name or timm.is_model(plain):
        return
    near = get_close_matches(plain, timm.list_models(), n=3)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise NetworkError(f"{asked.text}: timm {timm.__version__} has no model {plain!r}{hint}")


def configuration_of(module: Any, *, features_only: bool = False) -> dict[str, Any]:
    """What timm knows about the model, as keys of a card."""
    from wsi_scale.networks.probe import take_channels

    config = getattr(module, "default_cfg", None) or {}
    known: dict[str, Any] = {}
    if features_only or getattr(module, "num_classes", None) == 0:
        known["task"] = "features"
    if take_channels(module) != 1:  # timm's mean and std are for RGB
        known |= {key: tuple(config[key]) for key in ("mean", "std") if key in config}
    if config.get("fixed_input_size") and not getattr(module, "dynamic_img_size", False):
        side = getattr(getattr(module, "patch_embed", None), "img_size", None)
        known["input_size"] = side[0] if side else config["input_size"][-1]
    return known


def example(folder: Path) -> str:
    """A small residual network."""
    return "timm:resnet10t?num_classes=3"
