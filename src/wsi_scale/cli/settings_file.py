"""The settings file: values for the options of estimate and batch, each name checked."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from wsi_scale.cli.show import err
from wsi_scale.errors import SettingsError, one_line
from wsi_scale.networks.spec import is_factory

NAME = "wsi-scale.toml"
"""Read from the current folder if no other file is named."""

COMMANDS = ("estimate", "batch")

_NOT_HERE = ("help", "settings")
_LIBRARIES = ("timm:", "smp:", "torchvision:", "for:", "mpp:")
"""Starts of SPECs that look like a module and run no code of the user's."""


ONLY_IF_NAMED = frozenset(
    {"trust", "scheduler", "json", "plot", "html", "responses", "explain", "map"}
    | {"sites-file", "out", "pages"}
)
"""Options that write files, reach other machines or let code run: from a file that merely lies in
the folder they are refused."""


def _use(context: typer.Context, path: Path | None) -> Path | None:
    """Let the file's values stand in for options that are not given; they come before defaults."""
    here = Path(NAME)
    used = path or (here if here.is_file() else None)
    if used is not None and not context.resilient_parsing:
        values = values_for(context, used, named=path is not None)
        context.default_map = values
        err.print(f"settings from {one_line(str(used))}", soft_wrap=True)
    return used


SettingsFileOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE.toml",
        is_eager=True,
        callback=_use,
        help="File with values for these options; what you type comes first. Default: "
        f"{NAME} in the current folder, if there is one.",
    ),
]


def values_for(context: typer.Context, path: Path, *, named: bool) -> dict[str, Any]:
    """The file's values for the running command, by parameter. Raises SettingsError.

    named: whether the user named the file; another one runs no code and writes nothing.
    """
    commands = getattr(context.find_root().command, "commands", {})
    names = {one: options_of(commands[one]) for one in COMMANDS if one in commands}
    command = str(context.info_name)
    known = names.get(command) or options_of(context.command)
    tree = read_settings(path)
    everything = {name for options in names.values() for name in options} or set(known)
    shared = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    check_names(shared, everything, path, "")
    check_names({k: v for k, v in tree.items() if k not in shared}, set(COMMANDS), path, "table ")
    for table in COMMANDS:
        check_names(tree.get(table, {}), set(names.get(table, known)), path, f"[{table}] ")
    wanted = shared | tree.get(command, {})
    plain = {key.replace("_", "-"): value for key, value in wanted.items()}
    if not named:
        refuse_unasked(plain, path)
    return {known[key]: value for key, value in plain.items() if key in known}


def refuse_unasked(plain: dict[str, Any], path: Path) -> None:
    """Raise SettingsError for what a file may do only if the user named it."""
    target = str(plain.get("network", "")).partition("?")[0]
    code = is_factory(target) and not target.startswith(_LIBRARIES)
    for name in sorted(ONLY_IF_NAMED & set(plain)) or (["network"] if code else []):
        what = "runs Python code" if name == "network" else "may write files or run code"
        raise SettingsError(
            f"{path} sets {name}, which {what}, and nobody named that file; use "
            f"--settings {path} if you trust it, or remove {name} from it"
        )


def options_of(command: Any) -> dict[str, str]:
    """Long name of each option of a command, without dashes -> name of its parameter."""
    found: dict[str, str] = {}
    for parameter in command.params:
        for name in (*parameter.opts, *parameter.secondary_opts):
            if name.startswith("--") and name[2:] not in _NOT_HERE:
                found.setdefault(name[2:], str(parameter.name))
    return {k: v for k, v in found.items() if not k.startswith("no-")}


def read_settings(path: Path) -> dict[str, Any]:
    """The file as TOML. Raises SettingsError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not TOML ({one_line(str(error), 200)})") from error


def check_names(given: Any, known: set[str], path: Path, where: str) -> None:
    """Raise SettingsError for a name that no command takes, with the nearest that one does."""
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: {where.strip()} must be a table of options")
    for name in given:
        if name.replace("_", "-") not in known:
            near = get_close_matches(name.replace("_", "-"), sorted(known), 1, 0.5)
            advice = f"did you mean {near[0]}?" if near else "see wsi-scale estimate --help"
            what = where if where == "table " else f"{where}option "
            raise SettingsError(f"{path}: unknown {what}{one_line(name, 60)!r}; {advice}")
