"""Colours that anyone can distinguish, on a stained slide and in both themes."""

from __future__ import annotations

import math
from dataclasses import dataclass

Rgb = tuple[float, float, float]

# Okabe and Ito's blue, yellow and vermilion, strengthened: none of them is a colour of H&E
FINER: Rgb = (0.0, 0.4, 0.95)
ALIKE: Rgb = (0.94, 0.89, 0.2)
COARSER: Rgb = (0.95, 0.35, 0.0)
WAITING: Rgb = (0.45, 0.45, 0.45)

FULL = 0.5
"""Octaves between a site's scale and the slide's at which a colour reaches full strength."""


def site_colour(scale: float | None, common: float | None) -> Rgb:
    """Blue if the site's best scale is finer than the slide's, orange if coarser, yellow if the
    same; grey until the site has an answer."""
    if scale is None or common is None:
        return WAITING
    share = max(-1.0, min(1.0, math.log2(scale / common) / FULL))
    end = COARSER if share > 0 else FINER
    red, green, blue = (a + (b - a) * abs(share) for a, b in zip(ALIKE, end, strict=True))
    return red, green, blue


def key_to_sites() -> str:
    """What the colours of sites mean, as HTML."""
    named = (
        (FINER, "finer"),
        (ALIKE, "the same"),
        (COARSER, "coarser"),
        (WAITING, "no answer of its own"),
    )
    squares = (
        f'<span style="color: {_hex(colour)}">■</span>&nbsp;{word.replace(" ", "&nbsp;")}'
        for colour, word in named
    )
    return f"Each site's own scale: {' '.join(squares)}"


def _hex(colour: Rgb) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


@dataclass(frozen=True)
class Ink:
    """Colours of a theme, in Qt's notation."""

    paper: str = "#262930"
    text: str = "#f0f1f2"
    faint: str = "#8a8d93"
    curve: str = "#56b4e9"
    answer: str = "#e69f00"
    voice: str = "#4cc49a"
    doubt: str = "#ff7b72"
    """The answer's line under a verdict other than ok."""

    @classmethod
    def of_theme(cls, kind: str, paper: str, text: str) -> Ink:
        """Colours for a dark or light theme with this background and text."""
        if kind == "light":
            return cls(paper, text, "#6b6b6b", "#0072b2", "#b84a00", "#007a57", "#b3261e")
        return cls(paper, text)


def theme_ink(name: str) -> Ink:
    """Colours for the napari theme of that name."""
    from napari.utils.theme import get_theme

    theme = get_theme(name)
    return Ink.of_theme(str(theme.type), theme.background.as_hex(), theme.text.as_hex())


KEY_TO_GREY = (
    f'<span style="color: {_hex(WAITING)}">■</span>&nbsp;a site. '
    "No site has a scale of its own: this answer is of the whole slide."
)
