"""Chooses the region: all tissue, what the window shows, or outlines in a Shapes layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Shapes
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from wsi_scale.errors import SettingsError
from wsi_scale.render.describe import area_words
from wsi_scale.sites.drawn_regions import area_px
from wsi_scale.sites.regions import Region, parse_region
from wsi_scale_napari.frame import drawn_region, placement, region_file, screen_width, view_box
from wsi_scale_napari.line_box import LINE
from wsi_scale_napari.map_layer import NAME as MAP
from wsi_scale_napari.overlay import NAME as SITES
from wsi_scale_napari.slide_layers import Layers

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

WHOLE, VIEW = "all tissue", "current view"
DRAWN = "wsi-scale region"

REST_MS = 150
"""A region that is being drawn or moved is reported once it has not changed for this long."""


class RegionBox(QWidget):
    """A drop-down list, and Draw, which makes a layer to draw in."""

    changed = Signal()
    """Emitted when another region is chosen or the chosen one changes."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.layers = Layers(
            viewer, "region", _may_hold_region, before=(WHOLE, VIEW), words="drawn in {}"
        )
        self.combo = self.layers.combo
        self.draw = QPushButton("Draw")
        self.draw.setToolTip("Draw polygons; a polygon inside another is a hole")
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setVisible(False)
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.draw)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self.about)
        self._followed: Any = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.changed)
        camera = viewer.scene.camera.events
        self._moves = (camera.zoom, camera.center)
        for event in self._moves:
            event.connect(self._moved)
        self.layers.changed.connect(self._follow)
        self.layers.changed.connect(self.changed)

    def _follow(self, *_: object) -> None:
        """Watch the chosen layer for drawings, and no other."""
        if self._followed is not None:
            self._followed.events.data.disconnect(self._drawn)
        self._followed = self.layers.chosen
        if self._followed is not None:
            self._followed.events.data.connect(self._drawn)

    def _drawn(self, *_: object) -> None:
        self._rest.start()

    def _moved(self, *_: object) -> None:
        if self.combo.currentText() == VIEW:
            self._rest.start()

    def start_drawing(self, image: Image | None) -> None:
        """Choose a layer over the image as the region and activate its polygon tool."""
        if image is None:
            return
        layer: Any = self.layers.chosen
        if layer is None:
            layer = self._viewer.add_shapes(
                name=DRAWN,
                edge_color="#00e5ff",  # no stain has it
                face_color=[0.0, 0.9, 1.0, 0.12],
                edge_width=screen_width(self._viewer, image, 3),
                ndim=2,
                **placement(image),
            )
            self.layers.choose(layer)
        self._viewer.layers.selection.active = layer
        layer.mode = "add_polygon"

    def region(self, image: Image) -> str | None:
        """The region for the settings: None, a box, or a GeoJSON file with the drawing."""
        if self.combo.currentText() == WHOLE:
            return None
        layer = self.layers.chosen
        return view_box(self._viewer, image) if layer is None else region_file(layer, image)

    def tell_area(self, image: Image | None, mpp: tuple[float, float] | None) -> None:
        """Show the area of the chosen region, or why there is none."""
        words = "" if image is None else self._area(image, mpp)
        self.about.setText(words)
        self.about.setVisible(bool(words))

    def _area(self, image: Image, mpp: tuple[float, float] | None) -> str:
        if self.combo.currentText() == WHOLE:
            return ""
        try:
            layer = self.layers.chosen
            seen: Region = (
                parse_region(view_box(self._viewer, image))
                if layer is None
                else drawn_region(layer, image)
            )
        except SettingsError as error:
            return str(error)
        return f"{area_words(area_px(seen), mpp)}; sites are placed on the tissue inside it"

    def leave(self) -> None:
        self._rest.stop()
        for event in self._moves:
            event.disconnect(self._moved)
        self.layers.leave()
        self._follow()


def _may_hold_region(layer: Any) -> bool:
    return isinstance(layer, Shapes) and not layer.name.startswith((LINE, MAP, SITES))
