"""Sites that show nearly the same part of a slide: together they weigh as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import PLAIN, Responses

REPEATS = 1 / 32
"""Two sites are one place if they lie no farther apart, along both sides, than this share of the
largest patch that was measured at both: what they share is then at least 15/16 of it.
Finer patches, which may decide, share less: an eighth as wide, three quarters of each side."""


def places_of(responses: Responses) -> NDArray[np.intp]:
    """(N,) the place of each of N sites, from 0, numbered in the order of the sites.

    A site belongs to the place of the first site that it repeats, so that a row of sites is not
    one place because each repeats its neighbour.

    >>> from types import SimpleNamespace
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> rows = SimpleNamespace(
    ...     sites=(Site(500, 500), Site(510, 495), Site(520, 500)),
    ...     grid=ScaleGrid((1.0, 4.0)),
    ...     input_size=100,
    ...     variant=np.zeros(6),
    ...     site_index=np.repeat(np.arange(3), 2),
    ...     scale_index=np.tile([0, 1], 3),
    ... )
    >>> places_of(rows).tolist()  # 10 px and 20 px apart; 1/32 of 400 px is 12.5 px
    [0, 0, 1]
    """
    at = np.array(responses.sites, float)
    widest = np.zeros(len(at))
    plain = responses.variant == PLAIN
    scales = np.array(responses.grid.scales)[responses.scale_index[plain]]
    np.maximum.at(widest, responses.site_index[plain], scales * responses.input_size)
    places = np.zeros(len(at), np.intp)
    first: list[int] = []
    for site, here in enumerate(at):
        near = REPEATS * np.minimum(widest[first], widest[site])
        alike = np.flatnonzero((np.abs(at[first] - here) <= near[:, None]).all(axis=1))
        places[site] = alike[0] if len(alike) else len(first)
        if not len(alike):
            first.append(site)
    return places


def weights_of(places: NDArray[np.intp], members: Array | None = None) -> Array:
    """(N,) the weight of each site: the sites of a place share 1. members: (N,) 1 for the sites
    that count, else 0; None: all count.

    >>> weights_of(np.array([0, 0, 1])).tolist()
    [0.5, 0.5, 1.0]
    """
    one = np.ones(len(places)) if members is None else members
    shared = np.bincount(places, one)[places]
    return np.divide(one, shared, out=np.zeros(len(places)), where=one > 0)


COUNT_AS_ONE = "weigh as one"
"""A warning about sites that repeat each other ends so."""


def say_repeats(places: NDArray[np.intp]) -> tuple[str, ...]:
    """A warning if fewer places than sites count.

    >>> say_repeats(np.array([0, 0, 1]))[0][:45]
    '3 sites were measured, but they lie at only 2'
    """
    count = int(places.max(initial=-1)) + 1
    if count == len(places):
        return ()
    return (
        f"{len(places)} sites were measured, but they lie at only {count} places: the slide has "
        f"little room for patches this large, so sites that show nearly the same {COUNT_AS_ONE}",
    )
