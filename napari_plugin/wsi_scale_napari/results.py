"""Shows the result of a run: words, plot, patches, and buttons to export it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from wsi_scale_napari.actions_box import ActionsBox
from wsi_scale_napari.answer_box import AnswerBox
from wsi_scale_napari.colours import KEY_TO_GREY, key_to_sites
from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.export import KINDS, Result, command_of, export, save_region
from wsi_scale_napari.inside_button import InsideButton
from wsi_scale_napari.map_box import MapBox
from wsi_scale_napari.plot import ResponsePlot
from wsi_scale_napari.save_dialog import ask_where_to_save
from wsi_scale_napari.strip_view import Strip
from wsi_scale_napari.task import Task, Tasks
from wsi_scale_napari.work import Request, State, explain_failure

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class Results(QWidget):
    """Shows the answer during a run, and keeps the last one."""

    told = Signal(object)
    """Emitted with the part that says something new because a button was pressed."""

    def __init__(self, viewer: ViewerModel, tasks: Tasks, error: ErrorPanel) -> None:
        super().__init__()
        self._tasks, self._error = tasks, error
        self.result: Result | None = None
        self._saved_region: Path | None = None
        self.answer, self.plot, self.strip = AnswerBox(), ResponsePlot(), Strip()
        self.inside = InsideButton(tasks, error)
        self.map = MapBox(viewer, error)
        self.use = ActionsBox(self.inside, self.map.button)
        self.said, self.key = QLabel(), QLabel(key_to_sites())
        self.key.setTextFormat(Qt.TextFormat.RichText)
        for label in (self.said, self.key):
            label.setWordWrap(True)
            label.setVisible(False)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        parts = (self.answer, self.plot, self.key, self.strip, self.answer.fold)
        for part in (*parts, self.use, self.map, self.said):
            rows.addWidget(part)
        self.map.told.connect(self.told)
        self.use.json.clicked.connect(self.copy_json)
        self.use.cli.clicked.connect(self._ask_and_copy_cli)
        self.use.export.clicked.connect(self._ask_and_export)

    def forget(self) -> None:
        """Clear everything, as before the first run."""
        self.result = self._saved_region = None
        self.answer.show_report(None)
        self.plot.show_site(None)
        self.plot.show_answer(None, ())
        self.key.setVisible(False)
        self.strip.show_patches([], None)
        self.use.allow(answer=False, scale=False)
        self.inside.offer(None)
        self.map.offer(None, None)
        self._say("")

    def leave(self) -> None:
        """The slide is gone from the window: nothing more can be shown on it."""
        self.use.view.setEnabled(False)
        self.map.offer(None, None)

    def show_state(self, state: State) -> None:
        """Show the answer so far, or the last one."""
        if state.report is not None:
            self.answer.show_report(state.report, running=not state.ended)
            self.plot.show_answer(state.report, state.fields)
            own = any(field.scale is not None for field in state.fields)
            by_sites = own or not (state.ended or state.report.estimator == "ruler")
            self.key.setText(key_to_sites() if by_sites else KEY_TO_GREY)
            self.key.setVisible(state.report.scale is not None and bool(state.fields))

    def keep(self, state: State, request: Request, image: Image | None) -> None:
        """The run has ended: its answer, complete or partial, can be exported. image: shows it."""
        report = state.report
        if report is None:
            return
        self.result = Result(report, state.strip, request, state.progress)
        self.inside.offer(self.result)
        self.map.offer(self.result, image)
        self.strip.show_patches(state.strip, report.scale)
        self.use.allow(answer=True, scale=report.scale is not None, partial=report.partial)

    def copy_json(self) -> None:
        """Copy the report to the clipboard."""
        if self.result is not None:
            self._copy(self.result.report.to_json(), "the report")

    def _ask_and_copy_cli(self) -> None:
        """Copy the command; first save drawn outlines, because it reads them from a file."""
        if self.result is not None and self.result.drawn and self._saved_region is None:
            asked = "Save the drawn region; the command reads it from this file"
            ask_where_to_save(self, asked, "GeoJSON (*.geojson)", self._save_region_and_copy_cli)
        else:
            self.copy_cli()

    def _save_region_and_copy_cli(self, path: Path) -> None:
        self.save_region_to(path)
        self.copy_cli()

    def save_region_to(self, path: Path) -> None:
        """Save the drawn outlines to the user's file."""
        if self.result is None:
            return
        try:
            self._saved_region = save_region(self.result, path)
        except Exception as error:
            self._error.tell(explain_failure(error))

    def copy_cli(self) -> None:
        """Copy the command that reproduces this answer or, if partial, makes the whole run."""
        if self.result is None:
            return
        what = "the command for the whole run" if self.result.report.partial else "the command"
        try:
            self._copy(command_of(self.result, self._saved_region), what)
        except Exception as error:
            self._error.tell(explain_failure(error))

    def _ask_and_export(self) -> None:
        ask_where_to_save(self, "Export", KINDS, self.export_to)

    def export_to(self, path: Path) -> None:
        """Write the answer, in a thread, because a picture takes time."""
        result = self.result
        if result is not None:
            self._say(f"writing {path.name} …")
            self._tasks.do("export", lambda: (export(result, path), path), self._exported)

    def _exported(self, task: Task[tuple[Path | None, Path]]) -> None:
        self._error.tell(task.failure)
        if task.result is None:
            self._say("")
            return
        region, path = task.result
        self._saved_region = region or self._saved_region
        self._say(f"{path.name} was written")

    def _copy(self, text: str, what: str) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
            self._say(f"{what} is on the clipboard")

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self.said.setVisible(bool(words))
        if words:
            self.told.emit(self.said)
