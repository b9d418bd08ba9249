"""Chooses the slide, an image layer or a file, and takes its µm/px if it states none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from wsi_scale.errors import WsiScaleError
from wsi_scale.slide.metadata import parse_mpp
from wsi_scale_napari.reader import read_layers
from wsi_scale_napari.slide_layers import Layers, is_image

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class SlideBox(QWidget):
    """A list of image layers, Browse, a description of the slide, and a field for µm/px."""

    changed = Signal()
    """Emitted when another layer is chosen or another µm/px is entered."""
    refused = Signal(object)
    """Emitted with the exception when a file cannot be opened."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(8)
        self.combo.setToolTip("Any flat RGB or grey image, opened by any plugin")
        self.browse = QPushButton("Browse…")
        self.about = QLabel("open a slide, or drop one on the window")
        self.about.setWordWrap(True)
        self.mpp_line = QLineEdit()
        self.mpp_line.setPlaceholderText("as stated in the file")
        self.mpp_line.setToolTip(
            "µm per pixel of the finest level. Overrides the value in the file. The scale is found "
            "without it too."
        )
        self.layers = Layers(viewer, self.combo, is_image)
        self._stated_for = self.layer
        self._arrange()
        self.combo.currentIndexChanged.connect(self._forget_mpp)
        self.combo.currentIndexChanged.connect(self.changed)
        self.mpp_line.editingFinished.connect(self.changed)
        self.browse.clicked.connect(self._browse)

    def _arrange(self) -> None:
        top, below = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.combo, 1)
        top.addWidget(self.browse)
        below.addWidget(QLabel("µm/px"))
        below.addWidget(self.mpp_line, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(top)
        whole.addWidget(self.about)
        whole.addLayout(below)

    @property
    def layer(self) -> Image | None:
        """The chosen layer; None while the viewer has no image."""
        return self.layers.chosen

    @property
    def mpp(self) -> float | tuple[float, float] | None:
        """The µm/px that the user entered, one number or X,Y; None if empty.

        A comma between digits alone is a decimal comma. Raises SettingsError for other texts.
        """
        text = self.mpp_line.text().strip()
        if re.fullmatch(r"\d*,\d+", text):
            text = text.replace(",", ".")
        return parse_mpp(text) if text else None

    def _forget_mpp(self, *_: object) -> None:
        """Clear the µm/px when another slide is chosen."""
        if self.layer is not self._stated_for:
            self.mpp_line.clear()
        self._stated_for = self.layer

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a slide")
        if path:
            self.open(path)

    def open(self, path: str) -> None:
        """Open a slide with our reader and choose it, or report why it cannot be opened."""
        try:
            ((levels, options, _),) = read_layers(path)
        except WsiScaleError as error:
            self.refused.emit(error)
            return
        layer = self._viewer.add_image(levels, **options)
        self.layers.choose(layer)
