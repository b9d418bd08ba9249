"""``wsi-scale networks``: bundled networks, forms of SPEC, one network, published models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from wsi_scale.cli.network_options import TrustCardOption
from wsi_scale.cli.options import DeviceOption, JsonOption
from wsi_scale.cli.outputs import check_json, write_text
from wsi_scale.cli.show import out, print_network
from wsi_scale.errors import SettingsError
from wsi_scale.networks.trust import with_trust

if TYPE_CHECKING:
    from wsi_scale.networks.published_models import PublishedModel


def networks(
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="SPEC",
            help="Network to describe: its input, classes and layers. Default: list all. With "
            "--published, the name of a published model.",
        ),
    ] = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="List published models of histology: the µm/px and patch size that they want, "
            "their licence and who says so. With a name, everything about one. No weights are "
            "needed.",
        ),
    ] = False,
    device: DeviceOption = "auto",
    trust: TrustCardOption = None,
    json: JsonOption = None,
) -> None:
    """List bundled networks and forms of SPEC, or describe one.

    SPEC is the text that names a network on the command line: a bundled name, a card, a file or a
    Python function. Without SPEC this command lists the bundled networks and every form of SPEC.
    --json goes with --published.
    """
    if published:
        show_published(spec, json)
        return
    if json is not None:
        raise SettingsError("--json writes published models; add --published")
    if spec is None:
        list_networks()
        return
    from wsi_scale.networks.load import load_network

    print_network(load_network(with_trust(spec, trust or ()), device=device))


def list_networks() -> None:
    """The bundled networks with what they are, and the forms of SPEC."""
    from wsi_scale.networks.absent import GRAMMAR as ABSENT
    from wsi_scale.networks.card import load_card
    from wsi_scale.networks.shipped import FOLDER, bundled_names
    from wsi_scale.networks.sources import all_sources

    names = bundled_names()
    out.print("Bundled networks: " + ", ".join(names))
    for name in names:
        card = load_card(FOLDER / name / "card.toml")
        out.print(f"  {name}: {card.description}", soft_wrap=True)
    out.print("\nA SPEC is one of:")
    for source in all_sources().values():
        out.print(f"  {source.GRAMMAR}", soft_wrap=True)
    for form in ABSENT:
        out.print(f"  {form}", soft_wrap=True)
    out.print("\nWhat published models want: wsi-scale networks --published", soft_wrap=True)


def show_published(name: str | None, json: str | None) -> None:
    """All published models as a table, or one with its sources; or either as JSON."""
    from wsi_scale.networks.published_models import all_published, find_published
    from wsi_scale.render.published import published_json

    models = all_published() if name is None else (find_published(name),)
    if json is not None:
        check_json(json)
        write_text(json, published_json(models))
    if json == "-":
        return
    if name is None:
        _print_table(models)
    else:
        _print_one(models[0])


def _print_table(models: tuple[PublishedModel, ...]) -> None:
    from wsi_scale.render.published import HEADER, LEGEND, published_row

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in HEADER:
        table.add_column(column, overflow="fold", no_wrap=column in ("µm/px", "patch"))
    for model in models:
        table.add_row(*published_row(model))
    out.print(table)
    for line in ("", *LEGEND, "`wsi-scale networks --published NAME` shows one with its sources"):
        out.print(line, soft_wrap=True)


def _print_one(model: PublishedModel) -> None:
    from wsi_scale.render.published import published_facts, said_by

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for label, value in published_facts(model):
        rows.add_row(label, value)
    out.print(rows)
    out.print("\nsources:")
    for source in model.sources:
        out.print(f"  {said_by(source)}", soft_wrap=True)
        out.print(f"    {source.address}", soft_wrap=True)
