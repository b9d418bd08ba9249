"""StarDist zooms an image of level 0 by the exported factor, before its network sees it.

No weights reach this machine, so the network is one that keeps what it is shown.
"""

import numpy as np
from answer import PLACE, field_of, hand_over, script


class ShownError(Exception):
    """Carries what the network was shown."""


def read(folder, slide):
    from stardist.models.base import StarDistBase

    (row,) = script(folder, "stardist.py")["SLIDES"]

    class Recorder(StarDistBase):
        def __init__(self):
            self.config = type("Config", (), {"axes": "YXC", "n_channel_in": 3})()
            self.thresholds = {"prob": 0.5, "nms": 0.4}

        def _predict_sparse_generator(self, img, **options):
            raise ShownError(img)

        def _is_multiclass(self):
            return False

        _axes_div_by = _axes_tile_overlap = _build = _instances_from_prediction = None
        _compute_receptive_field = None
        _config_class = property(lambda self: None)

    Recorder.__abstractmethods__ = frozenset()
    image = field_of(slide, *PLACE, 2 * round(136 / row["zoom"]))
    try:
        Recorder().predict_instances(image.astype(np.float32), axes="YXC", scale=row["zoom"])
    except ShownError as seen:
        return (*PLACE, np.clip(np.rint(seen.args[0]), 0, 255)[:136, :136])


hand_over(read)
