"""InstanSeg resizes an image of level 0 by the exported pixel size, before its network sees it.

No weights reach this machine, so the network is one that keeps what it is shown.
"""

import numpy as np
import torch
from answer import PLACE, field_of, hand_over, script, to_uint8


class Recorder(torch.nn.Module):
    """Keeps its input, and finds nothing."""

    pixel_size = 0.5
    cells_and_nuclei = False
    graph = "a TorchScript graph, whose arguments InstanSeg reads"

    def forward(self, image, **options):
        self.seen = image
        return torch.zeros(image.shape[0], 1, *image.shape[-2:])


def read(folder, slide):
    from instanseg import InstanSeg

    names = script(folder, "instanseg.py")
    (row,) = names["SLIDES"]
    network = Recorder()
    model = InstanSeg(network, device="cpu", verbosity=0)
    image = field_of(slide, *PLACE, 2 * round(136 * row["scale"]))
    size = names["pixel_size"](row, network.pixel_size)
    model.eval_small_image(np.asarray(image), pixel_size=size, normalise=False)
    seen = network.seen[0].numpy()
    return (*PLACE, to_uint8(seen)[:136, :136])


hand_over(read)
