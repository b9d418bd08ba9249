"""Chooses the slide, an image layer or a file, and takes its µm/px if it states none."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from wsi_scale.errors import WsiScaleError
from wsi_scale.slide.metadata import parse_mpp
from wsi_scale_napari.inputs import make
from wsi_scale_napari.line_box import LineBox
from wsi_scale_napari.mixed_units import allow_mixed_units
from wsi_scale_napari.reader import read_layers
from wsi_scale_napari.slide_layers import Layers
from wsi_scale_napari.source import check_pixels

if TYPE_CHECKING:
    from napari.components import ViewerModel


class SlideBox(QWidget):
    """A list of image layers, Browse, a description of the slide, and a field for µm/px."""

    changed = Signal()
    """Emitted when another layer is chosen or another µm/px is entered."""
    refused = Signal(object)
    """Emitted with the exception when a file cannot be opened."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        allow_mixed_units()
        self._viewer = viewer
        self.layers = Layers(viewer, "slide", lambda layer: isinstance(layer, Image))
        self.combo = self.layers.combo
        self.browse, self.line = QPushButton("Browse…"), QPushButton("Measure a line")
        self.ruled = LineBox(viewer)
        self._how: tuple[str, str] | None = None
        self.browse.setToolTip("Open a file, or a folder: DICOM or OME-Zarr")
        self.line.setToolTip("Draw a line along a known length, such as a scale bar: gives µm/px")
        menu = QMenu(self.browse)
        for words, folder in (("File…", False), ("Folder…", True)):
            action = QAction(words, menu)
            action.triggered.connect(partial(self._browse, folder))
            menu.addAction(action)
        self.browse.setMenu(menu)
        self.about = QLabel("open a slide, or drop one on the window")
        self.about.setWordWrap(True)
        self.mpp_line = make("mpp").native
        self.mpp_line.setPlaceholderText("as stated in the file")
        self._stated_for = self.layer
        top, below, whole = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        top.addWidget(self.combo, 1)
        top.addWidget(self.browse)
        for part in (QLabel("µm/px"), self.mpp_line, self.line):
            below.addWidget(part)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(top)
        whole.addWidget(self.about)
        whole.addLayout(below)
        whole.addWidget(self.ruled)
        self.layers.changed.connect(self._chosen)
        self.mpp_line.editingFinished.connect(self.changed)
        self.line.clicked.connect(self._measure)
        self.ruled.measured.connect(self._measured)
        viewer.layers.events.inserted.connect(self._move_on)

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

    @property
    def mpp_from(self) -> str | None:
        """How the µm/px in the field was found; None if it was typed."""
        text, how = self._how or ("", None)
        return how if text == self.mpp_line.text().strip() else None

    def _measure(self) -> None:
        if self.layer is not None:
            self.ruled.start(self.layer)

    def _measured(self, mpp: str, how: str) -> None:
        self._how = mpp, how
        self.mpp_line.setText(mpp)
        self.changed.emit()

    def _chosen(self) -> None:
        """A µm/px was typed for one slide only."""
        if self.layer is not self._stated_for:
            self.mpp_line.clear()
            self.ruled.leave()
        self._stated_for = self.layer
        self.changed.emit()

    def _move_on(self, event: Any) -> None:
        """Choose a slide that was just opened, unless a run is on."""
        if self.isEnabled() and isinstance(event.value, Image):
            try:
                check_pixels(event.value)
            except WsiScaleError:
                return
            self.layers.choose(event.value)

    def _browse(self, folder: bool, *_: object) -> None:
        title = "Open a slide"
        path = (
            QFileDialog.getExistingDirectory(self, f"{title}: DICOM or OME-Zarr")
            if folder
            else QFileDialog.getOpenFileName(self, title)[0]
        )
        if path:
            self.open(path)

    def open(self, path: str) -> None:
        """Open a slide with our reader and choose it, or report why it cannot be opened."""
        try:
            ((levels, options, _),) = read_layers(path)
        except WsiScaleError as error:
            self.refused.emit(error)
            return
        self.layers.choose(self._viewer.add_image(levels, **options))

    def leave(self) -> None:
        """Disconnect from the viewer."""
        self.ruled.leave()
        self._viewer.layers.events.inserted.disconnect(self._move_on)
        self.layers.leave()
