"""From votes to an answer with an interval and a verdict.

How far a reading may be off is told by its doubt: a number in octaves that grows with what speaks
against it. What the doubt is made of, how wide the intervals must be and from which doubt on an
answer is not ``ok`` was measured on laboratories that the network had not seen (``doubt.json``,
made by training/ruler/doubt.py).
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from wsi_scale.judgement.verdicts import Verdict
from wsi_scale.pixel_size.votes import SizeReading, Votes, read_votes
from wsi_scale.report import PixelSize

FINEST, COARSEST = 0.1, 4.0
"""µm/px between which the ruler answers."""

FOLLOWS = (0.6, 1.4)
"""Slope of the readings against the scale of the patches. Outside, it is not size that is read."""

FEWEST = 5
"""Votes that count, at least, for ``ok``."""

WORST_FIRST: tuple[Verdict, ...] = ("outside", "edge", "ambiguous")
"""Of several doubts the first of these is the verdict."""

UNREAD = "places could not be read"
"""In a warning that many places of the slide could not be read."""

FEWEST_NUCLEI = 10
"""Nuclei in view, at least, for ``ok``. Of colon tiles with fewer, at most half were read within
1.25 times; with more, 85 to 100 % (training/ruler/results/notes.md)."""


class Doubt(BaseModel):
    """What readings on unseen laboratories taught about their errors; all in octaves."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    constant: float
    weights: dict[str, float]
    """Feature -> weight; the log of the doubt is their sum."""
    half: dict[str, float]
    """Level -> half width of the interval at that level, in doubts."""
    ok_below: float
    """Doubts from here on are not ``ok``; 0 if no rule for ``ok`` held on unseen laboratories."""

    def of(self, reading: SizeReading, nuclei: float | None) -> float:
        """The doubt of a reading, octaves; nuclei: how many were found in view."""
        found = features(reading, nuclei)
        total = sum(weight * found[name] for name, weight in self.weights.items())
        return float(np.exp(self.constant + total))


def features(reading: SizeReading, nuclei: float | None) -> dict[str, float]:
    """What may speak against a reading. What could not be looked at speaks against it."""
    crooked = 1.0 if reading.slope is None else min(abs(reading.slope - 1), 1.0)
    return {
        "spread": float(np.log(reading.spread)),
        "scatter": float(np.log(reading.scatter + 0.03)),
        "moved": min(abs(reading.rough - reading.octaves), 1.0),
        "crooked": crooked,
        "few": float(1 / np.sqrt(reading.used)),
        "bare": float(1 / np.sqrt(1 + (nuclei or 0.0))),
    }


@lru_cache(maxsize=1)
def known_doubt() -> Doubt:
    return Doubt(**json.loads((Path(__file__).parent / "weights" / "doubt.json").read_text()))


def judge(
    votes: Votes,
    nuclei: float | None,
    warnings: tuple[str, ...] = (),
    doubt: Doubt | None = None,
) -> PixelSize:
    """The answer of all votes together.

    nuclei: how many were found in view at the size that the votes say; None if the slide has no
    room to look for them. warnings: of the survey, where one says that the second stain is not
    eosin, and of places that could not be read.
    """
    reading = read_votes(votes)
    if reading is None:
        reason = "no patch shows enough tissue"
        return PixelSize(verdict="blank", reason=reason)
    doubt = doubt or known_doubt()
    if reading.bound is not None:
        return _only_a_bound(reading, len(votes.octaves))
    off = doubt.of(reading, nuclei)
    near, far = (_around(reading, doubt.half[level] * off) for level in ("0.9", "0.98"))
    verdict, reason = _verdict(reading, nuclei, off, doubt, warnings)
    return PixelSize(
        mpp=2**reading.octaves,
        interval=near,
        surely=far if (nuclei or 0) >= FEWEST_NUCLEI else None,
        verdict=verdict,
        reason=reason,
        patches=len(votes.octaves),
    )


def _only_a_bound(reading: SizeReading, patches: int) -> PixelSize:
    """The answer where the votes say no more than "finer" or "coarser"."""
    mpp = 2**reading.octaves
    advice = "use a larger image" if reading.bound == "finer" else "too coarse for the ruler"
    reason = f"the pixels are of {mpp:.2g} µm or {reading.bound}: {advice}"
    return PixelSize(mpp=mpp, verdict="edge", reason=reason, patches=patches)


def _around(reading: SizeReading, half: float) -> tuple[float, float]:
    return 2 ** (reading.octaves - half), 2 ** (reading.octaves + half)


def _verdict(
    reading: SizeReading,
    nuclei: float | None,
    off: float,
    doubt: Doubt,
    warnings: tuple[str, ...],
) -> tuple[Verdict, str]:
    """The first doubt decides; the reason names all."""
    against: list[tuple[Verdict, str]] = []
    if any("DAB" in warning for warning in warnings):
        against.append(("outside", "the second stain looks like DAB; the ruler knows only H&E"))
    if reading.slope is None:
        reason = "the slide has no room for an octave of scales, so nothing shows that size is read"
        against.append(("ambiguous", reason))
    elif not FOLLOWS[0] <= reading.slope <= FOLLOWS[1]:
        against.append(
            (
                "outside",
                "the pixels look unlike tissue that the ruler knows: when the picture is shrunk by "
                f"an octave its reading moves by {reading.slope:.2g}",
            )
        )
    mpp = 2**reading.octaves
    if not FINEST < mpp < COARSEST:
        end = f"below {FINEST:g}" if mpp <= FINEST else f"above {COARSEST:g}"
        against.append(("edge", f"the tissue looks {end} µm/px, where the ruler cannot measure"))
    if nuclei is None:
        reason = "the slide has no room, or too coarse pixels, to look for nuclei at that size"
        against.append(("ambiguous", reason))
    elif nuclei < FEWEST_NUCLEI:
        against.append(
            (
                "ambiguous",
                f"about {nuclei:.0f} nuclei were found at that size, {FEWEST_NUCLEI} are needed",
            )
        )
    if off >= doubt.ok_below:
        factor = 2 ** (doubt.half["0.9"] * off)
        reason = (
            "cells differ in size from tissue to tissue: on laboratories that the ruler was not "
            f"taught, one in ten such readings was off by more than {factor:.2f} times; use the "
            "interval"
        )
        against.append(("ambiguous", reason))
    against += [("ambiguous", x) for x in warnings if UNREAD in x]
    if reading.used < FEWEST:
        against.append(
            ("ambiguous", f"only {reading.used} patches could be read, {FEWEST} are needed")
        )
    if not against:
        return "ok", "the tissue has one clear size"
    against.sort(key=lambda one: WORST_FIRST.index(one[0]))
    return against[0][0], "; also, ".join(reason for _, reason in against)
