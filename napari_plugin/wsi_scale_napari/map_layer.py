"""The scale map as a layer: the parts of the slide in the colours of their scales."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.plumbing.colour_ramp import RAMP, colour_of, ends_of, ink_on
from wsi_scale.render.map_words import map_headline
from wsi_scale.render.sentence import number
from wsi_scale_napari.frame import box_to_data, placement
from wsi_scale_napari.removal import remove_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

NAME = "wsi-scale map"
SHARE = 0.65
"""Of a tile's colour over the slide. The text is not mixed."""
NO_NUMBER = (208, 208, 208)


class MapLayer:
    """A Shapes layer above the slide and its sites, whose edges would strike through the numbers;
    empty at first; ``remove`` deletes it."""

    def __init__(self, viewer: ViewerModel, image: Image, window: QWidget | None) -> None:
        """window: holds the viewer's canvas."""
        from napari.layers import Shapes

        self._viewer, self._window = viewer, window
        self._shown: ScaleMap | None = None
        self.layer = Shapes(ndim=2, name=NAME, opacity=1.0, **placement(image))
        active = viewer.layers.selection.active
        viewer.layers.append(self.layer)
        self.layer.mode = "pan_zoom"
        viewer.layers.selection.active = active  # so that a click still chooses a site

    def show(self, found: ScaleMap) -> None:
        """Show the tiles so far; nothing if they are shown, or if the user deleted the layer."""
        if found is self._shown or self.layer not in self._viewer.layers:
            return
        self._shown = found
        if not found.tiles or self._viewer.dims.ndisplay != 2:  # napari refuses flat shapes in 3D
            return
        ends = ends_of(tile.scale for tile in found.numbered if tile.scale is not None)
        colours = [
            NO_NUMBER if tile.scale is None or ends is None else colour_of(tile.scale, ends)
            for tile in found.tiles
        ]
        layer = self.layer
        layer.data = [(box_to_data(tile.box), "rectangle") for tile in found.tiles]
        layer.face_color = [(*(part / 255 for part in rgb), SHARE) for rgb in colours]
        layer.edge_color = "white"
        layer.edge_width = 0.004 * min(found.tiles[0].box.width, found.tiles[0].box.height)
        layer.features = {
            "scale": [_says(tile) for tile in found.tiles],
            "interval": [_interval(tile) for tile in found.tiles],
            "verdict": [tile.verdict for tile in found.tiles],
        }
        layer.text = {
            "string": "{scale}",
            "size": 14,
            "color": [_ink(rgb) for rgb in colours],
            "anchor": "center",
        }

    def remove(self) -> None:
        remove_layer(self._viewer, self.layer, self._window)


def _says(tile: MapTile) -> str:
    if tile.scale is None:
        return "–"
    return number(tile.scale) + ("" if tile.verdict == "ok" else "?")


def _ink(rgb: tuple[int, int, int]) -> str:
    """Black or white, whichever can be read on a tile, through which bright tissue shows."""
    red, green, blue = (round(SHARE * part + (1 - SHARE) * 200) for part in rgb)
    return ink_on((red, green, blue))


def _interval(tile: MapTile) -> str:
    return "" if tile.interval is None else "–".join(number(end) for end in tile.interval)


def key_to_map(found: ScaleMap) -> str:
    """What the map says and what its colours mean, as HTML."""
    said = f"Map: {escape(map_headline(found))}."
    ends = ends_of(tile.scale for tile in found.numbered if tile.scale is not None)
    if ends is None:
        return said
    ramp = "".join(f'<span style="color: {_hex(rgb)}">■</span>' for rgb in RAMP)
    return (
        f"{said}<br>{number(ends[0])} {ramp} {number(ends[1])}, larger is coarser; ?: check it; "
        f'<span style="color: {_hex(NO_NUMBER)}">■</span> no number of its own'
    )


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)
