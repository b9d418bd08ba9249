"""``wsi-scale doctor``: whether this installation works, and what to do about what does not."""

from __future__ import annotations

import json as json_module

import typer

from wsi_scale.cli.diagnose import HealthCheck, as_json, diagnose, is_well, python_line
from wsi_scale.cli.options import JsonOption
from wsi_scale.cli.outputs import check_json, write_text
from wsi_scale.cli.show import out

UNWELL = 3

TITLES = {
    "library": "Libraries",
    "reader": "Readers: each has just read a small slide of its own",
    "network": "Bundled networks: each has just seen a patch",
    "device": "Devices, besides the CPU",
    "extra": "Extras, which you may do without",
    "folder": "Folders",
}


def doctor(json: JsonOption = None) -> None:
    """Check that wsi-scale works here, and say what is missing.

    In: nothing. Out: the versions of libraries, which readers read what, the devices, the extras
    that are missing with the command that installs them, and folders. Readers and bundled networks
    are tried, not just looked for.
    """
    if json is not None:
        check_json(json)
    findings = diagnose()
    if json is not None:
        write_text(json, json_module.dumps(as_json(findings), indent=1) + "\n")
    if json != "-":
        print_findings(findings)
    if not is_well(findings):
        raise typer.Exit(UNWELL)


def print_findings(findings: list[HealthCheck]) -> None:
    """One line per finding, below the title of its kind; then the verdict."""
    out.print(python_line(), soft_wrap=True)
    for kind, title in TITLES.items():
        of_kind = [one for one in findings if one.kind == kind]
        if not of_kind:
            continue
        out.print(f"\n{title}", soft_wrap=True)
        wide = max(len(one.name) for one in of_kind)
        for one in of_kind:
            mark = "ok" if one.works else ("NO" if one.needed else "–")
            todo = f"; {one.remedy}" if one.remedy else ""
            out.print(f"  {mark:3}{one.name:{wide}}  {one.says}{todo}", soft_wrap=True)
    if is_well(findings):
        out.print("\nwsi-scale works here. To begin: wsi-scale estimate SLIDE")
    else:
        out.print("\nwsi-scale does not work here: see the lines marked NO", soft_wrap=True)
