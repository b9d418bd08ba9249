"""Slides and networks in words: the same on the terminal and in the dock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import Finding
from wsi_scale.slide.resolution import PLAIN

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

MOST_CLASSES = 24
"""At most this many class names are shown."""


def resolution(slide: Slide) -> str:
    """µm/px and its source, or what to do without it."""
    if slide.mpp is None:
        return "not stated; the scale is found without it, or pass --mpp"
    x, y = slide.mpp
    value = f"{x:.4g} µm/px" if x == y else f"{x:.4g} × {y:.4g} µm/px (x × y)"
    rivals = [x.source for x in slide.audit if x.status == "conflicts"]
    disputed = f" (disputed by {', '.join(rivals)})" if rivals else ""
    return f"{value}, from {slide.mpp_source}{disputed}"


def bounds(slide: Slide) -> str:
    """Where the slide has pixels, if that is not the whole canvas; else empty."""
    box, finest = slide.bounds, slide.levels[0]
    if (box.x, box.y, box.width, box.height) == (0, 0, finest.width, finest.height):
        return ""
    return (
        f"{box.width:g} × {box.height:g} px from x {box.x:g}, y {box.y:g}; QuPath counts from there"
    )


def slide_line(slide: Slide) -> str:
    """A slide in one line: ``40× · 0.25 µm/px · 46000 × 32914 px · 3 levels · openslide``."""
    parts = [] if slide.objective_power is None else [f"{slide.objective_power:g}×"]
    if slide.mpp is not None:
        x, y = (f"{value:.4g}" for value in slide.mpp)
        parts.append(f"{x} µm/px" if x == y else f"{x} × {y} µm/px")
    finest = slide.levels[0]
    levels = f"{len(slide.levels)} level{'' if len(slide.levels) == 1 else 's'}"
    return " · ".join([*parts, f"{finest.width} × {finest.height} px", levels, slide.reader])


def slide_doubts(slide: Slide) -> list[str]:
    """What does not fit in a slide's metadata and levels, one clause each."""
    rivals = [found for found in slide.audit if found.status == "conflicts"]
    noted = {
        found.note: f"{found.source}, {found.says}: {found.note}"  # one field of those with a note
        for found in reversed(slide.audit)
        if found.status in ("nonsense", "information") and found.note not in ("", PLAIN)
    }
    return [*_differ(rivals), *reversed(noted.values()), *slide.notes]


def _differ(rivals: Sequence[Finding]) -> list[str]:
    """One clause for all fields that state another µm/px; none without such a field."""
    if not rivals:
        return []
    named = [f"{found.source} says {found.says}" for found in rivals[:2]]
    others = len(rivals) - len(named)
    more = [f"{others} more field{'' if others == 1 else 's'}"] if others else []
    verb = "differs" if len(rivals) == 1 else "differ"
    return [f"{' and '.join([', '.join(named), *more])}, which {verb} from the µm/px in use"]


def area_words(area_px: float, mpp: tuple[float, float] | None) -> str:
    """An area of level-0 px² in words: in mm² if the slide's µm/px is known.

    >>> area_words(4e6, (0.5, 0.5)), area_words(4e6, None)
    ('1 mm²', '4 megapixels')
    """
    if mpp is None:
        return f"{area_px / 1e6:.3g} megapixels"
    return f"{area_px * mpp[0] * mpp[1] / 1e6:.3g} mm²"


def task_words(network: Network) -> str:
    """What a network does: ``segment, 2 classes``, or that it predicts no classes."""
    if network.predicts:
        return f"{network.task}, {_classes(len(network.classes))}"
    return f"{network.task}; predicts no classes, so confidence and extrema cannot be used"


def network_rows(network: Network) -> list[tuple[str, str]]:
    """How a network was understood, as (label, value) rows."""
    if network.absent:
        wants = f"{network.card.training_mpp:g} µm/px"
        patch = f"{network.input_size} px" if network.input_size else "not stated"
        here = "no: nothing can be asked of it, but the ruler tells its scale"
        return [("network", network.name), ("wants", wants), ("input", patch), ("here", here)]
    more = ", …" if len(network.classes) > MOST_CLASSES else ""
    size, batches = network.input_size, network.batchnorm_batches
    trained = [
        f"{value:g} {unit}"
        for value, unit in (
            (network.card.training_mpp, "µm/px"),
            (network.card.training_scale, "(scale)"),
        )
        if value is not None
    ]
    return [
        ("network", network.name),
        ("task", task_words(network)),
        ("classes", ", ".join(network.classes[:MOST_CLASSES]) + more or "none"),
        ("input", f"{size} px" if size else f"any multiple of {network.stride} px"),
        ("channels", "grey" if network.channels == 1 else "RGB"),
        ("BatchNorm", "statistics not stored" if batches is None else f"{batches} batches"),
        ("trained at", ", ".join(trained) or "not stated"),
        ("profile", network.card.profile or "none"),
        ("device", str(network.device)),
        *_described_rows(network),
    ]


def _described_rows(network: Network) -> list[tuple[str, str]]:
    """How its files were read; none for a network about which there is nothing to tell."""
    noted = [("note", note) for note in network.notes]
    if not network.read_as:
        return noted
    card = network.card
    values = {
        "unit": "0–1",
        "byte": "0–255",
        "standardise": "each patch to mean 0, std 1",
        "stretch": "each patch's percentiles {:g} and {:g} to 0 and 1".format(*card.percentiles),
    }[card.scaling]
    for sign, numbers in (("−", card.mean), ("÷", card.std)):
        if numbers is not None:
            values += f", {sign} {' '.join(f'{value:.4g}' for value in numbers)}"
    rows = [("values", values), ("licence", card.license or "not stated")]
    return [*rows, *(("read", words) for words in network.read_as), *noted]


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"
