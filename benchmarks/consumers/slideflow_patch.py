"""slideflow reads a tile of the sf.WSI that the exported script makes."""

import os

os.environ.setdefault("SF_SLIDE_BACKEND", "libvips")

from answer import hand_over, script


def read(folder, slide):
    wsi = script(folder, "slideflow.py")["wsi"]
    across, down = (int(n) // 2 for n in wsi.shape)
    tile = wsi[across, down]
    (x, y) = next(
        (int(row[0]), int(row[1])) for row in wsi.coord if (row[2], row[3]) == (across, down)
    )
    return x, y, tile


hand_over(read)
