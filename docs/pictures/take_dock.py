"""Takes the pictures of the dock that the pages show.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/pictures/take_dock.py [SLIDE]
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


def settle(seconds=1.0):
    """Let the window draw itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.instance().processEvents()
        time.sleep(0.01)


def take(viewer, name):
    settle()
    pixels = viewer.screenshot(canvas_only=False, flash=False)
    whole = Image.fromarray(pixels[..., :3])
    small = whole.quantize(256, Image.Quantize.MAXCOVERAGE)  # keeps rare colours, as of the legend
    small.save(HERE / f"dock_{name}.png", optimize=True)
    print(name, flush=True)


def main():
    viewer = napari.Viewer()
    viewer.window.resize(1320, 880)
    viewer.open(sys.argv[1] if len(sys.argv) > 1 else str(SLIDE), plugin="wsi-scale")
    viewer.canvas.overlays.scale_bar.visible = True
    _, dock = viewer.window.add_plugin_dock_widget("wsi-scale", "Optimal scale")
    settle()
    viewer.fit_to_view()
    take(viewer, "start")
    dock.sampling.form.sites.value = SITES
    dock.run()
    while dock.work is not None and (dock.shown is None or dock.shown.done < 1.2 * SITES):
        settle(0.1)
    take(viewer, "running")
    while dock.work is not None:
        settle(0.1)
    sites = dock.results.result.report.sites
    dock.results.plot.site_chosen.emit(max(range(len(sites)), key=lambda i: sites[i].y))
    viewer.canvas.overlays.scale_bar.visible = True
    take(viewer, "done")
    viewer.theme = "light"
    take(viewer, "light")
    viewer.theme = "dark"
    dock.view_optimal()
    dock.results.answer.fold.unfold()
    settle()
    dock.findChild(QScrollArea).ensureWidgetVisible(dock.results.answer.fold)
    take(viewer, "zoomed")
    viewer.fit_to_view()
    dock.network.combo.setEditText("my_networks:unet?weights=model.safetensors")
    dock.run()
    while dock.work is not None:
        settle(0.1)
    dock.findChild(QScrollArea).verticalScrollBar().setValue(0)
    take(viewer, "error")
    viewer.close()


if __name__ == "__main__":
    main()
