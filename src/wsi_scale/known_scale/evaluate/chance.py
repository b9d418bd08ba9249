"""Answers by chance, with which every table compares the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wsi_scale.responses.record import Responses

CENTRE = "chance: window centre"


def shuffle_scales(responses: Responses, rng: np.random.Generator) -> Responses:
    """Responses without information on scale: each pyramid's rows, randomly assigned to scales."""
    dealt = responses.scale_index.copy()
    for site in range(len(responses.sites)):
        rows = np.flatnonzero(responses.site_index == site)
        dealt[rows] = responses.scale_index[rng.permutation(rows)]
    return replace(responses, scale_index=dealt)
