"""Options that name a network, and the SPEC that they come to."""

from __future__ import annotations

from typing import Annotated

import typer

from wsi_scale.cli.options import number
from wsi_scale.networks.absent import spec_for
from wsi_scale.networks.trust import with_trust
from wsi_scale.pipeline.settings import DEFAULT_NETWORK

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
        parser=number,
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
    return spec_for(asked, network_mpp, published, DEFAULT_NETWORK)
