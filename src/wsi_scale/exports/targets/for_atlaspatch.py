"""AtlasPatch: the table for ``--mpp-csv``, and the command that cuts fields of the right size.

Its ``--target-mag`` is a whole number, so it cannot name most scales. It is set to the slide's own
magnification (read level 0), and ``--patch-size`` to the field of one patch in level-0 px; the
encoder then resizes it to its input.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import csv_text, path_cell, shell, word_cell
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading
from wsi_scale.exports.targets._magnification import power_of, refuse_coarse

NAME = "atlaspatch"
TOOL = "AtlasPatch"
GIVES = "CSV for --mpp-csv, and the commands with --patch-size for the same field of view"
NEEDS = ("scale", "mpp")


def refuse(facts: Facts) -> str | None:
    """AtlasPatch knows no magnification below 5×."""
    return refuse_coarse(facts, TOOL)


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One table, and one command per slide."""
    rows = [
        (path_cell(f.path), f.needed_mpp, word_cell(f.verdict), word_cell(f.mpp_from or ""))
        for f in slides
    ]
    commands = []
    for facts in slides:
        words = ["atlaspatch", "segment-and-get-coords", "--output", "atlaspatch"]
        words += ["--mpp-csv", "mpp.csv", "--target-mag", str(power_of(facts))]
        words += ["--patch-size", str(facts.field_px), "--", facts.path]
        commands.append(shell(words) + "\n")
    more = "--patch-size is in level-0 px; resize each patch to the encoder's input: " + ", ".join(
        sorted({f"{facts.tile_px} px" for facts in slides})
    )
    return {
        "mpp.csv": csv_text(("wsi", "mpp", "verdict", "mpp_from"), rows),
        "atlaspatch.sh": heading(TOOL, slides, left_out, more) + "".join(commands),
    }
