"""Networks from any importable function or class: ``package.module:factory``."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.sources.assemble import assemble, call_factory, settle
from wsi_scale.networks.spec import Spec, is_factory, parse_spec
from wsi_scale.networks.trust import refuse_code
from wsi_scale.networks.wording import brief

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "factory"
GRAMMAR = "package.module:factory?weights=FILE.safetensors&key=value"
ORDER = 60


def accepts(spec: str) -> bool:
    """True for ``package.module:factory``."""
    return is_factory(spec.partition("?")[0])


def load(spec: str, card: Card | None = None) -> Network:
    """The network that the factory returns; its module lies in the current folder or on PYTHONPATH.

    Raises NetworkError if a card names it that the user did not trust.
    """
    asked = parse_spec(spec)
    refuse_code(asked, card)
    if card is None:  # typed by the user, who stands in this folder
        _make_importable(os.getcwd())
    settled = settle(asked, card)
    return assemble(asked, call_factory(asked, _find(asked), asked.arguments), settled)


def _make_importable(folder: str) -> None:
    """Let Python find modules in a folder, after all other places, so that none is shadowed."""
    if folder not in sys.path:
        sys.path.append(folder)


def _find(spec: Spec):  # type: ignore[no-untyped-def]  # the name may refer to anything
    module_name, _, name = spec.target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise NetworkError(f"{spec.text}: cannot import {module_name}: {error}") from error
        raise NetworkError(
            f"{spec.text}: there is no module {error.name!r}; run this in its folder, or put its "
            "folder on PYTHONPATH"
        ) from error
    except (Exception, SystemExit) as error:  # other people's code may raise anything
        raise NetworkError(f"{spec.text}: importing {module_name} raised {brief(error)}") from error
    factory = getattr(module, name, None)
    if not callable(factory):
        raise NetworkError(f"{spec.text}: {module_name} has no function {name!r}")
    return factory


def example(folder: Path) -> str:
    """The architecture of the bundled network, with random weights."""
    return "wsi_scale.networks.architectures:FiguresNet?classes=4"
