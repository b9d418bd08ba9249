"""The dock: takes a slide, a network and a region, runs, and shows the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.settings import get_settings
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from wsi_scale.errors import SlideError, WsiScaleError
from wsi_scale_napari.colours import theme_ink
from wsi_scale_napari.column import Column
from wsi_scale_napari.defaults import read_defaults
from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.fold import Fold
from wsi_scale_napari.frame import zoom_to_answer, zoom_to_scale
from wsi_scale_napari.inputs import read_remembered, remember
from wsi_scale_napari.network_box import NetworkBox
from wsi_scale_napari.overlay import SitesOverlay
from wsi_scale_napari.reader import NETWORK
from wsi_scale_napari.region_box import RegionBox
from wsi_scale_napari.results import Results
from wsi_scale_napari.run_box import RunBox
from wsi_scale_napari.sampling_box import SamplingBox
from wsi_scale_napari.slide_box import SlideBox
from wsi_scale_napari.source import check_pixels, describe_slide, source_of
from wsi_scale_napari.task import TICK_MS, Task, Tasks
from wsi_scale_napari.waking import wake_pandas
from wsi_scale_napari.work import Request, State, Work, explain_failure

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class OptimalScale(QWidget):
    """The dock widget. Slow work happens in threads; a timer polls them."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer = napari_viewer
        usual = read_defaults()
        self.slide = SlideBox(napari_viewer)
        self.network = NetworkBox(usual.network)
        self.region = RegionBox(napari_viewer)
        self.sampling = SamplingBox(usual.device)
        self.running, self.error = RunBox(), ErrorPanel()
        self._memory = Path(get_settings().config_path).parent / "wsi-scale-inputs.json"
        before = read_remembered(self._memory)
        self.network.fill(before.get("network"))
        self.sampling.fill(before)
        self.tasks = Tasks(self)
        self.results = Results(napari_viewer, self.tasks, self.error)
        self.work: Work | None = None
        self.shown: State | None = None
        self.overlay: SitesOverlay | None = None
        self._image: Image | None = None  # of the answer that is shown
        self._next: Image | None = None  # of a run that has not looked at it yet
        self._mpp: tuple[float, float] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._arrange()
        self._listen()
        self._set_theme()
        self._slide_changed()
        self.tasks.do("pandas", wake_pandas, lambda _: None)

    def _arrange(self) -> None:
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(6, 6, 6, 6)
        self.inputs = [self.slide, self.network, self.region, self.sampling]
        asked: list[QWidget] = []
        for name, part in zip(("Slide", "Network", "Region"), self.inputs, strict=False):
            title = QLabel(name)
            title.setStyleSheet("font-weight: bold;")
            asked += [title, part]
        self.fold = Fold("Slide, network, region", *asked, self.sampling, unfolded=True)
        for part in (self.fold, self.running, self.error, self.results):
            rows.addWidget(part)
        rows.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(Column(inside, self.results.told, self.error.told))

    def _listen(self) -> None:
        self.slide.changed.connect(self._slide_changed)
        self.slide.refused.connect(lambda error: self.error.tell(explain_failure(error)))
        self.region.changed.connect(self._tell_area)
        self.region.draw.clicked.connect(lambda: self.region.start_drawing(self.slide.layer))
        self.network.check.clicked.connect(
            lambda: self.network.ask(self.tasks, self.error, self.sampling.device)
        )
        self.sampling.restore.clicked.connect(self.network.restore)
        self.running.run.clicked.connect(self.run)
        self.running.cancel.clicked.connect(self.cancel)
        self.results.plot.scale_chosen.connect(self.zoom_to)
        self.results.plot.site_chosen.connect(self._site_chosen)
        self.results.use.view.clicked.connect(self.view_optimal)
        self.viewer.events.theme.connect(self._set_theme)
        self.viewer.layers.events.removed.connect(self._layer_removed)

    # what is asked

    def _slide_changed(self) -> None:
        layer = self.slide.layer
        self.fold.unfold(self.fold.title.isChecked() or layer != self._image)  # not answered yet
        self._mpp = None
        self._tell_area()
        self.error.tell(None)
        self.network.suggest(None if layer is None else layer.metadata.get(NETWORK))
        if layer is None:
            self.slide.about.setText("open a slide, or drop one on the window")
            return
        try:
            check_pixels(layer)
            mpp = self.slide.mpp
        except WsiScaleError as error:
            self.slide.about.setText(str(error))
            return
        self.slide.about.setText("reading the file …")
        self.tasks.do("slide", lambda: describe_slide(layer, mpp), self._slide_described)

    def _slide_described(self, task: Task[tuple[str, Any]]) -> None:
        if task.result is None:
            self.slide.about.setText("" if task.failure is None else task.failure.sentence)
            return
        words, self._mpp = task.result
        self.slide.about.setText(words)
        self._tell_area()

    def _tell_area(self) -> None:
        self.region.tell_area(self.slide.layer, self._mpp)

    # the run

    def run(self) -> None:
        """Start a run with the current choices; the last answer stays until there is a new one."""
        if self.work is not None and not self.work.state.ended:
            return
        layer = self.slide.layer
        try:
            request = self._request(layer)
        except Exception as error:
            self.error.tell(explain_failure(error))
            return
        self.error.tell(None)
        self.results.setEnabled(False)
        self.results.map.stop()
        remember(self._memory, self.sampling.values() | {"network": request.network})
        self._next = layer
        self.shown = None
        if self.overlay is None or self.overlay.is_gone:
            self._lay_over(layer)
        self.work = Work(request)
        self._lock(True)
        self.work.start()
        self._timer.start()
        self.tick()

    def _request(self, layer: Image | None) -> Request:
        """What is asked now. Raises WsiScaleError for what cannot be used."""
        if layer is None:
            raise SlideError("no slide is open; open one, or drop a file on the window")
        check_pixels(layer)
        region = self.region.region(layer)
        settings = self.sampling.settings(
            mpp=self.slide.mpp,
            mpp_from=self.slide.mpp_from,
            region=region,
            region_origin="auto" if region is None else "level0",
        )
        device = self.sampling.device
        return Request(source_of(layer), self.network.spec, settings, device, layer.name)

    def _take_over(self) -> None:
        """The new run looks at its slide: the last answer and its rectangles go."""
        self._image, self._next = self._next, None
        if self.overlay is not None and not self.overlay.is_over(self._image):
            self._lay_over(self._image)
        self.results.forget()
        self.results.setEnabled(True)

    def cancel(self) -> None:
        """Stop the run and keep what was found so far."""
        if self.work is not None:
            self.work.cancel()
            self.tick()

    def tick(self) -> None:
        """Show how far the run is; stop the timer if there is none."""
        if self.work is None:
            self._timer.stop()
        elif self.work.state is not self.shown:
            self._show(self.work.state, self.work.request)

    def _show(self, state: State, request: Request) -> None:
        before, self.shown = self.shown, state
        if self._next is not None and state.report is not None:
            self._take_over()
        new = self._next is None
        kept = not new and self.results.result is not None
        self.running.show_state(state, request.slide, kept)
        if state.ended:
            self._end(state, request)
        if new and (before is None or state.fields is not before.fields or state.ended):
            try:
                self._paint(state)
            except Exception as error:  # the answer is kept all the same
                self.error.tell(explain_failure(error))

    def _end(self, state: State, request: Request) -> None:
        """Keep the result and get ready for the next run."""
        self.work = None
        self._lock(False)
        self.error.tell(state.failure)
        self.results.keep(state, request, self._image)
        self._next = None
        self.results.setEnabled(True)
        if self.results.result is None:
            self._drop_overlay()
        self.fold.unfold(state.report is None)
        if state.report is not None:
            made = state.report.provenance
            self.sampling.learn_rate(made.seconds, made.patches)

    def _paint(self, state: State) -> None:
        self.results.show_state(state)
        if self.overlay is not None:
            self.overlay.show(state.fields, state.report.scale if state.report else None)
        if state.ended and not state.fields:
            self._drop_overlay()

    def _lay_over(self, layer: Image | None) -> None:
        self._drop_overlay()
        if layer is not None:
            show = self.results.plot.show_site
            self.overlay = SitesOverlay(self.viewer, layer, show, self.window())

    def _drop_overlay(self) -> None:
        if self.overlay is not None:
            self.overlay.remove()
            self.overlay = None

    def _lock(self, running: bool) -> None:
        for part in self.inputs:
            part.setEnabled(not running)

    def _layer_removed(self, event: Any) -> None:
        """When the slide is removed, end its run and remove its rectangles."""
        if all(one is None or one in self.viewer.layers for one in (self._image, self._next)):
            return
        self._image = self._next = None
        self.cancel()
        self._drop_overlay()
        self.results.leave()

    def _site_chosen(self, site: int) -> None:
        self.results.plot.show_site(site)
        if self.overlay is not None:
            self.overlay.select(site)

    def zoom_to(self, scale: float) -> None:
        """Zoom to a scale: show the slide as the network would see it."""
        if self._image is not None:
            zoom_to_scale(self.viewer, self._image, scale, None)

    def view_optimal(self) -> None:
        """Show the first site at the scale that was found."""
        result = self.results.result
        if result is not None and self._image is not None:
            zoom_to_answer(self.viewer, self._image, result.report)

    def _set_theme(self, *_: object) -> None:
        self.results.plot.set_ink(theme_ink(self.viewer.theme))

    def event(self, event: QEvent | None) -> bool:
        """Notice that the dock was closed; napari then only removes its parent."""
        left = event is not None and event.type() == QEvent.Type.ParentChange
        if left and self.parent() is None:
            self.shut()
        return super().event(event)

    def shut(self) -> None:
        """End everything: run, timers, listeners, layers, files."""
        if self.work is not None:
            self.work.cancel()
            self.work = None
        self._timer.stop()
        self.tasks.forget()
        self._drop_overlay()
        self.results.leave()
        self.slide.leave()
        self.region.leave()
        self.viewer.events.theme.disconnect(self._set_theme)
        self.viewer.layers.events.removed.disconnect(self._layer_removed)
