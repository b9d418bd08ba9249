"""docs/cli.md, made from the command line itself: ``python docs/site/cli_page.py`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "cli.md"

TOP = """# The command line

<!-- made by docs/site/cli_page.py from the commands themselves -->

The answer goes to stdout; progress and errors go to stderr. `--help` after any command shows what \
stands here. The words are in the [glossary](glossary.md).

"""


def cell(text: str) -> str:
    """Text that fits a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def call(parameter: Any) -> str:
    """The option as it is typed."""
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if getattr(parameter, "is_flag", False) or parameter.metavar is None:
        return names
    return f"{names} {parameter.metavar}"


def default(parameter: Any) -> str:
    """What holds where the option is left out, unless its help says so already."""
    value = parameter.default
    shown = parameter.show_default and "Default" not in (parameter.help or "")
    if not shown or value is None or isinstance(value, bool) or value == () or callable(value):
        return ""
    return f" Default: {value}."


def endings(epilog: str | None) -> str:
    """The exit codes, in one line."""
    if not epilog or "Exit codes:" not in epilog:
        return ""
    lines = epilog.split("Exit codes:\n")[1].split("\n\n")[0].splitlines()
    codes = (line.split(None, 1) for line in lines)
    return "Exit codes: " + "; ".join(f"`{code}` {words}" for code, words in codes) + ".\n\n"


def describe(name: str, command: Any) -> str:
    """One command: what it does, its arguments and options, its exit codes."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = [name, *(["[OPTIONS]"] if options else []), *(p.metavar or p.name for p in arguments)]
    paragraphs = (" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    text = f"## {name}\n\n`{' '.join(usage)}`\n\n" + "".join(f"{part}\n\n" for part in paragraphs)
    if arguments or options:
        text += "| argument or option | |\n| --- | --- |\n"
        for one in (*arguments, *options):
            shown = one.metavar or one.name if one in arguments else call(one)
            text += f"| `{cell(shown)}` | {cell((one.help or '') + default(one))} |\n"
        text += "\n"
    return text + endings(command.epilog)


def page() -> str:
    """The whole page."""
    import typer

    from wsi_scale.cli import app

    text = TOP
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        pairs = {name: command} if inner is None else {f"{name} {n}": c for n, c in inner.items()}
        for full, one in pairs.items():
            text += describe(f"wsi-scale {full}", one)
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
