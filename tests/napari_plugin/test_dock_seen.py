"""What a person sees and can reach in the dock."""

import json

import numpy as np
import pytest

from wsi_scale.report import Report
from wsi_scale.testing import disc_image

QUICK = "dock_networks:quick?input_size=32"
BARE = {"rgb": True, "name": "bare"}


def as_verdict(report, verdict):
    return report.model_copy(update={"verdict": verdict, "warnings": ("give it with --mpp",)})


def test_the_verdict_is_a_colour_a_sign_and_a_word_and_the_inputs_fold(dock, run):
    report = run(dock).report
    answer = dock.results.answer
    assert not dock.fold.title.isChecked()
    shown = {}
    for verdict in ("ok", "ambiguous", "outside"):
        answer.show_report(as_verdict(report, verdict))
        first = answer.head.text().splitlines()[0]
        shown[verdict] = (first[0], answer.head.styleSheet())
        assert verdict in first
    assert len({sign for sign, _ in shown.values()}) == 3
    assert len({style for _, style in shown.values()}) == 3
    assert "do not rely on the number" in first
    layout = dock.results.layout()
    order = [layout.itemAt(i).widget() for i in range(layout.count())]
    assert order.index(answer) < order.index(dock.results.plot) < order.index(dock.results.use)
    rows = answer.layout()
    names = [rows.itemAt(i).widget() for i in range(rows.count())]
    assert names == [answer.head, answer.meaning, answer.warnings]
    assert "the field µm/px" in answer.warnings.text()
    assert "--mpp" not in answer.warnings.text()


def test_the_verdict_is_said_once(dock, run):
    report = run(dock).report
    answer = dock.results.answer
    for verdict in ("ok", "ambiguous", "outside"):
        answer.show_report(as_verdict(report, verdict))
        assert answer.head.text().count(verdict) == 1
        assert answer.head.text().splitlines()[1].startswith("scale ")
    answer.show_report(as_verdict(report, "flat").model_copy(update={"scale": None}))
    assert answer.head.text() == "✕ flat · there is no number"


@pytest.mark.parametrize("stated", [True, False])
def test_help_opens_the_page_about_the_dock(app, monkeypatch, stated):
    import tomllib
    from email.message import Message
    from pathlib import Path

    from qtpy.QtGui import QDesktopServices

    from wsi_scale_napari import help_button
    from wsi_scale_napari.run_box import RunBox

    root, about, opened = Path(__file__).parents[2], Message(), []
    urls = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]
    for name, url in urls.items():
        if stated or name != "Documentation":
            about["Project-URL"] = f"{name}, {url}"
    monkeypatch.setattr(help_button, "metadata", lambda _: about)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    box = RunBox()
    assert box.help.isHidden() is not stated
    if stated:
        box.help.click()
        assert opened == [f"{urls['Documentation']}/napari.html".lower()]
        assert (root / "docs" / "napari.md").is_file()


def test_a_typo_leaves_the_last_answer_and_its_rectangles(dock, model, run):
    first = run(dock)
    said = dock.results.answer.head.text()
    (sites,) = (layer for layer in model.layers if layer.name == "wsi-scale sites")
    for wrong, put_right in (
        (lambda: dock.slide.mpp_line.setText("a quarter"), lambda: dock.slide.mpp_line.clear()),
        (lambda: dock.network.combo.setEditText("no_such_network"), lambda: None),
    ):
        assert "of the run before" not in dock.running.words.text()
        wrong()
        dock.running.run.click()
        run(dock)
        assert not dock.error.isHidden()
        assert dock.results.result is first
        assert dock.results.answer.head.text() == said
        assert dock.results.isEnabled()
        assert len(sites.data) == 6
        assert sites in model.layers
        put_right()
    assert dock.running.words.text().endswith("the answer below is of the run before")


def test_a_sample_of_drawn_figures_asks_the_network_that_fits(dock, model):
    from wsi_scale_napari import samples

    mine = dock.network.spec
    ((levels, options, _),) = samples.figures()
    model.add_image(levels, **options)
    assert dock.network.spec == "figures"
    dock.slide.layers.choose(model.layers["discs.tiff"])
    assert dock.network.spec == mine


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("mpp is wrong; for example --mpp 0.25", "for example 0.25 in the field µm/px"),
        ("try a wider range with --scales", "with “scales” under Sampling"),
        ("run again with --free-colour; or not", "“stain” under Sampling; or not"),
        ("use --reader openslide", "--reader (command line only)"),
        (
            "to use it anyway, add stain=none to the network's SPEC",
            "add ?stain=none to the name in the field Network",
        ),
        ("if you know it, give it with --mpp", "type it into the field µm/px"),
        ("wrong, so leave out --mpp", "leave the field µm/px empty"),
        ("it is empty; see wsi-scale networks", "see the tip of the field Network"),
    ],
)
def test_an_error_names_the_docks_own_controls_and_is_whole(dock, said, shown):
    from wsi_scale.errors import SettingsError
    from wsi_scale_napari.work import explain_failure

    dock.error.tell(explain_failure(SettingsError(said)))
    assert shown in dock.error.sentence.text()
    assert "SPEC" not in dock.error.sentence.text()
    assert dock.error.remedy.isHidden()


def test_nothing_jumps_when_a_run_ends(dock, run, app):
    dock.parent().resize(420, 900)
    dock.parent().show()
    app.processEvents()
    before = dock.running.sizeHint().height()
    run(dock)
    app.processEvents()
    assert dock.running.sizeHint().height() == before


def test_pixels_of_16_bit_are_refused_at_once(make_dock, model):
    model.add_image(np.zeros((600, 800), np.uint16), name="deep")
    dock = make_dock(model, QUICK)
    assert "8 bit" in dock.slide.about.text()
    dock.run()
    assert dock.work is None
    assert "uint16" in dock.error.sentence.text()


def test_another_slide_is_next_and_its_old_error_is_gone(dock, model):
    dock.slide.mpp_line.setText("x")
    dock.run()
    assert not dock.error.isHidden()
    model.add_image(disc_image(9), **BARE)
    assert dock.slide.layer == model.layers["bare"]
    assert dock.error.isHidden()


def test_every_input_says_what_it_is(dock):
    for widget in dock.sampling.form:
        assert len(widget.tooltip) > 20, widget.name
    for part in (dock.slide.combo, dock.slide.mpp_line, dock.network.combo, dock.region.combo):
        assert part.toolTip()


def test_inputs_are_remembered_and_defaults_restored(dock, make_dock, model, run, memory):
    dock.sampling.form.seed.value = 7
    dock.sampling.form.precision.value = 0.25
    dock.sampling.form.profile.line_edit.value = "none.safetensors"
    dock.sampling.form.colour_fit.value = False
    run(dock)
    assert json.loads(memory.read_text())["seed"] == 7
    from wsi_scale_napari.dock import OptimalScale

    again = OptimalScale(model)
    try:
        assert again.network.spec == QUICK
        assert again.sampling.settings() == dock.sampling.settings()
        assert again.sampling.settings().profile == "none.safetensors"
        assert "seed" in again.sampling.cost.text()
        again.sampling.restore.click()
        assert again.network.spec == "histology"
        assert (
            again.sampling.settings().model_dump() == type(dock.sampling.settings())().model_dump()
        )
        assert "changed" not in again.sampling.cost.text()
    finally:
        again.shut()
        again.deleteLater()


@pytest.mark.parametrize("state", ["start", "done", "error"])
def test_every_button_can_be_reached_in_a_small_window(dock, run, app, state):
    from qtpy.QtWidgets import QPushButton

    from wsi_scale_napari.column import Column

    dock.parent().resize(400, 640)
    dock.parent().show()
    if state == "error":
        dock.slide.mpp_line.setText("x")
    dock.run() if state == "error" else run(dock) if state == "done" else None
    for fold in (dock.fold, dock.sampling.fold, dock.results.answer.fold):
        fold.unfold()
    app.processEvents()
    column = dock.findChild(Column)
    for button in column.findChildren(QPushButton):
        if not button.isVisibleTo(column):
            continue
        column.ensureWidgetVisible(button)
        app.processEvents()
        assert button.visibleRegion().boundingRect().size() == button.size(), button.text()


def test_a_line_along_a_known_length_gives_the_pixel_size(dock, model, run, app, wait):
    dock.slide.line.click()
    (drawn,) = (layer for layer in model.layers if layer.name == "wsi-scale line")
    assert drawn.mode == "add_line"
    assert not dock.slide.ruled.use.isEnabled()
    drawn.add_lines(np.array([[100, 200], [400, 600]]))  # 500 px, whatever the slide states
    assert dock.slide.ruled.about.text() == "500 px ="
    dock.slide.ruled.um.value = 200
    dock.slide.ruled.use.click()
    assert "wsi-scale line" not in model.layers
    assert dock.slide.mpp == pytest.approx(0.4)
    report = run(dock).report
    assert report.slide.mpp == pytest.approx((0.4, 0.4))
    saved = Report.from_json(report.to_json()).provenance.settings
    assert saved["mpp_from"] == "a line of 500.0 px drawn along 200 µm"
    dock.results.use.cli.click()
    assert "--mpp-from" in app.clipboard().text()
    dock.slide.mpp_line.setText("0.3")
    assert dock.slide.mpp_from is None


def test_the_legend_and_the_rectangles_have_the_same_colours_and_grey_is_one(dock, model, run):
    from wsi_scale_napari.colours import WAITING, _hex

    run(dock)
    assert _hex(WAITING) in dock.results.key.text()
    assert "background" not in dock.results.key.styleSheet()  # the theme's
    (sites,) = (layer for layer in model.layers if layer.name == "wsi-scale sites")
    model.scene.camera.zoom = 0.001
    dock.results.plot.site_chosen.emit(2)
    for corners, edge in zip(sites.data, sites.edge_width, strict=True):
        assert edge <= 1.01 * max(0.2 * np.ptp(corners[:, 0]), 1000 / 0.5)


def test_hovering_text_is_clear_of_the_names_of_levels(dock, run):
    plot = dock.results.plot
    run(dock)
    assert plot.axes.top - 7 - 8 >= 9 + 8  # two rows of 16 px


def test_another_slide_opens_the_inputs_which_say_what_is_measured_next(dock, model, run):
    run(dock)
    assert not dock.fold.title.isChecked()
    dock.slide.mpp_line.setText("0.5")
    dock.slide.mpp_line.editingFinished.emit()
    assert not dock.fold.title.isChecked(), "still the same slide"
    model.add_image(disc_image(9), **BARE)
    assert dock.fold.title.isChecked()


def test_what_a_button_says_is_scrolled_to(dock, run, wait, tmp_path):
    from wsi_scale_napari.column import Column

    dock.parent().resize(400, 500)
    dock.parent().show()
    run(dock)
    column = dock.findChild(Column)

    def seen(part):
        top = part.mapTo(column.viewport(), part.rect().topLeft()).y()
        return not part.isHidden() and top >= -1 and top < column.viewport().height()

    column.verticalScrollBar().setValue(0)
    assert not seen(dock.results.use.export)
    dock.results.use.json.click()
    wait(lambda: seen(dock.results.said))
    dock.results.export_to(tmp_path / "a.txt")
    wait(lambda: seen(dock.error))


def test_an_old_verdict_is_grey_while_a_new_run_begins(dock, run, app):
    dock.parent().show()
    run(dock)
    head = dock.results.answer.head
    app.processEvents()
    assert head.grab().toImage().pixelColor(4, head.height() // 2).name() != "#4a5568"
    dock.results.setEnabled(False)
    app.processEvents()
    assert head.grab().toImage().pixelColor(4, head.height() // 2).name() == "#4a5568"


def test_the_legend_explains_rectangles_that_stay_grey(dock, run):
    from dataclasses import replace

    run(dock)
    state = dock.shown
    grey = tuple(replace(field, scale=None) for field in state.fields)
    dock.results.show_state(replace(state, fields=grey))
    assert "finer" not in dock.results.key.text()
    assert "of the whole slide" in dock.results.key.text()
    dock.results.show_state(state)
    assert "finer" in dock.results.key.text()


def test_the_answer_has_a_line_for_each_subject(dock, run):
    from wsi_scale.render.sentence import explain
    from wsi_scale_napari.answer_box import meaning

    report = run(dock).report
    said = meaning(report)
    assert said.count("\n") >= 1
    assert explain(report) in said.replace("\n", " ")
