"""A button that shows what the network looks at, and a window with that picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QDialog,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from wsi_scale.errors import SettingsError
from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.export import Result
from wsi_scale_napari.save_dialog import ask_where_to_save
from wsi_scale_napari.task import Task, Tasks

if TYPE_CHECKING:
    from wsi_scale.pipeline.explain.explanation import Explanation

KINDS = "Picture (*.png);;PDF (*.pdf);;SVG (*.svg)"


class InsideButton(QPushButton):
    """Looks inside the network of the last answer, in a thread, and shows the picture."""

    def __init__(self, tasks: Tasks, error: ErrorPanel, parent: QWidget | None = None) -> None:
        super().__init__("Look inside", parent)
        self.setToolTip("Show what the network looks at, at this scale and at two wrong ones")
        self._tasks, self._error = tasks, error
        self._result: Result | None = None
        self._found: Explanation | None = None
        self.window_inside = QDialog(self)
        self.window_inside.setWindowTitle("What the network looks at")
        self.window_inside.resize(1080, 690)
        self.picture, self.save = _Picture(), QPushButton("Save…")
        rows = QVBoxLayout(self.window_inside)
        rows.addWidget(self.picture)
        rows.addWidget(self.save, alignment=Qt.AlignmentFlag.AlignRight)
        self.clicked.connect(self.look)
        self.save.clicked.connect(self._ask_and_save)
        self.offer(None)

    def offer(self, result: Result | None) -> None:
        """Look into this answer from now on; None: there is nothing to look into. What is still
        under way for an earlier answer is dropped."""
        self._result, self._found = result, None
        self.window_inside.close()
        self.setText("Look inside")
        self.setEnabled(result is not None and result.progress is not None)

    def look(self) -> None:
        """Show the picture; compute it first, if it is not there yet."""
        result = self._result
        if self._found is not None:
            self.window_inside.show()
        elif result is not None:
            self.setEnabled(False)
            self.setText("Looking inside …")
            self._error.tell(None)
            self._tasks.do("inside", lambda: (result, *_explain(result)), self._looked)

    def _looked(self, task: Task[tuple[Result, Explanation, bytes]]) -> None:
        if task.result is not None and task.result[0] is not self._result:
            return
        self.setEnabled(self._result is not None)
        self.setText("Look inside")
        self._error.tell(task.failure)
        if task.result is None:
            return
        _, self._found, png = task.result
        self.picture.show_png(png)
        self.window_inside.show()

    def _ask_and_save(self) -> None:
        ask_where_to_save(self.window_inside, "Save", KINDS, self.save_to)

    def save_to(self, path: Path) -> None:
        """Write the picture, in a thread."""
        result, found = self._result, self._found
        if result is None or found is None:
            return

        def write() -> None:
            from wsi_scale.render.inside import draw_explanation

            draw_explanation(result.report, found, path)

        self._tasks.do("save inside", write, lambda task: self._error.tell(task.failure))


class _Picture(QLabel):
    """A picture that fills the window and keeps its shape."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setStyleSheet("background: white;")
        self.setMinimumSize(400, 250)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def show_png(self, png: bytes) -> None:
        self._whole = QPixmap.fromImage(QImage.fromData(png))
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        if not self._whole.isNull():
            keep, smooth = (
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self.setPixmap(self._whole.scaled(self.size(), keep, smooth))


def _explain(result: Result) -> tuple[Explanation, bytes]:
    """The explanation of an answer and its picture, from a slide that is opened again."""
    from wsi_scale.pipeline.explain.look import look_inside
    from wsi_scale.render.inside import render_explanation

    progress = result.progress
    if progress is None:
        raise SettingsError("there is no answer to look into; find the optimal scale first")
    with result.request.source.open(result.request.settings.mpp) as slide:
        found = look_inside(progress, slide)
    return found, render_explanation(result.report, found)
