"""A screen, a viewer model and small slides for the dock's tests.

Without a screen these tests skip, unless $REQUIRE_GUI says that there must be one.
"""

import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# napari reads this when it is imported: what tests set is never the user's
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")


def why_no_screen() -> str | None:
    """Why no window can be opened here; None if one can."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in named):
        return "there is no display; run the tests under xvfb-run"
    try:
        import napari  # noqa: F401
        from qtpy import QtWidgets  # noqa: F401
    except ImportError as error:
        return f"napari cannot be imported: {error}"
    return None


def pytest_collection_modifyitems(items):
    """napari and npe2 emit warnings of their own; they are not our errors."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default", "ignore::DeprecationWarning"))


@pytest.fixture(scope="session")
def screen():
    """A screen on which windows can be opened, in this process or another."""
    reason = why_no_screen()
    if reason is not None:
        (pytest.fail if os.environ.get("REQUIRE_GUI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def app(screen):
    """The one QApplication."""
    from qtpy.QtWidgets import QApplication

    return QApplication.instance() or QApplication([])


@pytest.fixture
def wait(app):
    """Let events happen until a condition holds; fails after some seconds."""

    def until(condition, seconds=150.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "nothing came of it"
            app.processEvents()
            time.sleep(0.005)
        app.processEvents()

    return until


@pytest.fixture
def model(app):
    """A viewer without a window."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def viewer(app):
    """A whole viewer with its window, closed at the end."""
    import napari

    made = napari.Viewer(show=False)
    yield made
    made.close()
    app.processEvents()
    gc.collect()


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    """Every thread of ours ends with its test."""
    yield
    end = time.monotonic() + 30
    while any(thread.name.startswith("wsi-scale") for thread in threading.enumerate()):
        assert time.monotonic() < end, [thread.name for thread in threading.enumerate()]
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _networks_are_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def slide_file(tmp_path):
    """Discs at 0.5 µm/px, 1200 × 1000 px, three levels."""
    from wsi_scale.testing import disc_image, write_pyramid_tiff

    picture = disc_image(20, width=1200, height=1000)
    return str(write_pyramid_tiff(tmp_path / "discs.tiff", picture, mpp=0.5))


@pytest.fixture
def memory(app):
    """Where a dock keeps its inputs; empty at first."""
    from napari.settings import get_settings

    path = Path(get_settings().config_path).parent / "wsi-scale-inputs.json"
    path.unlink(missing_ok=True)
    return path


@pytest.fixture
def make_dock(app, memory):
    """Maker of docks in a parent, as napari holds them; taken out of it at the end."""
    from qtpy.QtWidgets import QVBoxLayout, QWidget

    made = []

    def make(viewer, network=None, sites=6, scales=(1.0, 4.0)):
        from wsi_scale_napari.dock import OptimalScale

        parent = QWidget()
        dock = OptimalScale(viewer)
        QVBoxLayout(parent).addWidget(dock)
        made.append((parent, dock))
        if network is not None:
            dock.network.combo.setEditText(network)
        dock.sampling.form.sites.value = sites
        dock.sampling.form.scales[0].value = scales[0]
        dock.sampling.form.scales[1].value = scales[1]
        return dock

    yield make
    for parent, dock in made:
        if dock.parent() is not None:
            dock.setParent(None)
        dock.deleteLater()
        parent.deleteLater()
    app.processEvents()


@pytest.fixture
def dock(make_dock, model, slide_file):
    """A dock with an open slide and a quick network."""

    from wsi_scale_napari.reader import read_layers

    ((levels, options, _),) = read_layers(slide_file)
    model.add_image(levels, **options)
    return make_dock(model, "dock_networks:quick?input_size=32")


@pytest.fixture
def run(wait):
    """Run a dock to its end."""

    def to_the_end(dock):
        dock.run()
        wait(lambda: dock.work is None)
        return dock.results.result

    return to_the_end
