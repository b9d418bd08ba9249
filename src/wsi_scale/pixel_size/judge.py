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


class Doubt(BaseModel):
    """What readings on unseen laboratories taught about their errors; all in octaves."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    constant: float
    weights: dict[str, float]
    """Feature -> weight; the log of the doubt is their sum."""
    half: dict[str, float]
    """Level -> half width of the interval at that level, in doubts."""
    ok_below: float
    """Doubts from here on are not ``ok``."""

    def of(self, reading: SizeReading) -> float:
        """The doubt of a reading, octaves."""
        found = features(reading)
        total = sum(weight * found[name] for name, weight in self.weights.items())
        return float(np.exp(self.constant + total))


def features(reading: SizeReading) -> dict[str, float]:
    """What may speak against a reading."""
    return {
        "spread": float(np.log(reading.spread)),
        "scatter": float(np.log(reading.scatter + 0.03)),
        "moved": min(abs(reading.rough - reading.octaves), 1.0),
        "crooked": min(abs(reading.slope - 1), 1.0),
        "few": 1 / np.sqrt(reading.used),
    }


@lru_cache(maxsize=1)
def known_doubt() -> Doubt:
    return Doubt(**json.loads((Path(__file__).parent / "weights" / "doubt.json").read_text()))


def judge(votes: Votes, warnings: tuple[str, ...] = (), doubt: Doubt | None = None) -> PixelSize:
    """The answer of all votes together.

    warnings: of the survey; one says that the second stain is not eosin.
    """
    reading = read_votes(votes)
    if reading is None:
        reason = "no patch shows enough tissue"
        return PixelSize(verdict="blank", reason=reason)
    doubt = doubt or known_doubt()
    off = doubt.of(reading)
    near, far = (_around(reading, doubt.half[level] * off) for level in ("0.9", "0.98"))
    verdict, reason = _verdict(reading, off, doubt, warnings)
    return PixelSize(
        mpp=2**reading.octaves,
        interval=near,
        surely=far,
        verdict=verdict,
        reason=reason,
        patches=len(votes.octaves),
    )


def _around(reading: SizeReading, half: float) -> tuple[float, float]:
    return 2 ** (reading.octaves - half), 2 ** (reading.octaves + half)


def _verdict(
    reading: SizeReading, off: float, doubt: Doubt, warnings: tuple[str, ...]
) -> tuple[Verdict, str]:
    """The first doubt decides; the reason names all."""
    against: list[tuple[Verdict, str]] = []
    if any("DAB" in warning for warning in warnings):
        against.append(("outside", "the second stain looks like DAB; the ruler knows only H&E"))
    if not FOLLOWS[0] <= reading.slope <= FOLLOWS[1]:
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
    if off >= doubt.ok_below:
        against.append(
            ("ambiguous", f"patches of this tissue do not agree on its size (doubt {off:.2g})")
        )
    if reading.used < FEWEST:
        against.append(
            ("ambiguous", f"only {reading.used} patches could be read, {FEWEST} are needed")
        )
    if not against:
        return "ok", "the tissue has one clear size"
    return against[0][0], "; also, ".join(reason for _, reason in against)
