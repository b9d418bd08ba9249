"""The answers of all available estimators, and which of them ``auto`` takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsi_scale.estimators import find_estimator
from wsi_scale.judgement.evidence import Evidence, Judgement
from wsi_scale.judgement.verdicts import NUMBERED

CONTRADICTION = 0.5
"""Octaves. Two trusted answers further apart than this cannot both be right."""


@dataclass(frozen=True)
class Voice:
    """One estimator's answer and the verdict on it."""

    evidence: Evidence
    judgement: Judgement

    @property
    def name(self) -> str:
        return self.evidence.name

    @property
    def final(self) -> bool:
        """Whether less trusted estimators cannot take away its doubt (``STANDS``)."""
        stands = bool(getattr(find_estimator(self.name), "STANDS", False))
        return stands and self.judgement.verdict != "ok"

    @property
    def scale(self) -> float | None:
        return self.evidence.answer.scale


def choose(voices: Sequence[Voice]) -> tuple[Voice, tuple[str, ...]]:
    """The answer to take, and a warning for each more trusted one that was passed over.

    ``voices`` come in order of trust. The first that is ``ok`` is taken, else the first with a
    number, else the first. Those after a doubt that must stand (``STANDS``) are not heard. The
    result is ``ambiguous`` if two ``ok`` ones contradict each other.
    """
    final = [i for i, voice in enumerate(voices) if voice.final]
    voices = voices[: final[0] + 1] if final else voices
    sure = [voice for voice in voices if voice.judgement.verdict == "ok"]
    numbered = [voice for voice in voices if voice.judgement.verdict in NUMBERED]
    chosen = (sure or numbered or list(voices))[0]
    passed_over = voices[: list(voices).index(chosen)]
    for other in sure[1:]:
        if octaves_apart(chosen, other) > CONTRADICTION:
            return _contradicted(chosen, other), ()
    return chosen, tuple(
        f"answer from {chosen.name}, because {voice.name} was {voice.judgement.verdict}: "
        f"{voice.judgement.reason}"
        for voice in passed_over
    )


def octaves_apart(one: Voice, other: Voice) -> float:
    """Distance of two answers in octaves; 0 if one of them has no scale."""
    if one.scale is None or other.scale is None:
        return 0.0
    return abs(math.log2(one.scale / other.scale))


def _contradicted(chosen: Voice, other: Voice) -> Voice:
    """The chosen answer, now ``ambiguous``, with both scales as candidates."""
    reason = (
        f"the estimators contradict each other: {chosen.name} says {chosen.scale:.3g}, "
        f"{other.name} {other.scale:.3g}, and each alone would be trusted"
    )
    said = [voice.scale for voice in (chosen, other) if voice.scale is not None]
    candidates = tuple((scale, _score_at(chosen, scale)) for scale in said)
    return replace(chosen, judgement=Judgement("ambiguous", reason, candidates))


def _score_at(voice: Voice, scale: float) -> float:
    """The score at the grid scale nearest to ``scale``."""
    nearest = np.argmin(np.abs(np.log(voice.evidence.scales / scale)))
    return float(voice.evidence.answer.score[nearest])
