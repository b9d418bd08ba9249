"""Runs through the dock: live, cancellable, bound to their slide, and leaving nothing behind."""

import json
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from wsi_scale import cli
from wsi_scale.testing import disc_image

CMU = Path(__file__).parents[2] / "sample_data" / "CMU-1-Small-Region.svs"
SITES = "wsi-scale sites"
QUICK, SLOW, FAILING = (
    f"dock_networks:{name}?input_size=32" for name in ("quick", "slow", "failing")
)


def threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("wsi-scale")]


def site_layers(viewer):
    return [layer for layer in viewer.layers if layer.name.startswith(SITES)]


def without_provenance(text):
    report = json.loads(text)
    del report["provenance"]
    return report


def cli_json(line, tmp_path):
    """What the copied command writes, provenance apart."""
    path = tmp_path / "again.json"
    assert cli.run([*shlex.split(line)[1:], "--json", str(path)]) in (0, 3)
    return without_provenance(path.read_text())


def test_a_whole_run_in_a_real_viewer(viewer, slide_file, app, wait, tmp_path):
    viewer.open(slide_file, plugin="wsi-scale")
    _, dock = viewer.window.add_plugin_dock_widget("wsi-scale", "Optimal scale")
    dock.network.combo.setEditText(SLOW)
    dock.sampling.form.sites.value = 6
    dock.sampling.form.scales[1].value = 4
    seen = []
    dock.run()
    while dock.work is not None:
        app.processEvents()
        if dock.shown is not None and (not seen or dock.shown is not seen[-1]):
            seen.append(dock.shown)
        time.sleep(0.005)
    looked = [state.done for state in seen if state.stage == "looking"]
    assert len(set(looked)) > 3
    assert looked == sorted(looked)
    assert seen[-1].stage == "done"
    assert any(state.report is not None and state.report.partial for state in seen)
    (sites,) = site_layers(viewer)
    assert len(sites.data) == 6
    assert viewer.screenshot(canvas_only=False, flash=False).std() > 0
    dock.results.copy_cli()
    again = cli_json(app.clipboard().text(), tmp_path)
    assert without_provenance(dock.results.result.report.to_json()) == again
    viewer.window.remove_dock_widget(dock)
    assert site_layers(viewer) == []
    assert threads() == []


def test_overlay_rectangles_are_the_fields_of_view_in_the_slides_frame(dock, model, run):
    result = run(dock)
    (image,) = (layer for layer in model.layers if layer.name == "discs.tiff")
    (sites,) = site_layers(model)
    assert tuple(sites.scale) == tuple(image.scale)
    assert sites.units == image.units  # without, the scale bar would fall back to pixels
    assert sites.axis_labels == image.axis_labels
    own = {(site.x, site.y): site.scale for site in result.report.sites}
    for corners in sites.data:
        y, x = corners.mean(axis=0) + 0.5
        near = min(own, key=lambda site: abs(site[0] - x) + abs(site[1] - y))
        assert near == pytest.approx((x, y), abs=1e-3)
        side = np.ptp(corners[:, 1])
        assert side == pytest.approx(32 * own[near], rel=1e-5)


def test_a_run_is_cancelled_at_once_and_what_was_found_stays(dock, app, wait):
    dock.network.combo.setEditText(SLOW)
    dock.sampling.form.sites.value = 40
    dock.run()
    work = dock.work
    wait(lambda: work.state.report is not None and work.state.done > 3)
    dock.running.cancel.click()
    assert dock.work is None  # within the click: no event was waited for
    assert dock.running.run.isEnabled()
    assert dock.slide.isEnabled()
    assert dock.results.result.report.partial
    assert "partial" in dock.results.answer.head.text()
    (shown,) = site_layers(dock.viewer)
    assert len(shown.data) == len(dock.results.result.report.sites) < 40  # not those planned
    assert "exactly" not in dock.results.use.cli.toolTip()
    dock.results.copy_cli()
    assert dock.results.said.text() == "the command for the whole run is on the clipboard"
    wait(lambda: not work.alive)
    assert work.state.stage == "cancelled"


def test_a_cancelled_thread_reads_and_measures_no_more(dock, wait):
    """At most what it was at when it was cancelled: one batch."""
    import dock_networks

    dock.network.combo.setEditText(SLOW)
    dock.sampling.form.sites.value = 40
    dock.run()
    work = dock.work
    wait(lambda: work.state.done > 1)
    dock.cancel()
    before = dock_networks.Slow.calls
    wait(lambda: not work.alive)
    assert dock_networks.Slow.calls - before <= 1


def test_a_run_that_is_still_reading_the_slide_stops_at_its_next_read(dock, wait, monkeypatch):
    from wsi_scale.slide.base import Slide

    reading, go_on, reads = threading.Event(), threading.Event(), []
    honest = Slide.read

    def read(self, *window):
        if threading.current_thread().name == "wsi-scale-run":
            reads.append(window)
            reading.set()
            assert go_on.wait(60)
        return honest(self, *window)

    monkeypatch.setattr(Slide, "read", read)
    dock.run()
    work = dock.work
    wait(reading.is_set)
    dock.cancel()
    go_on.set()
    wait(lambda: not work.alive)
    assert len(reads) == 1


def test_an_end_is_final():
    pytest.importorskip("napari")
    from wsi_scale.pipeline.settings import Settings
    from wsi_scale_napari.source import Source
    from wsi_scale_napari.work import Request, State, Work

    work = Work(Request(Source("x"), "figures", Settings()))
    work.cancel()
    work._tell(State("done", "a late event"))
    assert work.state.stage == "cancelled"


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory"), StopIteration(), SystemExit(3), MemoryError()]
)
def test_a_worker_never_raises(wait, error):
    """napari's own thread_worker swallows a RuntimeError and never reports back."""
    from wsi_scale.pipeline.settings import Settings
    from wsi_scale_napari.source import Source
    from wsi_scale_napari.work import Request, Work

    def load(spec, device):
        raise error

    work = Work(Request(Source("x"), "figures", Settings()), load)
    work.start()
    wait(lambda: not work.alive)
    assert work.state.stage == "failed"
    assert type(error).__name__ in work.state.failure.details
    if "memory" in str(error):
        assert "cpu" in work.state.failure.remedy


def test_our_own_sentence_stays_whole_whatever_it_holds():
    pytest.importorskip("napari")
    from wsi_scale.errors import NetworkError
    from wsi_scale_napari.work import explain_failure

    told = explain_failure(NetworkError("'x' is no network; a SPEC is one of: a; b; c"))
    assert told.sentence == "'x' is no network; a SPEC is one of: a; b; c"
    assert told.remedy == ""


def test_a_network_that_raises_mid_run_is_reported_and_the_curve_so_far_stays(dock, run):
    dock.network.combo.setEditText(FAILING)
    dock.sampling.form.sites.value = 16
    result = run(dock)
    assert not dock.error.isHidden()
    assert "the sensor is on fire" in dock.error.sentence.text() + dock.error.remedy.text()
    assert "Traceback" in dock.error.details.toPlainText()
    assert dock.running.run.isEnabled()
    assert result.report.partial
    (shown,) = site_layers(dock.viewer)
    assert len(shown.data) == len(result.report.sites) < 16
    assert dock.results.plot.axes is not None
    dock.network.combo.setEditText(QUICK)
    assert run(dock).report.partial is False
    assert dock.error.isHidden()
    assert "exactly this answer" in dock.results.use.cli.toolTip()


def test_closing_the_dock_mid_run_leaves_nothing_behind(dock, model, wait):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    work = dock.work
    wait(lambda: site_layers(model))
    dock.setParent(None)  # all that napari does
    assert work.state.stage == "cancelled"
    assert site_layers(model) == []
    assert not dock._timer.isActive()
    wait(lambda: threads() == [])
    model.add_image(np.zeros((20, 20), np.uint8))  # nobody listens any more
    model.theme = "light"


def test_deleting_the_slide_mid_run_ends_the_run_and_takes_its_sites_away(dock, model, wait):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    wait(lambda: site_layers(model))
    model.layers.remove("discs.tiff")
    assert dock.work is None
    assert site_layers(model) == []
    assert dock.slide.layer is None
    wait(lambda: threads() == [])


def test_a_result_belongs_to_the_slide_it_was_asked_for(dock, model, wait, slide_file):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    assert not dock.slide.isEnabled()
    model.add_image(disc_image(9), name="another")
    dock.slide.layers.choose(model.layers["another"])
    wait(lambda: dock.work is None)
    assert dock.results.result.report.slide.path == slide_file
    assert dock.running.words.text() == "done · discs.tiff"


def test_a_second_run_replaces_what_the_first_left(dock, model, run):
    first = run(dock)
    (sites,) = site_layers(model)
    dock.results.plot.site_chosen.emit(5)
    dock.sampling.form.seed.value = 1
    dock.sampling.form.sites.value = 4
    assert run(dock) is not first
    assert site_layers(model) == [sites]
    assert len(sites.data) == len(sites.features) == 4
    assert set(sites.shape_type) == {"rectangle"}


def test_a_run_on_another_slide_takes_its_rectangles_there(dock, model, run):
    run(dock)
    model.add_image(disc_image(20, width=1200, height=1000), name="another")
    dock.slide.layers.choose(model.layers["another"])
    run(dock)
    (sites,) = site_layers(model)
    assert tuple(sites.scale) == (1, 1)  # the other slide has no resolution


def test_a_run_that_found_no_place_leaves_no_rectangles(dock, model, run):
    dock.network.combo.setEditText("no_such_network")
    run(dock)
    assert site_layers(model) == []


def test_rectangles_that_go_leave_a_canvas_that_can_be_drawn(viewer, make_dock, run, app, wait):
    """napari frees a removed layer's buffers in whatever OpenGL context is current."""
    viewer.add_image(disc_image(20, width=1200, height=1000), name="discs")
    viewer.window._qt_window.show()
    dock = make_dock(viewer, QUICK)
    viewer.window.add_dock_widget(dock)
    for seed in (0, 1):
        dock.sampling.form.seed.value = seed
        run(dock)
        viewer.screenshot(flash=False)
        dock._drop_overlay()
        for _ in range(20):
            viewer.scene.camera.zoom *= 1.01
            app.processEvents()
    assert viewer.screenshot(flash=False).std() > 0


def test_a_line_that_was_measured_leaves_a_canvas_that_can_be_drawn(viewer, make_dock, app):
    """Without the canvas's own OpenGL context this crashed the program."""
    viewer.add_image(disc_image(20, width=1200, height=1000), name="discs")
    viewer.window._qt_window.show()
    dock = make_dock(viewer, QUICK)
    viewer.window.add_dock_widget(dock)
    for _ in range(2):
        dock.slide.line.click()
        viewer.layers["wsi-scale line"].add_lines(np.array([[100, 200], [400, 600]]))
        viewer.screenshot(flash=False)
        dock.slide.ruled.use.click()
        for _ in range(20):
            viewer.scene.camera.zoom *= 1.01
            app.processEvents()
    assert viewer.screenshot(flash=False).std() > 0


def test_slides_with_and_without_pixel_size_lie_side_by_side_without_a_warning(
    viewer, slide_file, run, app
):
    from napari.utils.notifications import notification_manager, show_warning

    told = []

    def hear(event):
        told.append(event.message)

    viewer.window._qt_window.show()
    viewer.open(slide_file, plugin="wsi-scale")
    _, dock = viewer.window.add_plugin_dock_widget("wsi-scale", "Optimal scale")
    notification_manager.notification_ready.connect(hear, position="last")
    dock.network.combo.setEditText(QUICK)
    dock.sampling.form.sites.value = 6
    for name in (None, "bare"):
        if name is not None:
            viewer.add_image(disc_image(20, width=1200, height=1000), name=name)
        viewer.screenshot(flash=False)  # napari compares the units as it draws
        dock.slide.line.click()
        dock.region.draw.click()
        viewer.screenshot(flash=False)
        dock.slide.ruled.leave()
        dock.region.combo.setCurrentIndex(0)
        run(dock)
        viewer.screenshot(flash=False)
    assert viewer.layers.extent.units is None, "there would have been something to warn of"
    assert told == []
    show_warning("something else")
    assert told == ["something else"]
    notification_manager.notification_ready.disconnect(hear)


def test_a_run_that_starts_in_3d_is_shown_and_its_rectangles_come_with_2d(dock, model, run):
    model.dims.ndisplay = 3
    assert run(dock).report.partial is False
    assert dock.error.isHidden()
    assert dock.slide.isEnabled()
    (sites,) = site_layers(model)
    model.dims.ndisplay = 2
    assert len(sites.data) == 6


def test_3d_during_a_run_is_not_an_error(dock, model, wait):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    wait(lambda: dock.shown is not None and dock.shown.fields)
    model.dims.ndisplay = 3
    model.scene.camera.zoom *= 2
    wait(lambda: dock.work is None)
    assert dock.results.result.report.partial is False
    assert dock.error.isHidden()
    model.dims.ndisplay = 2
    assert len(site_layers(model)[0].data) == 6


def test_a_rectangle_that_cannot_be_painted_costs_no_answer(dock, run, monkeypatch):
    from wsi_scale_napari.overlay import SitesOverlay

    def show(self, fields, common):
        if fields:
            raise ValueError("no paint")

    monkeypatch.setattr(SitesOverlay, "show", show)
    assert run(dock).report.partial is False
    assert "no paint" in dock.error.sentence.text()
    assert dock.slide.isEnabled()
    assert dock.running.run.isEnabled()


def test_a_rectangle_that_is_deleted_or_drawn_is_put_right(dock, model, run):
    run(dock)
    (sites,) = site_layers(model)
    before = np.array(sites.data)
    for chosen in ({2}, {0, 5}, set(range(6))):
        sites.selected_data = chosen
        sites.remove_selected()
        model.scene.camera.zoom *= 2
        assert (np.array(sites.data) == before).all()
        assert len(sites.features) == len(sites.edge_width) == 6
    sites.add_rectangles(np.array([[0, 0], [0, 9], [9, 9], [9, 0.0]]))
    sites.selected_data = {5}
    assert (np.array(sites.data) == before).all()
    assert dock.results.plot._site == 5


def test_deleting_the_sites_mid_run_is_not_an_error(dock, model, wait):
    dock.network.combo.setEditText(SLOW)
    dock.run()
    wait(lambda: site_layers(model))
    model.layers.remove(site_layers(model)[0])
    wait(lambda: dock.work is None)
    assert site_layers(model) == []
    assert dock.error.isHidden()


def test_a_viewer_that_comes_as_a_proxy_will_do(viewer, make_dock, run):
    from napari.utils._proxies import PublicOnlyProxy

    viewer.add_image(disc_image(20, width=1200, height=1000), name="discs")
    dock = make_dock(PublicOnlyProxy(viewer), QUICK)
    assert run(dock).report.curve.scales
    viewer.layers.remove("discs")
    assert site_layers(viewer) == []


def test_the_window_never_imports_torch(screen, tmp_path):
    code = (
        "import os, sys; os.environ['NAPARI_CONFIG'] = sys.argv[1]\n"
        "from qtpy.QtWidgets import QApplication; app = QApplication([])\n"
        "from napari.components import ViewerModel\n"
        "from wsi_scale_napari.dock import OptimalScale\n"
        "from wsi_scale.testing import disc_image\n"
        "viewer = ViewerModel(); viewer.add_image(disc_image(20)); dock = OptimalScale(viewer)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "settings.yaml")]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_of_napari_s_settings_is_changed(dock, run):
    from napari.settings import get_settings

    before = get_settings().model_dump()
    run(dock)
    assert get_settings().model_dump() == before


def test_twenty_runs_leave_threads_and_memory_where_they_were(dock, run):
    """What leaks grows with every run; what an allocator keeps grows once."""
    import gc

    import psutil

    dock.sampling.form.sites.value = 3
    dock.sampling.form.scales[1].value = 2
    process, held = psutil.Process(), []
    for number in range(20):
        run(dock)
        if number in (4, 12, 19):
            gc.collect()
            held.append(process.memory_info().rss)
            assert threads() == []
    first, second = held[1] - held[0], held[2] - held[1]
    assert min(first, second) <= 10e6  # of 7 runs or more


def test_overlapping_runs_leave_torch_its_threads_and_python_its_turns():
    import torch

    from wsi_scale_napari.cores import CORE_SPARED, SHORT_TURNS, SWITCH_S

    threads_before, turn_before = torch.get_num_threads(), sys.getswitchinterval()
    try:
        torch.set_num_threads(64)
        with CORE_SPARED, SHORT_TURNS:
            assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
            with CORE_SPARED, SHORT_TURNS:
                assert torch.get_num_threads() < 64
            assert torch.get_num_threads() < 64
            assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        assert torch.get_num_threads() == 64
        assert sys.getswitchinterval() == pytest.approx(turn_before)
    finally:
        torch.set_num_threads(threads_before)


def test_a_published_model_is_answered_without_its_weights(viewer, app, wait, tmp_path):
    viewer.open(str(CMU), plugin="wsi-scale")
    _, dock = viewer.window.add_plugin_dock_widget("wsi-scale", "Optimal scale")
    dock.network.combo.setEditText("for:uni")
    dock.network.check.click()
    wait(lambda: "UNI" in dock.network.about.text())
    assert "0.5 µm/px" in dock.network.about.text()
    dock.run()
    wait(lambda: dock.work is None, 120)
    report = dock.results.result.report
    assert (report.estimator, report.verdict) == ("ruler", "ok")
    assert "1.00" in dock.results.answer.head.text()
    dock.results.copy_cli()
    again = cli_json(app.clipboard().text(), tmp_path)
    assert without_provenance(report.to_json()) == again
