"""Steps that sources share: one card from three, a factory's call, weights, the trial run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card, override
from wsi_scale.networks.spec import Spec
from wsi_scale.networks.wording import brief

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

_kept_declarations: list[Any] = []  # an operator lives as long as its torch.library.Library


def settle(spec: Spec, card: Card | None, defaults: Mapping[str, Any] | None = None) -> Card:
    """One card: the query overrides the card, and the card overrides what the source knows."""
    return override((card or Card()).with_known(defaults or {}), spec.overrides, spec.text)


def call_factory(spec: Spec, factory: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """What a factory returns. Raises NetworkError when the factory raises anything."""
    try:
        return factory(**arguments)
    except (Exception, SystemExit) as error:  # other people's code may raise anything
        raise NetworkError(f"{spec.text}: the factory raised {brief(error)}") from error


def assemble(spec: Spec, module: Any, card: Card) -> Network:
    """A Network made from a module, with the card's weights if it names any."""
    from torch import nn

    from wsi_scale.networks.build import build_network
    from wsi_scale.networks.identity import hash_file, hash_files
    from wsi_scale.networks.shards import INDEX, files_of_weights, weights_file
    from wsi_scale.networks.weights import Loaded, load_weights

    if not isinstance(module, nn.Module):
        raise NetworkError(
            f"{spec.text}: the factory made something of type {type(module).__name__}, "
            "not a torch.nn.Module"
        )
    sha256 = None
    loaded = Loaded()
    if card.weights is not None:
        path = weights_file(Path(card.weights))
        sha256 = hash_file(path, card.sha256)
        loaded = load_weights(module, path)
        if path.name.endswith(INDEX):
            sha256 = hash_files([str(file) for file in files_of_weights(path)])
    network = build_network(spec.text, module, card, sha256=sha256)
    return replace(network, stale_signs=loaded.stale_signs, notes=loaded.notes)


def import_optional(name: str, spec: Spec, extra: str = "networks") -> ModuleType:
    """A library of one of the extras. NetworkError says how to install a missing one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NetworkError(
            f'{spec.text} needs {error.name or name}; pip install "wsi-scale[{extra}]"'
        ) from error
    except ImportError as error:
        raise NetworkError(f"{spec.text}: cannot import {name}: {brief(error)}") from error
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error) or _kept_declarations:
            raise NetworkError(f"{spec.text}: cannot import {name}: {brief(error)}") from error
    _declare_torchvision_operators()
    return import_optional(name, spec, extra)


def prepare_torchvision(spec: Spec) -> None:
    """Import torchvision, if it is installed, before a library that imports it on its own."""
    with suppress(NetworkError):
        import_optional("torchvision", spec)


def _declare_torchvision_operators() -> None:
    """Let torchvision be imported without its compiled part.

    A torchvision built for CUDA does not load its compiled part next to a CPU-only torch, and then
    fails on two operators that it describes in any case. Only detection models need them.
    """
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(operator + arguments)  # type: ignore[no-untyped-call]
    _kept_declarations.append(library)
