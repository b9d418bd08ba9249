"""Takes the pictures of the dock that the pages show, or all states at two sizes in both themes.

    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/pictures/take_dock.py
    xvfb-run -a -s "-screen 0 1600x1000x24" python docs/pictures/take_dock.py FOLDER

FOLDER: where every state is put, whole windows of 1600 × 1000 and 1280 × 800 px, dark and light.
"""

import sys
import tempfile
import time
from os import environ
from pathlib import Path

HERE = Path(__file__).parent
environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari  # noqa: E402  (reads NAPARI_CONFIG)
from PIL import Image  # noqa: E402
from qtpy.QtWidgets import QApplication, QScrollArea  # noqa: E402

SITES = 16
SLIDE = HERE.parents[1] / "sample_data" / "CMU-1-Small-Region.svs"
SIZES = ((1600, 1000), (1280, 800))
KEPT = (1320, 880)


class Camera:
    """A viewer with the dock, and a folder for its pictures."""

    def __init__(self, folder, sizes):
        self.folder, self.sizes = folder, sizes
        self.viewer = napari.Viewer()
        self.viewer.window.resize(*sizes[0])
        self.viewer.open(str(SLIDE), plugin="wsi-scale")
        self.viewer.canvas.overlays.scale_bar.visible = True
        _, self.dock = self.viewer.window.add_plugin_dock_widget("wsi-scale", "Optimal scale")
        settle()
        self.viewer.fit_to_view()
        self.dock.sampling.form.sites.value = SITES

    def take(self, name, themes=("dark",), *, at=None):
        """One picture for each size and theme. at: a part of the dock to scroll to."""
        for wide, high in self.sizes:
            self.viewer.window.resize(wide, high)
            for theme in themes:
                self.viewer.theme = theme
                self.scroll(at)
                settle()
                pixels = self.viewer.screenshot(canvas_only=False, flash=False)
                whole = Image.fromarray(pixels[..., :3])
                small = whole.quantize(
                    256, Image.Quantize.MAXCOVERAGE, kmeans=2
                )  # keeps rare colours
                ending = f"_{wide}_{theme}" if len(self.sizes) > 1 else ""
                small.save(self.folder / f"dock_{name}{ending}.png", optimize=True)
        self.viewer.theme = "dark"
        print(name, flush=True)

    def wait(self, until=lambda: False):
        """Until the run has ended, or something has happened."""
        while self.dock.work is not None and not until():
            settle(0.1)

    def run(self, network):
        self.dock.network.combo.setEditText(network)
        self.dock.run()
        self.wait()

    def scroll(self, widget):
        """To a part of the dock; None: to its top."""
        area = self.dock.findChild(QScrollArea)
        settle()
        area.verticalScrollBar().setValue(0)
        if widget is not None:
            area.ensureWidgetVisible(widget)

    def map(self):
        """Measure the map of the answer."""
        box = self.dock.results.map
        box.button.click()
        while box.work is not None:
            settle(0.1)


def settle(seconds=1.0):
    """Let the window draw itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.instance().processEvents()
        time.sleep(0.01)


def every_state(folder):
    """Start, running, ok (above and below), map, outside and error."""
    camera, both = Camera(folder, SIZES), ("dark", "light")
    dock = camera.dock
    camera.take("start", both)
    dock.run()
    camera.wait(lambda: dock.shown is not None and dock.shown.done >= 1.2 * SITES)
    camera.take("running")
    camera.wait()
    camera.take("done", both)
    camera.take("done_below", both, at=dock.results.use)
    camera.map()
    camera.take("map", both, at=dock.results.map)
    camera.run("figures")
    camera.take("outside", both)
    camera.run("my_networks:unet?weights=model.safetensors")
    camera.take("error", both, at=dock.error)
    camera.viewer.close()


def kept():
    """The pictures that the pages show."""
    camera = Camera(HERE, (KEPT,))
    dock, viewer = camera.dock, camera.viewer
    camera.take("start")
    dock.run()
    camera.wait(lambda: dock.shown is not None and dock.shown.done >= 1.2 * SITES)
    camera.take("running")
    camera.wait()
    sites = dock.results.result.report.sites
    dock.results.plot.site_chosen.emit(max(range(len(sites)), key=lambda i: sites[i].y))
    viewer.canvas.overlays.scale_bar.visible = True
    camera.take("done")
    camera.take("light", ("light",))
    dock.view_optimal()
    dock.results.answer.fold.unfold()
    camera.take("zoomed", at=dock.results.answer.fold)
    dock.results.answer.fold.unfold(False)
    viewer.fit_to_view()
    camera.map()
    camera.take("map", at=dock.results.map)
    camera.run("my_networks:unet?weights=model.safetensors")
    camera.take("error", at=dock.error)
    viewer.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        every_state(Path(sys.argv[1]))
    else:
        kept()
