"""The scale map in the dock: a button, its progress, and the legend of the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.export import Result
from wsi_scale_napari.map_layer import MapLayer, key_to_map
from wsi_scale_napari.map_work import MapWork
from wsi_scale_napari.task import TICK_MS
from wsi_scale_napari.work import State

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

MAP, STOP = "Map", "Stop the map"


class MapBox(QWidget):
    """Shows progress and legend; the owner places the button, which starts and stops."""

    told = Signal(object)
    """Emitted with this box when a map begins, and when its legend appears."""

    def __init__(self, viewer: ViewerModel, error: ErrorPanel) -> None:
        super().__init__()
        self._viewer, self._error = viewer, error
        self._result: Result | None = None
        self._image: Image | None = None
        self.work: MapWork | None = None
        self.layer: MapLayer | None = None
        self.button = QPushButton(MAP)
        self.button.setToolTip("Measure the scale tile by tile and lay it over the slide")
        self.bar, self.about = QProgressBar(), QLabel()
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.about.setWordWrap(True)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.bar)
        rows.addWidget(self.about)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        self.button.clicked.connect(self._start_or_stop)
        self.offer(None, None)

    def offer(self, result: Result | None, image: Image | None) -> None:
        """Map this answer's slide from now on; the map of another goes. None: nothing to map."""
        self.stop()
        if self.layer is not None:
            self.layer.remove()
            self.layer = None
        self._result, self._image = result, image
        finished = result is not None and result.progress is not None and not result.report.partial
        self.button.setEnabled(finished and image is not None)
        self.setVisible(False)

    def _start_or_stop(self) -> None:
        if self.work is not None:
            self.stop()
        elif self._result is not None and self._image is not None:
            self._error.tell(None)
            if self.layer is not None:
                self.layer.remove()
            self.layer = MapLayer(self._viewer, self._image, self.window())
            self.work = MapWork(self._result)
            self.work.start()
            self._timer.start()
            self.button.setText(STOP)
            self.setVisible(True)
            self.told.emit(self)
            self.tick()

    def stop(self) -> None:
        """Stop at once and keep the parts that were measured."""
        if self.work is not None:
            self.work.cancel()
            self.tick()

    def tick(self) -> None:
        """Show how far the map is; stop the timer at its end."""
        if self.work is None:
            self._timer.stop()
            return
        state = self.work.state
        self._show(state)
        if state.ended:
            self.work = None
            self._timer.stop()
            self.button.setText(MAP)
            self._error.tell(state.failure)

    def _show(self, state: State) -> None:
        self.bar.setVisible(not state.ended)
        self.bar.setRange(0, state.total)
        self.bar.setValue(state.done)
        left = state.seconds_left
        time = "" if left is None or state.ended else f", about {left:.0f} s left"
        said = "" if state.ended else f"{state.words}{time}"
        if state.map is not None and self.layer is not None:
            self.layer.show(state.map)
            said = "<br>".join(filter(None, (said, key_to_map(state.map))))
        longer = said.count("<br>") > self.about.text().count("<br>")
        self.about.setText(said)
        if longer:
            self.told.emit(self)
