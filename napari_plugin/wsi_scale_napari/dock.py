"""The dock: asks for a slide, a network and a place, runs, and shows what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from wsi_scale_napari.actions_box import ActionsBox
from wsi_scale_napari.answer_box import AnswerBox
from wsi_scale_napari.colours import theme_ink
from wsi_scale_napari.defaults import read_defaults
from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.export import KINDS, Result, command_of, export, save_region
from wsi_scale_napari.frame import level0_to_world, zoom_to_scale
from wsi_scale_napari.network_box import NetworkBox, describe
from wsi_scale_napari.overlay import SitesOverlay
from wsi_scale_napari.plot import ResponsePlot
from wsi_scale_napari.region_box import RegionBox
from wsi_scale_napari.run_box import RunBox
from wsi_scale_napari.sampling_box import SamplingBox
from wsi_scale_napari.slide_box import SlideBox
from wsi_scale_napari.source import source_of
from wsi_scale_napari.strip import Strip
from wsi_scale_napari.task import Task
from wsi_scale_napari.work import Request, State, Work, explain_failure

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

TICK_MS = 85
"""What is on the screen changes at most 12 times a second."""


class OptimalScale(QWidget):
    """The dock widget. Everything slow happens in threads that a timer asks where they stand."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = napari_viewer
        usual = read_defaults()
        self.slide = SlideBox(napari_viewer)
        self.network = NetworkBox(usual.network)
        self.region = RegionBox(napari_viewer)
        self.sampling = SamplingBox(usual.device)
        self.running, self.answer, self.plot = RunBox(), AnswerBox(), ResponsePlot()
        self.strip, self.use, self.error = Strip(), ActionsBox(), ErrorPanel()
        self.work: Work | None = None
        self.shown: State | None = None
        self.result: Result | None = None
        self.overlay: SitesOverlay | None = None
        self._image: Image | None = None
        self._saved_region: Path | None = None
        self._mpp: tuple[float, float] | None = None
        self._tasks: dict[str, tuple[Task[Any], Any]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._arrange()
        self._listen()
        self._set_theme()
        self._slide_changed()

    def _arrange(self) -> None:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(6, 6, 6, 6)
        named: tuple[tuple[str, QWidget], ...] = (
            ("Slide", self.slide),
            ("Network", self.network),
            ("Where", self.region),
        )
        self.inputs = [part for _, part in named] + [self.sampling]
        for name, part in named:
            title = QLabel(name)
            title.setStyleSheet("font-weight: bold;")
            rows.addWidget(title)
            rows.addWidget(part)
        results = (self.error, self.answer, self.plot, self.strip, self.use)
        for part in (self.sampling, self.running, *results):
            rows.addWidget(part)
        rows.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        self.setMinimumWidth(360)

    def _listen(self) -> None:
        self.slide.changed.connect(self._slide_changed)
        self.region.changed.connect(self._tell_area)
        self.region.draw.clicked.connect(self._draw)
        self.network.asked.connect(self.check)
        self.running.run.clicked.connect(self.run)
        self.running.cancel.clicked.connect(self.cancel)
        self.plot.scale_chosen.connect(self.zoom_to)
        self.plot.site_chosen.connect(self._site_chosen)
        self.use.view.clicked.connect(self.view_optimal)
        self.use.json.clicked.connect(self.copy_json)
        self.use.cli.clicked.connect(self._ask_and_copy_cli)
        self.use.export.clicked.connect(self._ask_and_export)
        self.viewer.events.theme.connect(self._set_theme)
        self.viewer.layers.events.removed.connect(self._layer_removed)

    # what is asked

    def _slide_changed(self) -> None:
        layer = self.slide.layer
        self._mpp = None
        self._tell_area()
        if layer is None:
            self.slide.about.setText("open a slide, or drop one on the window")
            return
        try:
            source, mpp = source_of(layer), self.slide.mpp
        except Exception as error:
            self.slide.about.setText(str(error))
            return
        self.slide.about.setText("looking into the file …")
        self._do("slide", lambda: _describe_slide(source, mpp), self._slide_described)

    def _slide_described(self, task: Task[tuple[str, Any]]) -> None:
        if task.result is None:
            self.slide.about.setText("" if task.failure is None else task.failure.sentence)
            return
        words, self._mpp = task.result
        self.slide.about.setText(words)
        self._tell_area()

    def _tell_area(self) -> None:
        self.region.tell_area(self.slide.layer, self._mpp)

    def _draw(self) -> None:
        if self.slide.layer is not None:
            self.region.start_drawing(self.slide.layer)

    def check(self) -> None:
        """Load the network in a thread and say how it is understood."""
        spec, device = self.network.spec, self.sampling.device.currentText()
        self.error.tell(None)
        self.network.tell("loading the network …")
        self._do("check", lambda: describe(spec, device), self._checked)

    def _checked(self, task: Task[str]) -> None:
        self.network.tell(task.result or "")
        self.error.tell(task.failure)

    # the run

    def run(self) -> None:
        """Start a run on what is chosen now; what is chosen later changes nothing in it."""
        if self.work is not None and not self.work.state.ended:
            return
        self._forget()
        layer = self.slide.layer
        try:
            if layer is None:
                self.error.tell(explain_failure(_no_slide()))
                return
            settings = self.sampling.settings(mpp=self.slide.mpp, region=self.region.region(layer))
            device = self.sampling.device.currentText()
            request = Request(source_of(layer), self.network.spec, settings, device)
        except Exception as error:
            self.error.tell(explain_failure(error))
            return
        self._image = layer
        self.overlay = SitesOverlay(self.viewer, layer, self.plot.show_site)
        self.work = Work(request)
        self._lock(True)
        self.work.start()
        self._timer.start()
        self.tick()

    def cancel(self) -> None:
        """Stop the run; what was found so far stays."""
        if self.work is not None:
            self.work.cancel()
            self.tick()

    def tick(self) -> None:
        """Show where everything stands; rest when nothing moves."""
        for name, (task, told) in list(self._tasks.items()):
            if task.done and self._tasks.get(name, (None,))[0] is task:
                del self._tasks[name]
                told(task)
        if self.work is not None and self.work.state is not self.shown:
            self._show(self.work.state, self.work.request)
        if not self._tasks and (self.work is None or self.work.state.ended):
            self._timer.stop()

    def _show(self, state: State, request: Request) -> None:
        before, self.shown = self.shown, state
        self.running.show_state(state)
        fresh = before is None or state.report is not before.report or state.ended
        report = state.report
        if fresh and report is not None:
            self.answer.show_report(report, running=not state.ended)
            self.plot.show_answer(report, state.fields)
            if self.overlay is not None:
                self.overlay.show(state.fields, report.scale)
        elif state.fields and self.overlay is not None and self.overlay.layer is None:
            self.overlay.show(state.fields, None)
        if state.ended:
            self._end(state, request)

    def _end(self, state: State, request: Request) -> None:
        self._lock(False)
        self.error.tell(state.failure)
        self.work = None
        report = state.report
        if report is None:
            return
        region = request.settings.region
        drawn = region if region is not None and Path(region).is_file() else None
        self.result = Result(report, state.strip, request.device, drawn)
        self.strip.show_patches(state.strip, report.scale)
        self.use.allow(answer=True, scale=report.scale is not None)
        self.sampling.learn_rate(report.provenance.seconds, report.provenance.patches)

    def _forget(self) -> None:
        """Drop the last answer and what it left on the slide."""
        if self.overlay is not None:
            self.overlay.remove()
        self.overlay = self.shown = self.result = self._image = self._saved_region = None
        self.error.tell(None)
        self.answer.show_report(None)
        self.plot.show_site(None)
        self.plot.show_answer(None, ())
        self.strip.show_patches([], None)
        self.use.allow(answer=False, scale=False)

    def _lock(self, running: bool) -> None:
        for part in self.inputs:
            part.setEnabled(not running)

    def _layer_removed(self, event: Any) -> None:
        """A slide that is gone takes its run and its rectangles with it."""
        if self._image is None or self._image in self.viewer.layers:
            return
        self._image = None
        self.cancel()
        if self.overlay is not None:
            self.overlay.remove()
            self.overlay = None
        self.use.view.setEnabled(False)

    # the answer

    def _site_chosen(self, site: int) -> None:
        self.plot.show_site(site)
        if self.overlay is not None:
            self.overlay.select(site)

    def zoom_to(self, scale: float) -> None:
        """Show the slide as finely as the network would see it at a scale."""
        if self._image is not None:
            zoom_to_scale(self.viewer, self._image, scale, None)

    def view_optimal(self) -> None:
        """Show the first site at the scale that was found."""
        if self.result is None or self._image is None or self.result.report.scale is None:
            return
        sites = self.result.report.sites
        at = level0_to_world(self._image, sites[0].x, sites[0].y) if sites else None
        zoom_to_scale(self.viewer, self._image, self.result.report.scale, at)

    def copy_json(self) -> None:
        """Put the report on the clipboard."""
        if self.result is not None:
            _copy(self.result.report.to_json())

    def _ask_and_copy_cli(self) -> None:
        """Copy the command; drawn outlines are saved first, since it reads them from a file."""
        if self.result is None:
            return
        if self.result.drawn is not None and self._saved_region is None:
            path, _ = QFileDialog.getSaveFileName(
                self, "Save the drawn region that the command reads", "", "GeoJSON (*.geojson)"
            )
            if not path:
                return
            try:
                self._saved_region = save_region(self.result, Path(path))
            except Exception as error:
                self.error.tell(explain_failure(error))
                return
        self.copy_cli()

    def copy_cli(self) -> None:
        """Put the command that gives this answer again on the clipboard."""
        if self.result is None:
            return
        try:
            _copy(command_of(self.result, self._saved_region))
        except Exception as error:
            self.error.tell(explain_failure(error))

    def _ask_and_export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Export", "", KINDS)
        if path:
            self.export_to(Path(path))

    def export_to(self, path: Path) -> None:
        """Write the answer, in a thread: a picture takes its time."""
        result = self.result
        if result is not None:
            self.running.words.setText(f"writing {path.name} …")
            self._do("export", lambda: (export(result, path), path), self._exported)

    def _exported(self, task: Task[tuple[Path | None, Path]]) -> None:
        self.error.tell(task.failure)
        if task.result is None:
            self.running.words.setText("nothing was written")
            return
        region, path = task.result
        self._saved_region = region or self._saved_region
        self.running.words.setText(f"written: {path}")

    # housekeeping

    def _do(self, name: str, function: Any, told: Any) -> None:
        """Do something in a thread and tell of it later; a newer one of the same name wins."""
        self._tasks[name] = (Task(function), told)
        self._timer.start()

    def _set_theme(self, *_: object) -> None:
        self.plot.set_ink(theme_ink(self.viewer.theme))

    def event(self, event: QEvent | None) -> bool:
        """Closing a dock only takes its parent away: neither closeEvent nor destroyed comes."""
        left = event is not None and event.type() == QEvent.Type.ParentChange
        if left and self.parent() is None:
            self.shut()
        return super().event(event)

    def shut(self) -> None:
        """Leave nothing behind: no run, no timer, no listener, no layer, no file."""
        if self.work is not None:
            self.work.cancel()
            self.work = None
        self._timer.stop()
        self._tasks.clear()
        if self.overlay is not None:
            self.overlay.remove()
            self.overlay = None
        self._image = None
        self.slide.layers.leave()
        self.region.leave()
        self.viewer.events.theme.disconnect(self._set_theme)
        self.viewer.layers.events.removed.disconnect(self._layer_removed)


def _describe_slide(source: Any, mpp: float | None) -> tuple[str, Any]:
    from wsi_scale.render.describe import slide_line

    with source.open(mpp) as slide:
        words = slide_line(slide)
        if slide.mpp is None:
            words += "; no µm/px, so state it below if you know it (the scale is found without)"
        doubts = [x for x in slide.audit if x.status == "conflicts"]
        words += "".join(f"\n⚠ {x.source} says {x.says}, which differs" for x in doubts)
        return words, slide.mpp


def _no_slide() -> Exception:
    from wsi_scale.errors import SlideError

    return SlideError("there is no slide to look at; open one, or drop a file on the window")


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
