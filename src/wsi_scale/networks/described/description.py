"""A description as it was read, and the network that it and its weights make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card, make_card, name_classes
from wsi_scale.networks.sources.assemble import settle
from wsi_scale.networks.spec import Spec
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


@dataclass(frozen=True)
class Description:
    """What a file of one of the field's formats says about a network."""

    form: str
    """Name of the format, with its article if it has one."""
    file: Path
    """The file that was read."""
    card: Mapping[str, Any]
    """Keys of a card that it states, except the names of the classes."""
    classes: tuple[str, ...] | None = None
    """Names of the outputs; compared with the number of outputs once that is known."""
    read_as: tuple[str, ...] = ()
    """How it was read; one clause each."""
    notes: tuple[str, ...] = ()
    """What in it leaves a doubt; one clause each."""


def settle_described(asked: Spec, card: Card | None, description: Description) -> Card:
    """One card: the query overrides a card, and the card overrides the description.

    The description's ``weights`` are the source's own business, so the key is left out.
    """
    name = " ".join(str(description.card.get("name", "")).split())
    stated = make_card({**description.card, "name": name}, str(description.file))
    plain = replace(asked, overrides={k: v for k, v in asked.overrides.items() if k != "weights"})
    known = {key: getattr(stated, key) for key in stated.model_fields_set}
    settled = settle(plain, card, known)
    return settled.model_copy(update={"weights": None})


def load_described_network(
    asked: Spec, card: Card | None, description: Description, load: Callable[[Card], Network]
) -> Network:
    """The network that ``load`` makes with the settled card, its classes named, with notes."""
    settled = settle_described(asked, card, description)
    network = load(settled)
    read_as = (f"{description.file.name} as {description.form}", *description.read_as)
    notes = list(description.notes)
    if settled.classes is None and description.classes is not None:
        names, note = _fit(description.classes, len(network.classes))
        if names is not None:
            make_card({"classes": names}, str(description.file))  # refuses what no class is called
            network = _named(network, settled, names)
        notes += [note] if note else []
    return replace(
        network,
        spec=asked.text,
        read_as=(*read_as, *network.read_as),
        notes=(*notes, *network.notes),
    )


def _fit(names: tuple[str, ...], count: int) -> tuple[tuple[str, ...] | None, str]:
    """Names for the outputs that there are, and a note if the description has other ones."""
    if len(names) == count:
        return names, ""
    if (len(names), count) == (2, 1):
        return names[1:], (
            f"it names {listed(names)} but the network has one output, taken as {names[1]} or not"
        )
    return None, f"it names {len(names)} classes but the network has {count} outputs"


def _named(network: Network, settled: Card, names: tuple[str, ...]) -> Network:
    card = network.card.model_copy(update={"classes": names})
    if len(set(names)) != len(names):
        raise NetworkError(f"{network.name}: two classes have one name: {listed(names)}")
    return replace(network, card=card, classes=name_classes(card, len(names), network.name))
