"""Progress on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wsi_scale.cli.show import err

if TYPE_CHECKING:
    from wsi_scale.evaluate.workers import Tell


@contextmanager
def following() -> Iterator[Tell]:
    """A bar on stderr; what is told moves it. Where stderr is no terminal, one line per step."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("beginning", total=None)
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
