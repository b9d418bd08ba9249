"""How long the window stands still while the dock works on a slide of 100 000 × 100 000 px.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_pause.py [RUNS] [NETWORK]

NETWORK is histology, shown drawn tissue, or figures, shown drawn figures.
A timer of 5 ms notes the largest gap between two of its beats, first while PyTorch and the network
are loaded, then while the run goes on and the camera is moved. The run is cancelled 10 s after
its first look; how long that takes is noted too. Prints a table.
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

from wsi_scale.slide import open_slide
from wsi_scale_napari.dock import OptimalScale
from wsi_scale_napari.reader import slide_layer

SIZE = "width=100000&height=100000"
SLIDES = {
    "histology": f"synthetic:tissue?seed=1&mpp=0.25&{SIZE}",
    "figures": f"synthetic:figures?seed=1&stretch=0.8&mpp=0.25&{SIZE}",
}
SECONDS = 10.0


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
    beats.stage = "loading"
    dock.run()
    work, started = dock.work, None
    while dock.work is not None:
        app.processEvents()
        stage = work.state.stage
        if stage == "looking" and beats.stage == "loading":
            beats.stage = "looking"
        if started is None and work.state.done:
            started = time.perf_counter()
        if beats.stage == "looking":
            camera.zoom *= 1.002 if int(time.perf_counter()) % 2 else 1 / 1.002
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
        rows.append((worst.get("loading", 0), worst.get("looking", 0), shown, ended))
        print(number, *(f"{value:.0f}" for value in rows[-1]), flush=True)
    print("| ms | first run, PyTorch loads | later runs, median |")
    print("| --- | --- | --- |")
    names = ("worst pause, loading", "worst pause, looking", "cancel shown", "cancel, thread ended")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        print(f"| {name} | {column[0]:.0f} | {statistics.median(column[1:]):.0f} |")
    viewer.close()


if __name__ == "__main__":
    main()
