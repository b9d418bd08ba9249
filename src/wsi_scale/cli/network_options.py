"""Options that name a network, and the SPEC that they come to."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from wsi_scale.cli.parsers import number
from wsi_scale.cli.show import err
from wsi_scale.networks.absent import spec_for
from wsi_scale.networks.trust import with_trust
from wsi_scale.pipeline.settings import DEFAULT_NETWORK


def micrometres(text: str | float) -> float:
    """The µm/px of an option. Raises typer.BadParameter for anything else.

    >>> micrometres("0.25")
    0.25
    """
    value = number(text)
    if not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{text} is not a size in µm/px; give one above 0, such as 0.5")
    return value


NetworkOption = Annotated[
    str,
    typer.Option(
        metavar="SPEC", help="Network to use. `wsi-scale networks` lists the forms of SPEC."
    ),
]
NetworkAsked = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="SPEC",
        help="Network to use. `wsi-scale networks` lists the forms of SPEC. Default: "
        f"{DEFAULT_NETWORK}.",
    ),
]
NetworkMppOption = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        parser=micrometres,
        help="µm/px that the network wants. Then the size of the slide's pixels tells the scale, "
        "whatever the network; alone, without --network, no weights are needed.",
    ),
]
PublishedOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="NAME",
        help="Published model to find the scale for, such as uni: its µm/px is taken from a table "
        "(`wsi-scale networks --published`), so no weights are needed.",
    ),
]
TrustCardOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CARD",
        help="Let this card run the Python code that it names. Default: a card is data and runs "
        "none. Read docs/trust.md first.",
    ),
]


def spec_of(
    network: NetworkAsked = None,
    network_mpp: NetworkMppOption = None,
    published: PublishedOption = None,
    trust: TrustCardOption = None,
) -> str:
    """The SPEC of the network that was asked for, from the options of `estimate` and `batch`."""
    asked = with_trust(network or DEFAULT_NETWORK, trust) if trust else network
    spec = spec_for(asked, network_mpp, published, DEFAULT_NETWORK)
    if published and network and network_mpp is None:
        from wsi_scale.networks.published_models import find_published
        from wsi_scale.networks.published_words import resizing

        if note := resizing(find_published(published)):
            err.print(f"note: {note}", soft_wrap=True)
    return spec
