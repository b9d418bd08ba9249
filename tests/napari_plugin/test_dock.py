"""What the dock takes and what it exports."""

import json
import shlex

import numpy as np
import pytest

from wsi_scale import cli
from wsi_scale.report import PixelField, Report
from wsi_scale.testing import disc_image

QUICK = "dock_networks:quick?input_size=32"
BARE = {"rgb": True, "name": "bare"}


def cli_json(line, tmp_path):
    path = tmp_path / "again.json"
    assert cli.run([*shlex.split(line)[1:], "--json", str(path)]) in (0, 3)
    report = json.loads(path.read_text())
    del report["provenance"]
    return report


def shown_json(dock):
    report = json.loads(dock.results.result.report.to_json())
    del report["provenance"]
    return report


def test_the_slide_is_described_in_one_line(dock, wait):
    wait(lambda: "levels" in dock.slide.about.text())
    assert dock.slide.about.text().startswith("0.5 µm/px · 1200 × 1000 px · 3 levels · ")


def test_the_list_of_slides_follows_the_viewer(dock, model, wait):
    wait(lambda: "levels" in dock.slide.about.text())
    first = dock.slide.layer
    model.add_image(disc_image(9), **BARE)
    assert dock.slide.layer == model.layers["bare"]  # a slide that is opened is the next one
    dock.slide.layers.choose(first)
    assert dock.slide.combo.count() == 2
    model.layers["bare"].name = "renamed"
    assert "renamed" in [dock.slide.combo.itemText(i) for i in range(2)]
    model.layers.remove(first)
    assert dock.slide.layer == model.layers["renamed"]
    wait(lambda: "1 level " in dock.slide.about.text())
    assert "enter it below" in dock.slide.about.text()


def test_without_mpp_there_is_a_scale_and_no_µm_and_with_a_typed_one_there_is(
    make_dock, model, run, app
):
    model.add_image(disc_image(20, width=1200, height=1000), **BARE)
    dock = make_dock(model, QUICK)
    report = run(dock).report
    assert report.scale is not None
    assert report.mpp is None
    dock.slide.mpp_line.setText("0,25")
    again = run(dock).report
    assert again.scale == report.scale
    assert again.mpp == again.scale * 0.25
    dock.slide.mpp_line.setText("a quarter")
    dock.run()
    assert dock.work is None
    assert "is not a number" in dock.error.sentence.text()


def test_pixels_that_are_not_square_can_be_typed(dock, wait):
    dock.slide.mpp_line.setText("0.25, 0.26")
    dock.slide.mpp_line.editingFinished.emit()
    assert dock.slide.mpp == (0.25, 0.26)
    wait(lambda: dock.slide.about.text().startswith("0.25 × 0.26 µm/px"))


def test_a_typed_mpp_is_of_one_slide_only(dock, model, wait):
    dock.slide.mpp_line.setText("0.3")
    dock.slide.mpp_line.editingFinished.emit()
    wait(lambda: dock.slide.about.text().startswith("0.3 µm/px"))
    model.add_image(disc_image(9), **BARE)
    assert dock.slide.mpp is None
    wait(lambda: "enter it below" in dock.slide.about.text())


def test_a_typed_mpp_is_in_the_copied_command(dock, run, app, tmp_path):
    dock.slide.mpp_line.setText("0.3")
    run(dock)
    dock.results.use.cli.click()
    assert "--mpp 0.3" in app.clipboard().text()
    assert cli_json(app.clipboard().text(), tmp_path) == shown_json(dock)


def test_a_drawn_region_is_obeyed_and_saved_next_to_the_report(
    dock, model, run, wait, app, tmp_path
):
    image = dock.slide.layer
    dock.region.draw.click()
    (drawn,) = (layer for layer in model.layers if layer.name == "wsi-scale region")
    assert drawn.mode == "add_polygon"
    drawn.add_polygons(np.array([[100, 100], [100, 900], [900, 900], [900, 100.0]]))
    drawn.add_polygons(np.array([[300, 300], [300, 700], [700, 700], [700, 300.0]]))
    wait(lambda: dock.region.about.text().startswith("0.12 mm²"))  # 800² - 400² px at 0.5 µm
    report = run(dock).report
    for site in report.sites:
        assert 100 <= min(site.x, site.y) <= max(site.x, site.y) <= 901
        assert not (301 < site.x < 700 and 301 < site.y < 700)
    dock.results.export_to(tmp_path / "answer.json")
    wait(lambda: not dock.tasks.busy)
    region = tmp_path / "answer.region.geojson"
    saved = Report.from_json((tmp_path / "answer.json").read_text())
    assert saved.provenance.settings["region"] == str(region)
    dock.results.use.cli.click()
    assert str(region) in app.clipboard().text()
    assert cli_json(app.clipboard().text(), tmp_path) == shown_json(dock)
    assert image in model.layers


def test_the_current_view_is_a_region_too(dock, model, run, app, tmp_path):
    model.canvas.size = (600, 600)
    model.scene.camera.center = (300, 250)
    model.scene.camera.zoom = 2.0
    dock.region.combo.setCurrentText("current view")
    report = run(dock).report
    left, top, width, height = (float(x) for x in report.provenance.settings["region"].split(","))
    assert (left, top, width, height) == pytest.approx((200, 300, 600, 600), abs=2)
    assert report.provenance.settings["region_origin"] == "level0"  # never taken for QuPath's
    for site in report.sites:
        assert left <= site.x <= left + width
        assert top <= site.y <= top + height
    dock.results.use.cli.click()
    assert cli_json(app.clipboard().text(), tmp_path) == shown_json(dock)


def test_the_area_of_the_view_follows_the_camera(dock, model, wait):
    wait(lambda: "levels" in dock.slide.about.text())
    model.canvas.size = (600, 600)
    model.scene.camera.center = (300, 250)
    dock.region.combo.setCurrentText("current view")
    model.scene.camera.zoom = 2.0
    wait(lambda: dock.region.about.text().startswith("0.09"))
    model.scene.camera.zoom = 6.0
    wait(lambda: dock.region.about.text().startswith("0.01"))


def test_the_area_is_that_of_the_layer_that_is_chosen(dock, model, wait):
    wait(lambda: "levels" in dock.slide.about.text())
    square = np.array([[0, 0], [0, 200], [200, 200], [200, 0.0]])
    one, other = (model.add_shapes(name=name) for name in ("one", "other"))
    dock.region.layers.choose(one)
    assert "encloses an area" in dock.region.about.text()
    dock.region.layers.choose(other)
    told = []
    dock.region.changed.connect(lambda: told.append(1))
    other.add_polygons(square)
    wait(lambda: "mm²" in dock.region.about.text())
    assert told
    told.clear()
    one.add_polygons(square)
    assert not dock.region._rest.isActive()
    model.layers.remove(other)
    assert dock.region.about.text() == ""


def test_reasons_call_a_drawn_region_by_its_layer_not_by_our_file(dock, model, run):
    dock.region.draw.click()
    drawn = model.layers["wsi-scale region"]
    drawn.add_polygons(np.array([[5000, 5000], [5000, 6000], [6000, 6000.0]]))
    run(dock)
    assert "region drawn in wsi-scale region lies outside" in dock.error.sentence.text()


def test_a_profile_and_the_stain_are_asked_and_in_the_command(dock, run, app, tmp_path):
    assert dock.sampling.settings().colour_fit is None
    dock.sampling.form.colour_fit.native.setCurrentText("left as it is")
    run(dock)
    dock.results.use.cli.click()
    assert "--no-free-colour" in app.clipboard().text()
    assert cli_json(app.clipboard().text(), tmp_path) == shown_json(dock)
    dock.sampling.form.profile.line_edit.native.setText(str(tmp_path / "none.safetensors"))
    run(dock)
    assert "none.safetensors" in dock.error.sentence.text()


def test_the_default_network_shows_what_the_pixels_say(make_dock, model, wait, app, tmp_path):
    """histology on a scanned slide: µm/px with objectives, levels as they are, every field."""
    from wsi_scale_napari.answer_box import number_table
    from wsi_scale_napari.samples import cmu

    ((levels, options, _),) = cmu()
    model.add_image(levels, **options)
    dock = make_dock(model, sites=16, scales=(0.5, 4.0))
    assert dock.network.spec == "histology"
    dock.run()
    wait(lambda: dock.work is None, 600)
    report, answer = dock.results.result.report, dock.results.answer
    assert report.estimator == "ruler"
    assert "µm/px, like " in answer.head.text()
    assert report.pixels.reason[1:] in answer.meaning.text()
    for words in (
        "Answer of recognition alone",
        "Answer of fingerprint alone",
        "Scale expected from the metadata",
    ):
        assert words in answer.numbers.text()
    stated = PixelField(source="aperio.MPP", mpp=0.499, octaves=-0.01, status="agree")
    pixels = report.pixels.model_copy(update={"fields": [stated]})
    assert "aperio.MPP states 0.499 µm/px" in number_table(
        report.model_copy(update={"pixels": pixels})
    )
    if report.as_is:
        assert "without resizing" in answer.meaning.text()
    dock.results.use.cli.click()
    assert cli_json(app.clipboard().text(), tmp_path) == shown_json(dock)


def test_all_numbers_are_seen_when_they_are_unfolded(dock, run, app, wait):
    dock.parent().resize(420, 900)
    dock.parent().show()
    numbers, fold = dock.results.answer.numbers, dock.results.answer.fold

    def whole():
        return numbers.height() >= numbers.heightForWidth(numbers.width()) > 200

    run(dock)
    fold.title.click()
    wait(whole, 10)
    dock.parent().resize(700, 900)
    wait(lambda: numbers.width() > 500)
    wait(whole)
    dock.parent().resize(420, 900)
    wait(lambda: numbers.width() < 500)
    wait(whole)
    run(dock)
    wait(whole)
    fold.title.click()
    wait(lambda: numbers.visibleRegion().isEmpty())


def test_the_words_are_shown_and_the_scales_explain_themselves(dock, app):
    from wsi_scale.render.glossary import WORDS

    button = dock.running.glossary
    assert not button.window_of_words.isVisible()
    button.click()
    app.processEvents()
    assert button.window_of_words.isVisible()
    shown = button.browser.toPlainText()
    for word, meaning in WORDS.items():
        assert f"{word}: {meaning}" in shown
    button.window_of_words.close()
    for part in dock.sampling.form.scales:
        assert "larger is coarser" in part.native.toolTip()


def test_a_region_that_encloses_nothing_is_refused(dock):
    dock.region.draw.click()
    dock.run()
    assert dock.work is None
    assert "encloses an area" in dock.error.sentence.text()
    assert "draw a polygon" in dock.error.sentence.text()


def test_every_kind_of_export_is_written(dock, run, wait, tmp_path):
    run(dock)
    for name in ("a.json", "a.csv", "a.png", "a.geojson"):
        dock.results.export_to(tmp_path / name)
        wait(lambda: not dock.tasks.busy)
        assert (tmp_path / name).stat().st_size > 100, name
        assert dock.error.isHidden()
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 7
    dock.results.export_to(tmp_path / "a.txt")
    wait(lambda: not dock.tasks.busy)
    assert ".geojson" in dock.error.sentence.text()


def test_the_copied_json_is_the_report(dock, run, app):
    result = run(dock)
    dock.results.use.json.click()
    assert Report.from_json(app.clipboard().text()) == result.report


def test_an_image_in_memory_has_no_command_and_that_is_said(make_dock, model, run, app):
    model.add_image(disc_image(20, width=1200, height=1000), **BARE)
    dock = make_dock(model, QUICK)
    run(dock)
    app.clipboard().setText("as before")
    dock.results.use.cli.click()
    assert "in memory" in dock.error.sentence.text()
    assert app.clipboard().text() == "as before"


def test_plot_and_slide_choose_sites_together(dock, model, run):
    run(dock)
    (sites,) = (layer for layer in model.layers if layer.name == "wsi-scale sites")
    dock.results.plot.site_chosen.emit(2)
    assert set(sites.selected_data) == {2}
    sites.selected_data = {4}
    assert dock.results.plot._site == 4


def test_a_click_on_the_curve_zooms_to_that_scale(dock, model, run):
    run(dock)
    plot = dock.results.plot
    axes = plot.axes
    assert axes.scale_at(axes.x(2.0)) == pytest.approx(2.0)
    plot.scale_chosen.emit(2.0)
    assert model.scene.camera.zoom == pytest.approx(1 / (2 * 0.5))
    assert "1.00 µm/px" in plot.words_at(2.0)
    dock.results.use.view.click()
    scale = dock.results.result.report.scale
    assert model.scene.camera.zoom == pytest.approx(1 / (scale * 0.5))


def test_check_says_how_a_network_is_understood_and_why_it_cannot_be(dock, wait):
    dock.network.check.click()
    wait(lambda: "input: 32 px" in dock.network.about.text())
    assert "BatchNorm: 1000 batches" in dock.network.about.text()
    dock.network.combo.setEditText("no_such_network")
    dock.network.check.click()
    wait(lambda: not dock.error.isHidden())
    assert "no_such_network" in dock.error.sentence.text()


def test_the_cost_is_shown_before_the_run_and_in_seconds_after_one(dock, run):
    dock.sampling.form.sites.value = 46
    dock.sampling.form.scales[0].value = 0.5
    dock.sampling.form.scales[1].value = 16
    assert "about 460 patches" in dock.sampling.cost.text()
    dock.sampling.form.sites.value = 3
    run(dock)
    assert " s at the speed" in dock.sampling.cost.text()
    dock.sampling.form.scales[0].value = 9
    assert "octave" in dock.sampling.cost.text()
    dock.run()
    assert "octave" in dock.error.sentence.text()


def test_without_a_slide_a_run_is_refused(make_dock, model):
    dock = make_dock(model, QUICK)
    dock.run()
    assert dock.error.sentence.text() == "No slide is open; open one, or drop a file on the window"
    assert dock.error.sentence.textInteractionFlags().value & 1  # selectable


def test_a_blank_slide_gets_an_answer_without_a_number(make_dock, model, run):
    model.add_image(np.full((1000, 1200, 3), 255, np.uint8), **BARE)
    dock = make_dock(model, QUICK)
    assert run(dock).report.verdict == "blank"
    assert dock.results.answer.head.text() == "✕ blank · there is no number"
    assert not dock.results.use.view.isEnabled()
    assert dock.results.use.json.isEnabled()
    assert dock.error.isHidden()


def test_the_plot_and_both_themes_are_drawn(dock, model, run, app):
    run(dock)
    plot = dock.results.plot
    plot.resize(380, 230)
    pictures = []
    for theme in ("dark", "light"):
        model.theme = theme
        pictures.append(plot.grab().toImage())
    assert (
        pictures[0].pixelColor(2, 2).lightness()
        < 80
        < 180
        < pictures[1].pixelColor(2, 2).lightness()
    )


def test_the_network_and_device_of_the_preferences_come_first(make_dock, model, monkeypatch):
    from wsi_scale_napari import defaults, dock

    monkeypatch.setattr(dock, "read_defaults", lambda: defaults.Defaults("mine", "cpu"))
    made = make_dock(model)
    assert made.network.spec == "mine"
    assert made.sampling.device == "cpu"


def test_colours_tell_finer_alike_and_coarser_apart(app):
    from wsi_scale_napari.colours import ALIKE, COARSER, FINER, WAITING, site_colour

    assert site_colour(1, 4) == pytest.approx(FINER)
    assert site_colour(4, 4) == pytest.approx(ALIKE)
    assert site_colour(16, 4) == pytest.approx(COARSER)
    assert site_colour(None, 4) == WAITING


def test_the_key_shows_the_very_colours_of_the_sites(dock, run):
    from qtpy.QtGui import QColor

    from wsi_scale_napari.colours import site_colour

    key = dock.results.key
    assert key.isHidden()
    run(dock)
    assert not key.isHidden()
    for scale, word in ((1.0, "finer"), (4.0, "the same"), (16.0, "coarser")):
        colour = QColor.fromRgbF(*site_colour(scale, 4.0)).name()
        assert f'{colour}">■</span> {word}' in key.text().replace("&nbsp;", " ")
    dock.results.forget()
    assert key.isHidden()


def test_a_file_that_is_not_a_slide_is_refused_and_the_choice_stays(dock, tmp_path):
    before = dock.slide.layer
    (tmp_path / "note.svs").write_text("not a slide")
    dock.slide.open(str(tmp_path / "note.svs"))
    assert "note.svs" in dock.error.sentence.text()
    assert dock.slide.layer == before
    assert dock.slide.combo.count() == 1


def test_the_chosen_site_has_the_widest_edge_at_every_zoom(dock, model, run):
    run(dock)
    (sites,) = (layer for layer in model.layers if layer.name == "wsi-scale sites")
    dock.results.plot.site_chosen.emit(2)
    for zoom in (0.1, 4.0):
        model.scene.camera.zoom = zoom
        on_screen = min(sites.edge_width) * 0.5 * zoom  # at 0.5 µm per data pixel
        assert on_screen >= 0.9
