"""wsinfer: the model's configuration with ``spacing_um_px``, and the command that runs it.

What a report does not know about the model is taken from its card. What the card does not say is
null, which wsinfer refuses until you fill it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.exports.escape import json_text, shell
from wsi_scale.exports.facts import Facts, common_folder
from wsi_scale.exports.targets._heading import about, heading
from wsi_scale.networks.card import Card, load_card
from wsi_scale.networks.identity import card_of
from wsi_scale.networks.spec import parse_spec

NAME = "wsinfer"
TOOL = "wsinfer"
GIVES = "the model's config.json with spacing_um_px, and the command"
NEEDS = ("scale", "mpp")


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One configuration and one command for all slides of the same spacing and folder."""
    groups: dict[tuple[str, float, int], list[Facts]] = {}
    for facts in slides:
        folder = common_folder([facts.path])
        groups.setdefault((folder, facts.target_mpp, facts.tile_px), []).append(facts)
    files, commands = {}, []
    for number, ((folder, spacing, size), members) in enumerate(groups.items(), start=1):
        name = f"config_{number}.json"
        about_it = about(members, left_out)
        files[name] = json_text(config(members[0].spec, spacing, size) | {"about": about_it})
        words = ["wsinfer", "run", "--wsi-dir", folder, "--results-dir", f"wsinfer_{number}"]
        commands.append(shell([*words, "--config", name, "--model-path", "model.pt"]) + "\n")
    more = (
        "wsinfer runs on every slide of --wsi-dir, and reads the µm/px of each from its file.",
        "model.pt is the network as TorchScript; fill in what config says null.",
    )
    return {**files, "wsinfer.sh": heading(TOOL, slides, left_out, *more) + "".join(commands)}


def config(spec: str, spacing: float, size: int) -> dict[str, Any]:
    """The configuration of a model, as far as its card says."""
    card = _card(spec)
    classes = None if card is None or card.classes is None else list(card.classes)
    return {
        "spec_version": "1.0",
        "architecture": (card.name if card is not None else "") or spec,
        "num_classes": None if classes is None else len(classes),
        "patch_size_pixels": size,
        "spacing_um_px": spacing,
        "class_names": classes,
        "transform": [
            {"name": "Resize", "arguments": {"size": size}},
            {"name": "ToTensor"},
            *_normalize(card),
        ],
    }


def _normalize(card: Card | None) -> list[dict[str, Any]]:
    """The step that scales colours; null where there is no card to say so."""
    if card is None:
        return [{"name": "Normalize", "arguments": {"mean": None, "std": None}}]
    if card.mean is None and card.std is None:
        return []
    mean, std = _three(card.mean or (0.0,)), _three(card.std or (1.0,))
    return [{"name": "Normalize", "arguments": {"mean": mean, "std": std}}]


def _three(values: tuple[float, ...]) -> list[float]:
    return list(values) * (1 if len(values) == 3 else 3)


def _card(spec: str) -> Card | None:
    try:
        path = card_of(parse_spec(spec).target)
        return None if path is None else load_card(path)
    except NetworkError:
        return None  # the card is not here any more
