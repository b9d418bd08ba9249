"""Tiles of a slide at the scale that was found, and one picture from their predictions.

``layout`` computes where tiles lie, ``cut`` reads them, ``worth_reading`` leaves out those without
tissue or outside a region, ``stitch`` joins predictions. ``torch_dataset`` gives tiles to torch; it
is the only file here that needs torch.
"""

from wsi_scale.tiling.cut import Tile, Tiles, tiles
from wsi_scale.tiling.layout import Layout, Place
from wsi_scale.tiling.stitch import stitch

__all__ = ["Layout", "Place", "Tile", "Tiles", "stitch", "tiles"]
