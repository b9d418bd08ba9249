"""Progress on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import progress as bars
from rich.text import Text

from wsi_scale.cli.show import err

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.pipeline.settings import Settings
    from wsi_scale.plumbing.processes import Tell
    from wsi_scale.slide.base import Slide


@contextmanager
def following() -> Iterator[Tell]:
    """A progress bar on stderr; one line per step where stderr is not a terminal."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("starting", total=None)
        begun = ""

        def tell(what: str, done: int, total: int) -> None:
            nonlocal begun
            step = what.partition(",")[0]
            if step != begun:
                begun = step
                bar.reset(task, total=total)
                if not err.is_terminal:
                    err.print(f"{step} …")
            bar.update(task, completed=done, total=total, description=what)

        yield tell


def load(spec: str, device: str) -> Network:
    """The network of a SPEC, with a spinner on stderr if that is a terminal."""
    from wsi_scale.networks.load import load_network

    if not err.is_terminal:  # a spinner would leave an empty line in a log
        return load_network(spec, device=device)
    with err.status(Text(f"loading network {spec}")):
        return load_network(spec, device=device)


def follow(slide: Slide, network: Network, settings: Settings) -> tuple[Progress | None, bool]:
    """Run to the end or to Ctrl-C; return the last progress and whether it was cancelled."""
    from wsi_scale.pipeline.iterate import iter_estimates

    last: Progress | None = None
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("visits"),
        bars.TimeRemainingColumn(),
    )
    try:
        with bars.Progress(
            *columns, console=err, transient=True, disable=not err.is_terminal
        ) as bar:
            task = bar.add_task("measuring", total=None)
            for last in iter_estimates(slide, network, settings):
                words = _so_far(last)
                bar.update(task, completed=last.done, total=last.total, description=words)
    except KeyboardInterrupt:
        return last, True
    return last, False


def _so_far(progress: Progress) -> str:
    answer = progress.estimate
    if answer is None or answer.scale is None:
        return "measuring"
    low, high = answer.interval or (answer.scale, answer.scale)
    return f"scale ≈ {answer.scale:.3g} ({low:.3g} to {high:.3g})"
