"""One file per estimator. Each reads saved Responses; none reads an image or imports torch.

An estimator module declares

    NAME      the word on the command line
    NEEDS     what it needs, as one clause for people
    EVIDENCE  True if its answer alone may be called ``ok``
    OPTIONS   fields of ``Options`` that it uses, except the reference; none if absent
    LEARNS    True if it needs ``Options.reference``; False if absent
    COARSE_TO_FINE  True if a sparse, locally refined grid suffices, because the curve has one broad
              optimum; False if absent: it is then used only on evenly spaced scales
    prepare(responses, options) -> Scorer

``prepare`` raises ``Unavailable`` with one clause when the responses lack what it needs. The Scorer
takes one weight per site, so a bootstrap over sites needs no second preparation. A Scorer with an
attribute ``layers`` (their number) also takes one weight per layer, so the bootstrap draws layers
as well as sites.
"""

from __future__ import annotations

import sys
from types import ModuleType

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.contract import (
    NO_REFERENCE,
    Answer,
    Doubt,
    Options,
    Reference,
    Scorer,
    Unavailable,
)
from wsi_scale.plumbing.arrays import Array
from wsi_scale.plumbing.registry import modules_of
from wsi_scale.responses.record import Responses

__all__ = [
    "NO_REFERENCE",
    "Answer",
    "Array",
    "Doubt",
    "Options",
    "Reference",
    "Scorer",
    "Unavailable",
    "all_estimators",
    "find_estimator",
    "prepare",
    "seeks_coarse_to_fine",
]


def prepare(module: ModuleType, responses: Responses, options: Options) -> Scorer:
    """The scorer of one estimator.

    Parameters
    ----------
    module : ModuleType
        The estimator, from ``find_estimator``.
    responses : Responses
        What was measured on the slide.
    options : Options
        Settings; each estimator uses its own.

    Returns
    -------
    Scorer
        Takes one weight per site, (N,) float64, and returns an ``Answer``.

    Raises
    ------
    Unavailable
        When the responses or the options lack what the estimator needs.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> from wsi_scale.networks import load_network
    >>> from wsi_scale.responses import measure_responses
    >>> from wsi_scale.slide import open_slide, sample_pyramid
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     pyramid = sample_pyramid(slide, Site(400, 300), ScaleGrid((1.0, 2.0)), size=224)
    >>> responses = measure_responses(load_network("figures", device="cpu"), [pyramid])
    >>> score = prepare(find_estimator("confidence"), responses, Options())
    >>> score(np.ones(1)).score.shape  # one site, two scales
    (2,)
    """
    if not responses.grid.even and not seeks_coarse_to_fine(module):
        raise Unavailable(
            "it needs evenly spaced scales, but these are dense only around the answer; measure "
            "all of them with --dense"
        )
    scorer: Scorer = module.prepare(responses, options)
    return scorer


def seeks_coarse_to_fine(module: ModuleType) -> bool:
    """Whether a sparse, locally refined grid suffices for an estimator.

    Parameters
    ----------
    module : ModuleType
        An estimator, as ``find_estimator`` gives it.

    Returns
    -------
    bool
        False if it needs evenly spaced scales.

    Examples
    --------
    >>> seeks_coarse_to_fine(find_estimator("fingerprint"))
    True
    >>> seeks_coarse_to_fine(find_estimator("extrema"))
    False
    """
    return bool(getattr(module, "COARSE_TO_FINE", False))


def all_estimators() -> dict[str, ModuleType]:
    """Every estimator.

    Returns
    -------
    dict[str, ModuleType]
        By name, in the order in which ``auto`` prefers them.

    Examples
    --------
    >>> from wsi_scale.estimators import all_estimators
    >>> list(all_estimators())[:3]
    ['recognition', 'profile', 'fingerprint']
    """
    return modules_of(sys.modules[__name__])


def find_estimator(name: str) -> ModuleType:
    """The estimator of that name.

    Parameters
    ----------
    name : str
        For example ``fingerprint``; ``auto`` is not an estimator.

    Returns
    -------
    ModuleType
        Its module.

    Raises
    ------
    SettingsError
        When no estimator has that name; the message lists the names.

    Examples
    --------
    >>> from wsi_scale.estimators import find_estimator
    >>> find_estimator("fingerprint").NEEDS
    'a network with BatchNorm statistics gathered in training'
    """
    known = all_estimators()
    if name not in known:
        raise SettingsError(f"unknown estimator {name!r}; choose from auto, {', '.join(known)}")
    return known[name]
