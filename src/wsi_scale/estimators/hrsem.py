"""Holistic scale estimation from visual tracking: one filter for the whole scene. A baseline.

This is an adaptation. HRSEM correlates feature maps of the whole target, but saved responses hold
no maps. So the scene is described by the mean and log deviation of every channel, averaged over all
sites. Source: Marvasti-Zadeh, Ghanei-Yakhdan, Kasaei, Neural Computing & Applications 2021 (arXiv
2004.02933); the filter is that of ``scale_filter``.
"""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.contract import Answer, Options, Scorer
from wsi_scale.estimators.curves import Pool, peak
from wsi_scale.estimators.scale_filter import ScaleFilter, both_signatures
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

NAME = "hrsem"
ORDER = 41
NEEDS = "responses to images whose right scale is known"
EVIDENCE = False
LEARNS = True


def prepare(responses: Responses, options: Options) -> Scorer:
    """Average the sites of reference and slide first (the slide's by weight), then score once."""
    reference, theirs, values = both_signatures(responses, options)
    scene = Pool(theirs).mean(np.ones(len(theirs)))
    learnt = ScaleFilter(scene[None], reference, responses.grid)
    pool = Pool(values)
    scales = np.array(responses.grid.scales)

    def score(weights: Array) -> Answer:
        curve = learnt.curves(pool.mean(weights)[None])[0]
        return Answer(score=curve, scale=peak(scales, curve))

    return score
