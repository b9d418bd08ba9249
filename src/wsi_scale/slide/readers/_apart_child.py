"""The process behind an ``ApartSlide``: opens one slide, then reads the windows it is asked for."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import BinaryIO

from wsi_scale.errors import WsiScaleError
from wsi_scale.plumbing.stop_signals import ignore_stops
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers._apart import attributes_of, read_here

MOST_BYTES = 8 << 30
"""Memory that the process may map; more is an error of its own instead of a machine that swaps."""


def main() -> None:
    """Answer until stdin ends, which happens when the parent closes it or dies."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with answers
    ignore_stops()  # its parent ends it
    _limit()
    read_here()
    questions = (json.loads(line) for line in sys.stdin.buffer)
    path, reader = next(questions)
    try:
        slide = open_slide(path, reader=reader)
    except WsiScaleError as error:
        _say(answers, "error", str(error).encode())
        return
    _say(answers, "opened", json.dumps(attributes_of(slide)).encode())
    for level, x, y, width, height in questions:
        try:
            pixels = slide.read(level, x, y, width, height)
        except WsiScaleError as error:
            _say(answers, "error", str(error).encode())
        else:
            _say(answers, "pixels", pixels.tobytes())


def _say(answers: BinaryIO, kind: str, said: bytes) -> None:
    """Kind and length in 64 bytes, then what is said."""
    answers.write(json.dumps([kind, len(said)]).ljust(64).encode() + said)
    answers.flush()


def _limit() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(MOST_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    main()
