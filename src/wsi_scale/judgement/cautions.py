"""What to know of an answer beside its verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators import profile
from wsi_scale.estimators.contract import Options
from wsi_scale.judgement.auto import Voice
from wsi_scale.judgement.repeats import say_repeats


def cautions(
    scale: float | None,
    chosen: Voice,
    options: Options,
    level: float,
    places: NDArray[np.intp],
) -> tuple[str, ...]:
    """Warnings that the verdict does not say. level: of the interval; places: of the sites."""
    out = list(say_repeats(places))
    if scale is not None and chosen.name == profile.NAME and options.profile is not None:
        folders = options.profile.about.error_folders
        count = len(options.profile.strangeness) if folders is None else len(set(folders))
        held = count / (count + 1)
        if held < level:
            images, cases = ("images", "cases") if folders is None else ("folders", "laboratories")
            out.append(
                f"the profile was made from {count} {images}, too few for a {level:.0%} interval: "
                f"it is as wide as their largest error, which covers about {held:.0%} of {cases}"
            )
    if scale is not None and scale < 1:
        out.append(
            f"scale {scale:.3g} is below 1: the slide would be enlarged, which adds no real detail"
        )
    return tuple(out)
