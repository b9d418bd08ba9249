"""HistoQC: the magnification of level 0 for ``base_mag``, 10 / µm/px.

HistoQC reads numbers of one digit before the point, or whole ones: 20, 40 and 5.01, but not 20.04.
It takes ``base_mag`` from its configuration, one for all slides of a run, and only for slides that
state no magnification.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import csv_text, path_cell, word_cell
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "histoqc"
TOOL = "HistoQC"
GIVES = "table of magnifications, and base_mag for the configuration of each group of slides"
NEEDS = ("mpp",)


def base_mag(mpp: float) -> str:
    """The magnification of a pixel size, in a form that HistoQC reads.

    >>> base_mag(0.25), base_mag(0.499), base_mag(1.1)
    ('40', '20', '9.09')
    """
    power = 10 / mpp
    return f"{power:.0f}" if power >= 9.995 else f"{power:.2f}"


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """One table of all slides; one list of slides and one section of INI per magnification."""
    groups: dict[str, list[Facts]] = {}
    for facts in slides:
        groups.setdefault(base_mag(facts.needed_mpp), []).append(facts)
    rows = [
        (
            path_cell(f.path),
            base_mag(f.needed_mpp),
            f.needed_mpp,
            word_cell(f.verdict),
            word_cell(f.mpp_from or ""),
        )
        for f in slides
    ]
    files = {"magnification.csv": csv_text(("slide", "base_mag", "mpp", "verdict", "from"), rows)}
    more = "Put base_mag into the section [BaseImage.BaseImage] of your configuration."
    for power, members in groups.items():
        begin = heading(TOOL, members, left_out, more, *(f"slide: {f.path}" for f in members))
        files[f"base_mag_{power}.ini"] = f"{begin}[BaseImage.BaseImage]\nbase_mag: {power}x\n"
    return files
