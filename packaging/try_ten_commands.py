"""Do what docs/ten-commands.md says, as it is printed there, in an empty folder.

    python packaging/try_ten_commands.py FOLDER --find-links build/dist

Files come from the page's Python blocks (their first line names them), commands from its console
blocks, in their order. Nothing is replaced; ``--find-links`` tells pip where the wheel lies.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "ten-commands.md"


def read_page() -> tuple[dict[str, str], list[str]]:
    """The files and the commands of the page."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    files = {
        block.split("\n", 1)[0].removeprefix("# "): block
        for kind, block in found
        if kind == "python"
    }
    lines = (line for kind, block in found if kind == "console" for line in block.splitlines())
    return files, [line.removeprefix("$ ") for line in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--find-links", type=Path, default=Path("build/dist"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    files, commands = read_page()
    for name, text in files.items():
        (asked.folder / name).write_text(text, encoding="utf-8")
    script = "set -e\n" + "".join(f"echo '$ '{_quoted(line)}\n{line}\n" for line in commands)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "WSI_SCALE"))}
    kept["PIP_FIND_LINKS"] = str(asked.find_links.resolve())
    done = subprocess.run(["bash", "-c", script], cwd=asked.folder, env=kept)
    print(f"{len(commands)} commands, exit code {done.returncode}")
    return done.returncode


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    sys.exit(main())
