"""Sentences about the µm/px of a published model, each without its full stop."""

from __future__ import annotations

import math

from wsi_scale.errors import NetworkError
from wsi_scale.networks.published_models import PublishedModel, is_published


def resizing(model: PublishedModel) -> str:
    """What ``input_mpp`` comes from; empty if the model is shown patches as they are.

    >>> from wsi_scale.networks import find_published
    >>> resizing(find_published("uni"))[:57]
    'UNI wants patches of 256 px at 0.5 µm/px and shrinks them'
    """
    if model.mpp is None or model.input_mpp in (None, model.mpp):
        return ""
    assert model.patch_px is not None
    assert model.resized_to_px is not None
    verb = "shrinks" if model.resized_to_px < model.patch_px else "enlarges"
    return (
        f"{model.name} wants patches of {model.patch_px} px at {model.mpp:g} µm/px and {verb} "
        f"them to {model.resized_to_px} px, so its first layer sees {model.input_mpp:.3g} µm/px"
    )


def difference(model: PublishedModel, mpp: float, *, of_input: bool = False) -> str:
    """That it is published with other µm/px than this; empty if it is not.

    of_input: the µm/px is that of what reaches its first layer, after any resizing.

    >>> from wsi_scale.networks import find_published
    >>> difference(find_published("uni"), 1.0)
    'UNI is published with 0.5 µm/px, and 1 was given'
    """
    known = (*model.mpps, *([model.input_mpp] if of_input and model.input_mpp else []))
    lo, hi = model.mpp_range or (math.inf, -math.inf)
    if not known or lo <= mpp <= hi or any(math.isclose(mpp, x, rel_tol=0.01) for x in known):
        return ""
    said = ", ".join(f"{x:g}" for x in model.mpps)
    return f"{model.name} is published with {said} µm/px, and {mpp:g} was given"


def refuse_published(name: str) -> None:
    """Raise NetworkError if a word in the place of a network is the name of a published model."""
    if is_published(name):
        raise NetworkError(
            f"{name} is a published model, whose weights do not come with wsi-scale: --for {name} "
            f"(SPEC for:{name}) finds the scale without them; if you have them, give --network the "
            "file or folder of the network"
        )
