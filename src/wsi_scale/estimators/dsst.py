"""The scale filter of the tracker DSST, applied to the responses of one layer. A baseline.

This is an adaptation. The tracker correlates image features around a target from frame to frame.
Here a feature is a channel's mean at the layer before the prediction, and the only frame to learn
from is a reference whose right scale is known. It is never evidence.
Source: Danelljan et al., BMVC 2014 and TPAMI 2017 (arXiv 1609.06141); see ``scale_filter``.
"""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.contract import Answer, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import Pool, peak
from wsi_scale.estimators.scale_filter import ScaleFilter, check_scales, given_reference, twins
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import Responses

NAME = "dsst"
ORDER = 40
NEEDS = "responses to images whose right scale is known"
EVIDENCE = False
LEARNS = True


def prepare(responses: Responses, options: Options) -> Scorer:
    """Score every site with a filter learnt from all reference sites; average the scores."""
    reference = given_reference(options)
    layer = head_layer(responses)
    (twin,) = twins((layer,), reference.responses)
    values = responses.on_grid(layer.mean)
    check_scales(values, "the slide")
    learnt = ScaleFilter(reference.responses.on_grid(twin.mean), reference, responses.grid)
    pool = Pool(learnt.curves(values))
    scales = np.array(responses.grid.scales)

    def score(weights: Array) -> Answer:
        curve = pool.mean(weights)
        return Answer(score=curve, scale=peak(scales, curve))

    return score


def head_layer(responses: Responses) -> LayerResponses:
    """The layer before the prediction: one with a gradient, else a pooled one, else the last.

    Raises Unavailable if no layer was measured.
    """
    weighed = tuple(layer for layer in responses.layers if layer.gradient is not None)
    if not responses.layers:
        raise Unavailable("no layer of the network was measured")
    return (*weighed, *responses.of_kind("pooled"), responses.layers[-1])[0]
