"""``wsi-scale sample``: a slide to try things on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wsi_scale.cli.show import out
from wsi_scale.errors import OutputError
from wsi_scale.plumbing.files import check_writable, write_atomically
from wsi_scale.slide.sample_slide import sample_slide

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Where the slide goes.")]


def sample(target: FileArgument = Path("slide.svs")) -> None:
    """Copy a small slide to try things on.

    In: a file name. Out: that file, a region of H&E scanned by an Aperio scanner at 0.499 µm/px
    (OpenSlide's test data, CC0, 1.9 MB). A file that is there is not replaced.
    """
    if os.path.lexists(target):
        raise OutputError(f"{target} is there already; choose another name")
    check_writable(target)
    write_atomically(target, sample_slide().read_bytes())
    out.print(f"{target}: H&E, 2220 × 2967 px, 0.499 µm/px (OpenSlide's CMU-1 region, CC0)")
