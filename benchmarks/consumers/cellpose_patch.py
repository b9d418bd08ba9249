"""Cellpose resizes an image of level 0 by 30 / the exported diameter, before its network sees it.

No weights reach this machine, so the network is one that keeps what it is shown.
"""

import numpy as np
from answer import PLACE, field_of, hand_over, script


class ShownError(Exception):
    """Carries what the network was shown."""


def read(folder, slide):
    import torch
    from cellpose import core, models

    (row,) = script(folder, "cellpose.py")["SLIDES"]
    model = models.CellposeModel.__new__(models.CellposeModel)
    model.device, model.gpu, model.net = torch.device("cpu"), False, None
    model.backbone = "sam_vitl"

    def show(net, x, **options):
        raise ShownError(x)

    core._forward = show
    core_resize = core.transforms.resize_image
    kept = []

    def resize(*arguments, **options):
        kept.append(core_resize(*arguments, **options))
        raise ShownError(kept[-1])

    core.transforms.resize_image = resize
    side = 2 * round(136 * row["diameter"] / 30)
    image = field_of(slide, *PLACE, side)
    try:
        model.eval(image.astype(np.float32), diameter=row["diameter"], normalize=False)
    except ShownError as seen:
        shown = np.asarray(seen.args[0])
        return (*PLACE, np.clip(np.rint(shown[..., :3]), 0, 255)[:136, :136])


hand_over(read)
