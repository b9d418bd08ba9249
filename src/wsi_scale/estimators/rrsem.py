"""Region-wise scale estimation from visual tracking: every site answers by itself. A baseline.

This is an adaptation. RRSEM scores regions of a feature map, but saved responses hold no maps. So
a site stands for a region, described by the mean and log deviation of every channel, and the median
of the sites' answers counts. Source: Marvasti-Zadeh, Ghanei-Yakhdan, Kasaei, Neural Computing &
Applications 2021 (arXiv 2004.02933); the filter is that of ``scale_filter``.
"""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.contract import Answer, Options, Scorer
from wsi_scale.estimators.curves import Pool, peak, weighted_median
from wsi_scale.estimators.scale_filter import ScaleFilter, both_signatures
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

NAME = "rrsem"
ORDER = 42
NEEDS = "responses to images whose right scale is known"
EVIDENCE = False
LEARNS = True


def prepare(responses: Responses, options: Options) -> Scorer:
    """Find every site's own peak, with a filter learnt from all sites of the reference."""
    reference, theirs, values = both_signatures(responses, options)
    curves = ScaleFilter(theirs, reference, responses.grid).curves(values)
    scales = np.array(responses.grid.scales)
    answers = np.array([peak(scales, curve) or np.nan for curve in curves])
    pool = Pool(curves)

    def score(weights: Array) -> Answer:
        return Answer(score=pool.mean(weights), scale=weighted_median(answers, weights))

    return score
