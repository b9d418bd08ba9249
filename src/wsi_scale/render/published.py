"""Published models in words: the same on the terminal and in docs/published.md."""

from __future__ import annotations

import json
from collections.abc import Iterable

from wsi_scale.networks.published_models import FactSource, Figure, PublishedModel

UNCONFIRMED = "?"
"""Stands after a figure that no text which was read states."""
LEGEND = (
    "? – not confirmed: the figure is known from memory only",
    "20× alone – no source states µm/px; magnification is no µm/px",
    "* – sources differ",
)
HEADER = ("model", "µm/px", "patch", "licence of the weights", "who says the µm/px")
NOTHING = "–"


def published_row(model: PublishedModel) -> tuple[str, str, str, str, str]:
    """A model in the columns of ``HEADER``.

    >>> from wsi_scale.networks import find_published
    >>> published_row(find_published("phikon"))
    ('Phikon', '0.5', '224', 'Owkin non-commercial', "makers' README")
    """
    differ = " *" if model.contradiction else ""
    return (
        model.name,
        size_words(model) + differ,
        NOTHING if model.patch_px is None else f"{model.patch_px}{_doubt(model, 'patch_px')}",
        f"{model.licence or NOTHING}{_doubt(model, 'licence')}",
        _who_says_the_size(model),
    )


def size_words(model: PublishedModel) -> str:
    """What a model wants, in the fewest words: µm/px, else px per object, else magnification.

    >>> from wsi_scale.networks import find_published
    >>> [size_words(find_published(name)) for name in ("kaiko", "cyto3", "hipt", "plip")]
    ['0.25, 0.5, 1, 2', 'objects of 30 px?', '20× alone', '–']
    """
    if model.mpps:
        wanted = ", ".join(f"{mpp:.4g}" for mpp in model.mpps)
        return wanted + _doubt(model, "mpps")
    if model.diameter_px is not None:
        return f"objects of {model.diameter_px:g} px{_doubt(model, 'diameter_px')}"
    if model.objective_power is not None:
        return f"{model.objective_power:g}×{_doubt(model, 'objective_power')} alone"
    return NOTHING


def _doubt(model: PublishedModel, figure: Figure) -> str:
    return UNCONFIRMED if figure in model.unconfirmed else ""


def _who_says_the_size(model: PublishedModel) -> str:
    """Whose word it is: that of the makers before that of others."""
    figures: tuple[Figure, ...] = ("mpps", "diameter_px", "objective_power")
    given = [figure for figure in figures if figure in model.figures]
    said = [source for source in model.sources if given and given[0] in source.about]
    if not said:
        return NOTHING
    best = min(said, key=lambda source: (not source.confirmed, not source.by_makers))
    return best.who if best.confirmed else f"{best.who}, from memory"


def published_facts(model: PublishedModel) -> list[tuple[str, str]]:
    """Everything known about a model but its sources, as (label, value) rows."""
    rows = [("model", model.name), ("also called", ", ".join(model.aliases)), ("task", model.task)]
    if model.mpps:
        rows.append(("µm/px", size_words(model)))
    if model.mpp_range is not None:
        low, high = model.mpp_range
        rows.append(("as it is", f"{low:g} to {high:g} µm/px{_doubt(model, 'mpp_range')}"))
    if model.mpp is None:
        rows.append(("no one µm/px", model.why_no_single_mpp))
    if model.objective_power is not None:
        power = f"{model.objective_power:g}×{_doubt(model, 'objective_power')} (nominal)"
        rows.append(("objective", power))
    if model.patch_px is not None:
        rows.append(("patch", f"{model.patch_px} px{_doubt(model, 'patch_px')}{_resized(model)}"))
    licence = f"{model.licence}{_doubt(model, 'licence')}" or "no source found"
    rows += [("licence", licence), ("sources differ", model.contradiction), ("note", model.note)]
    return [(label, value) for label, value in rows if value]


def _resized(model: PublishedModel) -> str:
    """What the model's own preparation does to the patch, and to its µm/px."""
    if model.resized_to_px is None:
        return ""
    doubt = _doubt(model, "resized_to_px")
    seen = "" if model.input_mpp is None else f", {model.input_mpp:.3g} µm/px at its input"
    return f", which its own preparation resizes to {model.resized_to_px} px{doubt}{seen}"


NAMES: dict[Figure, str] = {
    "mpps": "µm/px",
    "mpp_range": "range of µm/px",
    "patch_px": "patch",
    "resized_to_px": "resizing",
    "objective_power": "objective",
    "diameter_px": "size of objects",
    "licence": "licence",
}
"""Figures as people call them."""


def said_by(source: FactSource) -> str:
    """Who says it, about what, in which words.

    >>> from wsi_scale.networks import find_published
    >>> said_by(find_published("virchow").sources[1])
    'model card, on patch: "Image size: 224 x 224"'
    """
    about = ", ".join(NAMES[figure] for figure in source.about)
    words = f'"{source.quote}"' if source.confirmed else "not confirmed: from memory, nothing read"
    return f"{source.who}, on {about}: {words}"


def published_json(models: Iterable[PublishedModel]) -> str:
    """Models as JSON: a list of their fields, with what follows from them."""
    content = [
        {
            **model.model_dump(mode="json"),
            "mpp": model.mpp,
            "input_mpp": model.input_mpp,
            "why_no_single_mpp": model.why_no_single_mpp,
            "unconfirmed": list(model.unconfirmed),
        }
        for model in models
    ]
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
