"""Measures a line that a person draws along a known length: the slide's µm/px."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import FloatSpinBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from wsi_scale.render.sentence import number
from wsi_scale_napari.frame import placement, screen_width, world_to_level0
from wsi_scale_napari.removal import remove_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

LINE = "wsi-scale line"


class LineBox(QWidget):
    """Asks for the µm of the line drawn last. Hidden until a line is to be drawn."""

    measured = Signal(str, str)
    """Emitted with µm/px as text, and how it was found, in words."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._image: Image | None = None
        self.layer: Any = None
        self.about, self.use = QLabel("draw a line along a known length"), QPushButton("Use")
        self.um = FloatSpinBox(value=100, min=0.01, max=1e6, step=10)
        self.um.native.setMinimumWidth(110)
        self.um.native.setToolTip("What the line is in µm: a scale bar says it, or a structure")
        self.use.setToolTip("Take µm/px from this line")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.about, 1)
        for part in (self.um.native, QLabel("µm"), self.use):
            row.addWidget(part)
        self.use.clicked.connect(self._take)
        self.setVisible(False)

    def start(self, image: Image) -> None:
        """Let the next line be drawn over this image."""
        self.leave()
        self._image = image
        self.layer = self._viewer.add_shapes(
            name=LINE,
            edge_color="#00e5ff",
            edge_width=screen_width(self._viewer, image, 3),
            ndim=2,
            **placement(image),
        )
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = "add_line"
        self.layer.events.data.connect(self._drawn)
        self._drawn()
        self.setVisible(True)

    @property
    def length_px(self) -> float | None:
        """Length of the line drawn last, level-0 px; None without one."""
        layer = self.layer
        if layer is None or self._image is None or not len(layer.data):
            return None
        ends = np.array([layer.data_to_world(end)[-2:] for end in layer.data[-1][[0, -1]]])
        one, other = world_to_level0(self._image, ends)
        length = float(np.hypot(*(other - one)))
        return length or None

    def _drawn(self, *_: object) -> None:
        length = self.length_px
        self.use.setEnabled(length is not None)
        self.about.setText(
            "draw a line along a known length" if length is None else f"{number(length)} px ="
        )

    def _take(self) -> None:
        length, um = self.length_px, float(self.um.value)
        if length is not None:
            self.measured.emit(
                f"{um / length:.6g}", f"a line of {length:.1f} px drawn along {um:g} µm"
            )
            self.leave()

    def leave(self) -> None:
        """Remove the line and hide."""
        layer, self.layer = self.layer, None
        self.setVisible(False)
        if layer is not None and layer in self._viewer.layers:
            layer.mode = "pan_zoom"
            layer.events.data.disconnect(self._drawn)
            remove_layer(self._viewer, layer, self.window())
        if self._image is not None and self._image in self._viewer.layers:
            self._viewer.layers.selection.active = self._image
