"""The networks of the reproduction; without torch, so that tables can be made without it."""

from __future__ import annotations

from dataclasses import dataclass

SCALES = (1.5, 2.5, 4.0, 5.0, 6.5, 8.0)
"""Training scales: the thesis's 5 and five others, level-0 px per network px."""


@dataclass(frozen=True)
class Member:
    """One network of the reproduction."""

    scale: float
    """Its right scale: the scale at which it was trained."""
    schedule: str
    """Learning rate: ``constant``, as in the thesis, or ``decayed`` to zero."""
    wide: bool = False
    """True for twice as many filters."""
    random: bool = False
    """True for random weights with the BatchNorm statistics of the trained network."""

    @property
    def trained_name(self) -> str:
        """Name of the network from which its weights, or only its statistics, come."""
        return f"figures-{self.scale:g}-{self.schedule}" + ("-wide" if self.wide else "")

    @property
    def name(self) -> str:
        """``figures-2.5-constant``, ``random-2.5``, …"""
        return f"random-{self.scale:g}" if self.random else self.trained_name


def _family() -> dict[str, Member]:
    members = [Member(a, schedule) for schedule in ("constant", "decayed") for a in SCALES]
    members += [Member(5.0, schedule, wide=True) for schedule in ("constant", "decayed")]
    members += [Member(a, "decayed", random=True) for a in SCALES]
    return {member.name: member for member in members}


FAMILY = _family()
"""By name, trained ones first."""
