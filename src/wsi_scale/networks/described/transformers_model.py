"""A model of transformers from its config and weights, without code of the folder."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.identity import hash_file, hash_files
from wsi_scale.networks.shards import INDEX, files_of_weights
from wsi_scale.networks.sources.assemble import (
    call_factory,
    import_optional,
    prepare_torchvision,
)
from wsi_scale.networks.spec import Spec
from wsi_scale.networks.wording import brief, listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


def build_of_transformers(
    spec: Spec, said: Mapping[str, Any], path: Path, weights: Path, card: Card
) -> Network:
    """The class of transformers that ``architectures`` names, with the folder's weights.

    The class comes from the installed library by name; ``auto_map``, which would run code of the
    folder, is not followed.
    """
    from wsi_scale.networks.build import build_network

    prepare_torchvision(spec)
    transformers = import_optional("transformers", spec, "huggingface")
    names = said.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    made = _class_of(transformers, name, said, path)
    harmless = {k: v for k, v in said.items() if k not in ("auto_map", "_name_or_path")}
    harmless |= {"use_pretrained_backbone": False} if "use_pretrained_backbone" in said else {}
    try:
        config = made.config_class.from_dict(harmless)
    except Exception as error:  # a config's own checks raise anything
        raise NetworkError(f"{path} is no config that {name} takes: {brief(error)}") from error
    module, notes = _filled(spec, made, config, weights)
    network = build_network(spec.text, module, card, sha256=_hash(weights, card))
    return replace(network, read_as=(f"{name} of transformers",), notes=notes)


def _filled(spec: Spec, made: Any, config: Any, weights: Path) -> tuple[Any, tuple[str, ...]]:
    """A model with all its weights, and a note on those of the file that it does not use.

    transformers itself puts them in, because it renames weights of older releases.
    """
    from wsi_scale.networks.checkpoint import read_tree

    state = read_tree(weights)
    if not isinstance(state, Mapping):
        raise NetworkError(f"{weights} holds no weights by name")
    pooled = any("pooler" in str(key) for key in state)
    less = "add_pooling_layer" in inspect.signature(made.__init__).parameters and not pooled
    arguments = {"add_pooling_layer": False} if less else {}
    with _quiet():
        module, told = call_factory(
            spec,
            made.from_pretrained,
            {
                "pretrained_model_name_or_path": None,
                "config": config,
                "state_dict": dict(state),
                "output_loading_info": True,
                **arguments,
            },
        )
    missing = sorted(map(str, told.get("missing_keys", ())))
    if missing:
        raise NetworkError(
            f"{weights} has no {missing[0]!r}, which the network needs ({len(missing)} in all)"
        )
    left = sorted(map(str, told.get("unexpected_keys", ())))
    note = f"weights that it has no use for were left: {listed(left, 3)}"
    return module, ((note,) if left else ())


@contextmanager
def _quiet() -> Iterator[None]:
    """While open, transformers prints no reports and no bars."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _hash(weights: Path, card: Card) -> str | None:
    if weights.name.endswith(INDEX):
        return hash_files([str(file) for file in files_of_weights(weights)])
    return hash_file(weights, card.sha256)


def _class_of(transformers: Any, name: Any, said: Mapping[str, Any], path: Path) -> Any:
    kind = said.get("model_type")
    made = getattr(transformers, name, None) if isinstance(name, str) else None
    right = isinstance(made, type) and issubclass(made, transformers.PreTrainedModel)
    if made is None or not right or getattr(made.config_class, "model_type", None) != kind:
        code = "its code lies in its folder and is not run" if said.get("auto_map") else ""
        raise NetworkError(
            f"{path}: transformers has no network {name!r} of the type {kind!r}"
            f"{'; ' + code if code else ''}; give it as module:factory?weights=FILE"
        )
    if made.main_input_name != "pixel_values":
        raise NetworkError(f"{path}: {name} takes {made.main_input_name}, not images")
    return made
