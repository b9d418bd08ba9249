"""What is done with every code block of the pages: run, compared, or left out for a reason."""

from __future__ import annotations

import glob
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from wsi_scale import cli

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REASONS = ("installs", "network", "time", "data", "cluster", "no code")
"""Why a block is not run: it installs something, needs the internet, hours, data that cannot be
shipped or a cluster; or it shows something that nothing runs."""


@dataclass(frozen=True)
class Run:
    """The block is run as written.

    replace: what stands for the reader's files. leave: starts of lines that are not run, with the
    reason. smaller: added to every `wsi-scale estimate` so that it takes seconds. names: what the
    page says before. needs: a library without which it is skipped.
    """

    replace: dict[str, str] = field(default_factory=dict)
    leave: dict[str, str] = field(default_factory=dict)
    smaller: str = ""
    names: str = ""
    needs: str = ""


@dataclass(frozen=True)
class Shown:
    """The block is what the page's commands before it printed, up to where lines break.

    after: a command that the page names in a sentence; it is run first.
    """

    after: str = ""


@dataclass(frozen=True)
class By:
    """Another test runs or checks it: file::name."""

    test: str


@dataclass(frozen=True)
class Not:
    """It is not run, for a reason that begins with one of REASONS."""

    reason: str


Use = Run | Shown | By | Not


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of every code block of a page."""
    return FENCE.findall((ROOT / page).read_text(encoding="utf-8"))


def commands(text: str) -> list[str]:
    """The commands of a block: prompts, comments and broken lines are undone."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.removeprefix("$ ").strip() for line in lines if line.strip()]


def same_words(text: str) -> str:
    return " ".join(text.split())


class Reader:
    """Someone who reads one page and does what it says, in a folder with a slide."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder, self.capsys = folder, capsys
        self.printed = ""
        self.namespace: dict[str, object] = {"__name__": "page"}

    def run(self, kind: str, text: str, use: Run) -> None:
        for old, new in use.replace.items():
            assert old in text, f"the page no longer says {old!r}"
            text = text.replace(old, new)
        if kind == "python":
            exec(use.names, self.namespace)
            exec(compile(text, "block", "exec"), self.namespace)
            self.printed += self.capsys.readouterr().out
            return
        left = [start for start in use.leave if not any(start in x for x in commands(text))]
        assert not left, f"the page no longer has {left}"
        for line in commands(text):
            if not any(line.startswith(start) for start in use.leave):
                self.command(line, use.smaller)

    def command(self, line: str, smaller: str) -> None:
        words = shlex.split(line, comments=True)
        if not words or words[:2] == ["pip", "install"]:  # packaging/check_wheel.py installs
            return
        words = [name for word in words for name in (sorted(glob.glob(word)) or [word])]
        if words[0] != "wsi-scale":
            assert words[0] in ("mkdir", "cp"), f"what is {line!r}?"
            subprocess.run(words, check=True, cwd=self.folder)
            return
        if words[1] == "estimate":
            words += smaller.split()
        code = cli.run(words[1:])
        said = self.capsys.readouterr()
        assert code in (0, 3), f"{line}\n{said.out}{said.err}"
        self.printed += said.out + said.err

    def compare(self, text: str) -> None:
        """Every line of the block was printed, in this order."""
        assert same_words(text) in same_words(self.printed)


NETWORK = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1)]
    return nn.Sequential(*layers, nn.Upsample(None, 2)).eval()


class Dict(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.net, self.answer = build(), answer

    def forward(self, x):
        return self.answer(self.net(x))


def hovernet():
    return Dict(lambda y: {"np": y, "hv": torch.cat([y, y], 1)})


def two_heads():
    return Dict(lambda y: (y, torch.cat([y, y], 1)))


def nested():
    return Dict(lambda y: {"heads": [y, torch.cat([y, y], 1)]})
"""


def furnish(folder: Path) -> None:
    """What a reader has at hand: a slide, a folder of slides, a network of their own."""
    import torch
    from safetensors.torch import save_file

    shutil.copy(ROOT / "sample_data" / "CMU-1-Small-Region.svs", folder / "slide.svs")
    (folder / "my").mkdir()
    (folder / "my" / "__init__.py").touch()
    for name in ("my/module.py", "my_nets.py"):
        (folder / name).write_text(NETWORK, encoding="utf-8")
    names: dict[str, object] = {}
    exec(NETWORK, names)
    network = names["build"]()
    with torch.no_grad():  # statistics that were trained, as the network's would be
        network.train()(torch.rand(8, 3, 64, 64))
    for name in ("model.safetensors", "w.safetensors"):
        save_file(network.state_dict(), folder / name)
