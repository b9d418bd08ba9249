"""Tiles of a slide at the scale that was found, and their predictions put back together.

``layout`` says where tiles lie (arithmetic), ``cut`` reads them, ``kept`` says which are worth
reading, ``stitch`` joins predictions; ``dataset`` hands tiles to torch and alone needs it.
"""

from wsi_scale.tiling.cut import Tile, Tiles, tiles
from wsi_scale.tiling.layout import Layout, Place
from wsi_scale.tiling.stitch import stitch

__all__ = ["Layout", "Place", "Tile", "Tiles", "stitch", "tiles"]
