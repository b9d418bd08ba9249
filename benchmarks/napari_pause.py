"""How long the window stands still while the dock works on a slide of 100 000 × 100 000 px.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_pause.py [RUNS] [NETWORK]

NETWORK is histology, shown drawn tissue, or figures, shown drawn figures.
A timer of 5 ms notes the largest gap between two of its beats while the camera is moved: first
while nothing is done, then while PyTorch and the network are loaded, then while the run goes on.
The run is cancelled 10 s after its first look; how long that takes is noted too. Prints a table.
"""

import statistics
import sys
import tempfile
import time
from os import environ
from pathlib import Path

environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from wsi_scale.slide.readers import open_slide
from wsi_scale_napari.dock import OptimalScale
from wsi_scale_napari.reader import slide_layer

SIZE = "width=100000&height=100000"
SLIDES = {
    "histology": f"synthetic:tissue?seed=1&mpp=0.65&{SIZE}",
    "figures": f"synthetic:figures?seed=1&stretch=0.8&mpp=0.25&{SIZE}",
}
SECONDS, IDLE_SECONDS = 10.0, 4.0


class Beats:
    """Gaps between the beats of a timer, by what goes on, in ms."""

    def __init__(self):
        self.stage, self.worst, self._last = "", {}, None
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self):
        now = time.perf_counter()
        if self._last is not None:
            gap = 1000 * (now - self._last)
            self.worst[self.stage] = max(gap, self.worst.get(self.stage, 0.0))
        self._last = now


def one_run(viewer, dock, camera):
    """Worst gaps of one run, and the ms that a cancel took to be shown and to end its thread."""
    app, beats = QApplication.instance(), Beats()

    def draw():
        camera.zoom *= 1.002 if int(time.perf_counter()) % 2 else 1 / 1.002
        app.processEvents()

    beats.stage = "idle"
    end = time.perf_counter() + IDLE_SECONDS
    while time.perf_counter() < end:
        draw()
    beats.stage = "loading"
    dock.run()
    work, started = dock.work, None
    while dock.work is not None:
        draw()
        if work.state.stage == "looking":
            beats.stage = "looking"
        if started is None and work.state.done:
            started = time.perf_counter()
        if started is not None and time.perf_counter() - started > SECONDS:
            break
    asked = time.perf_counter()
    dock.cancel()
    app.processEvents()
    shown = time.perf_counter()
    while work.alive:
        app.processEvents()
    ended = time.perf_counter()
    return beats.worst, 1000 * (shown - asked), 1000 * (ended - asked)


def main():
    asked = dict(enumerate(sys.argv[1:]))
    runs, network = int(asked.get(0, 6)), asked.get(1, "histology")
    viewer = napari.Viewer()
    levels, options, _ = slide_layer(open_slide(SLIDES[network]), SLIDES[network])
    viewer.add_image(levels, **options)
    dock = OptimalScale(viewer)
    viewer.window.add_dock_widget(dock)
    dock.network.combo.setEditText(network)
    rows = []
    for number in range(runs):
        worst, shown, ended = one_run(viewer, dock, viewer.scene.camera)
        rows.append((worst["idle"], worst["loading"], worst.get("looking", 0), shown, ended))
        print(number, *(f"{value:.0f}" for value in rows[-1]), flush=True)
    print("| ms | first run, PyTorch loads | later runs, median |")
    print("| --- | --- | --- |")
    pauses = ("idle", "loading", "looking")
    names = (*(f"worst pause, {x}" for x in pauses), "cancel shown", "cancel, thread ended")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        print(f"| {name} | {column[0]:.0f} | {statistics.median(column[1:]):.0f} |")
    viewer.close()


if __name__ == "__main__":
    main()
