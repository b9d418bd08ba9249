"""The scale at which the network is surest of its prediction. A baseline, never evidence.

The network is confident about easy images at many scales, and most of all about empty ones.
Source: entropy as in InTEnt (Dong et al. 2024, arXiv 2402.09604).
"""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.contract import Answer, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import Pool, peak
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

NAME = "confidence"
ORDER = 20
NEEDS = "a network that predicts classes"
EVIDENCE = False
COARSE_TO_FINE = True


def prepare(responses: Responses, options: Options) -> Scorer:
    """Average the prediction's entropy over the sites; the lowest entropy wins."""
    entropy = responses.on_grid(responses.entropy)
    if not np.isfinite(entropy).any():
        raise Unavailable("the network's output is not a prediction, so it has no confidence")
    scales = np.array(responses.grid.scales)
    pool = Pool(entropy)

    def score(weights: Array) -> Answer:
        curve = -pool.mean(weights)
        return Answer(score=curve, scale=peak(scales, curve))

    return score
