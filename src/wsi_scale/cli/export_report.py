"""``wsi-scale export``: the answer as another tool reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsi_scale.cli.outputs import refuse_to_replace, write_text
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, SettingsError

NOT_ALL = 3

ReportArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="REPORT",
        help="Report of `wsi-scale estimate --json`, or the rows of `wsi-scale batch --out`: a "
        ".jsonl file or a .parquet folder.",
    ),
]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="NAME", help="Tool that will read the slides.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the text goes; a folder for tools that need several files. Default: stdout.",
    ),
]
EvenIfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--even-if",
        metavar="VERDICT",
        help="Export slides with this verdict too, such as edge or outside; the text then says "
        "so. May be repeated. Default: only ok.",
    ),
]
ListOption = Annotated[
    bool, typer.Option("--list", help="Show what can be exported for which tool.")
]


def export(
    report: ReportArgument = None,
    target: ForOption = None,
    result: OutOption = None,
    even_if: EvenIfOption = None,
    show: ListOption = False,
) -> None:
    """Write what another tool needs to read slides at that scale.

    In: a report, or the rows of a batch. Out: a table, a script or a configuration for the tool
    named with --for; `wsi-scale export --list` shows all tools. Slides that are not ok, or whose
    µm/px the tool needs and nobody knows, are left out and named.
    """
    from wsi_scale.exports.read import read_reports
    from wsi_scale.exports.write import export_all

    if show:
        list_targets()
        return
    if report is None or target is None:
        raise SettingsError(
            "name a report and the tool that will read the slide, as in `wsi-scale export "
            "report.json --for trident`; `wsi-scale export --list` shows the tools"
        )
    reports, failed = read_reports(report)
    made = export_all(reports, target, even_if=even_if or (), failed=failed)
    if isinstance(made.content, str):
        if result is not None:
            refuse_to_replace([str(report)], [result])
        write_text("-" if result is None else str(result), made.content)
    elif result is None:
        show_files(made.content)
    else:
        write_folder(result, made.content)
    for sentence in made.left_out:
        err.print(f"left out: {sentence}", soft_wrap=True)
    if made.left_out:
        raise typer.Exit(NOT_ALL)


def list_targets() -> None:
    """Every tool, with what is written for it."""
    from wsi_scale.exports.targets import all_targets

    for name, module in all_targets().items():
        out.print(f"{name:12}{module.TOOL}: {module.GIVES}", soft_wrap=True)


def show_files(files: dict[str, str]) -> None:
    """Several files on stdout, each under its name."""
    for name, text in files.items():
        write_text("-", f"==> {name} <==\n{text}\n")


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Each file into the folder, which is made; files of another name there stay."""
    try:
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror or error}") from error
    for name, text in files.items():
        write_text(str(folder / name), text)
    out.print(f"{', '.join(files)} in {folder}", soft_wrap=True)
