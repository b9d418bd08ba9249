"""The verdicts, and which of them come with a number."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["ok", "edge", "ambiguous", "outside", "flat", "blank", "no_evidence"]
NUMBERED: frozenset[Verdict] = frozenset({"ok", "edge", "ambiguous", "outside"})
"""Verdicts that come with a scale. Under the others every derived number is null."""

Interval = tuple[float, float]
"""Low and high end, both included."""
