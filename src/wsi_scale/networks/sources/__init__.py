"""One file per source of networks. Every file here is found; only ``load`` imports torch.

A source module declares

    NAME       the word it is known by, e.g. ``timm``
    GRAMMAR    one line of SPEC grammar for people
    ORDER      the lowest order is tried first; 100 if absent
    accepts(spec) -> bool
    load(spec, card=None) -> Network    raises NetworkError with one sentence
    example(folder) -> spec             a small network it can load, for the contract test

``docs/adding-a-network-source.md`` builds one step by step.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

from wsi_scale.errors import NetworkError
from wsi_scale.networks.published_words import refuse_published
from wsi_scale.networks.shards import INDEX
from wsi_scale.networks.spec import refuse_address
from wsi_scale.networks.wording import only_weights
from wsi_scale.plumbing.registry import modules_of

_WEIGHTS = (".ckpt", ".safetensors", ".tar", ".bin", ".index.json")


def all_sources() -> dict[str, ModuleType]:
    """Every source of networks.

    Returns
    -------
    dict[str, ModuleType]
        By name, in the order in which they are tried.

    Examples
    --------
    >>> from wsi_scale.networks import all_sources
    >>> list(all_sources())[0]
    'bundled'
    """
    return modules_of(sys.modules[__name__])


def find_source(spec: str) -> ModuleType:
    """The source that loads a SPEC.

    Parameters
    ----------
    spec : str
        Names a network.

    Returns
    -------
    ModuleType
        The first source that accepts the SPEC; its ``load(spec)`` returns the Network.

    Raises
    ------
    NetworkError
        When no source accepts it; the message lists every form of SPEC.

    Examples
    --------
    >>> from wsi_scale.networks import find_source
    >>> find_source("timm:resnet18").NAME, find_source("network.pt").NAME
    ('timm', 'torchscript')
    """
    if not spec:
        raise NetworkError("the network's SPEC is empty; see wsi-scale networks")
    target = spec.partition("?")[0]
    refuse_address(target)
    sources = all_sources().values()
    for source in sources:
        if source.accepts(spec):
            return source
    if target.lower().endswith(_WEIGHTS):
        raise only_weights(target)
    indices = sorted(Path(target).glob(f"*{INDEX}")) if os.path.isdir(Path(target)) else []
    if indices:
        raise NetworkError(
            f"{target} holds weights but no config.json that names their network; "
            f"use package.module:factory?weights={indices[0]}"
        )
    if os.path.isfile(Path(target) / "config.json"):
        from wsi_scale.networks.described.bounded import read_json

        read_json(Path(target) / "config.json")  # says what is wrong with a damaged one
    if os.path.isdir(Path(target)) or (
        target.lower().endswith(".zip") and os.path.isfile(Path(target))
    ):
        raise NetworkError(
            f"{target} holds no description of a network that is known: no card.toml, rdf.yaml "
            "(BioImage.IO), configs/metadata.json (MONAI) or config.json (WSInfer, Hugging Face); "
            "name the file of the network itself"
        )
    refuse_published(target)
    grammar = "; ".join(source.GRAMMAR for source in sources)
    raise NetworkError(
        f"{spec!r} is not a known network or network file; a SPEC is one of: {grammar}"
    )
