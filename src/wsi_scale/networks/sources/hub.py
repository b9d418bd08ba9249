"""Networks of the Hugging Face hub by name: ``hf-hub:OWNER/NAME``, from the local cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.described.hub_cache import snapshot
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.trust import refuse_files

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "hub"
GRAMMAR = "hf-hub:OWNER/NAME?pretrained=true (Hugging Face; from the local cache if it is there)"
ORDER = 19

_PREFIXES = ("hf-hub:", "hf_hub:", "timm:hf-hub:", "timm:hf_hub:")


def accepts(spec: str) -> bool:
    """True for ``hf-hub:…`` and ``timm:hf-hub:…``."""
    return spec.startswith(_PREFIXES)


def load(spec: str, card: Card | None = None) -> Network:
    """The snapshot in the local cache, read as a folder; downloaded only with ``pretrained=true``.

    ``cache_dir=FOLDER`` names another cache.
    """
    from wsi_scale.networks.sources import find_source

    asked = parse_spec(spec)
    refuse_files(asked, card)
    name = asked.target.rpartition("hub:")[2]
    arguments = dict(asked.arguments)
    download = arguments.pop("pretrained", False) is True
    cache = arguments.pop("cache_dir", None)
    folder = snapshot(asked, name, None if cache is None else str(cache), download=download)
    _, _, query = spec.partition("?")
    ours = ("pretrained=", "cache_dir=")
    rest = "&".join(part for part in query.split("&") if part and not part.startswith(ours))
    inner = f"{folder}?{rest}" if rest else str(folder)
    try:
        source = find_source(inner)
    except NetworkError as error:
        raise NetworkError(
            f"{spec}: its folder {folder} holds no description that is understood; name the file "
            "of its weights"
        ) from error
    network: Network = source.load(inner, card)
    kept = network.card if card is not None and card.name else _called(network, name)
    return replace(network, spec=spec, card=kept)


def _called(network: Network, name: str) -> Card:
    """The card with the name on the hub, because the folder of a snapshot is called by a hash."""
    return network.card.model_copy(update={"name": name.partition("@")[0]})


def example(folder: Path) -> str:
    """A cache that holds one small classifier."""
    from wsi_scale.networks.sources.huggingface import example as make

    repository = folder / "models--tests--tiny"
    inside = repository / "snapshots" / "0123"
    inside.mkdir(parents=True)
    make(inside)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    return f"hf-hub:tests/tiny?cache_dir={folder}"
