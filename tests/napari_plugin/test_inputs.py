"""One description of the inputs: the dock, the command line and other programs ask the same."""

import re
from typing import Annotated

import typer
from pydantic import Field
from typer.testing import CliRunner

from wsi_scale.cli.new_settings import with_new_settings
from wsi_scale.cli.options import settings_of, takes
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.settings_fields import InForm, setting_fields


class MoreSettings(Settings):
    """Settings as they might be tomorrow."""

    patience: int = Field(3, ge=1, le=9)
    """How long to wait for a slow slide."""
    ink: Annotated[float | None, InForm("ink left", "any", unit="µm")] = None
    """How much ink a mark may have."""


def test_a_new_setting_is_in_the_dock(app):
    from wsi_scale_napari.sampling_box import SamplingBox

    box = SamplingBox("auto", MoreSettings)
    patience = box.form.patience
    assert (patience.value, patience.min, patience.max) == (3, 1, 9)
    assert "How long to wait" in patience.tooltip
    assert box.form.ink.label == "ink left (µm)"
    assert box.settings().ink is None
    patience.value = 5
    box.form.ink.value = 2.5
    assert (box.settings().patience, box.settings().ink) == (5, 2.5)
    assert "patience" in box.cost.text()


def test_a_new_setting_is_on_the_command_line():
    made, app = [], typer.Typer(rich_markup_mode=None)  # as the commands themselves

    def keep(**given):
        made.append({k: given[k] for k in ("patience", "ink")})

    keep.__signature__ = __import__("inspect").signature(settings_of)

    @app.command()
    @takes(settings=with_new_settings(keep, MoreSettings))
    def measure(settings: object) -> None:
        """Measure."""

    shown = re.sub(r"[\s│]+", " ", CliRunner().invoke(app, ["--help"]).output)
    assert "--patience" in shown
    assert "How long to wait for a slow slide." in shown
    assert CliRunner().invoke(app, ["--patience", "7"]).exit_code == 0
    assert made == [{"patience": 7, "ink": None}]
    assert CliRunner().invoke(app, ["--patience", "10"]).exit_code == 2


def test_every_setting_says_what_it_is():
    for name, info in Settings.model_fields.items():
        assert info.description, name
    assert setting_fields(Settings)["sites"].default == 46


def test_the_inputs_can_be_put_into_another_program(viewer, slide_file, wait):
    from wsi_scale_napari.inputs import run_inputs
    from wsi_scale_napari.reader import read_layers
    from wsi_scale_napari.work import Work

    ((levels, options, _),) = read_layers(slide_file)
    layer = viewer.add_image(levels, **options)
    form = run_inputs()
    viewer.window.add_dock_widget(form)
    assert form.slide.value == layer
    form.network.value = "dock_networks:quick?input_size=32"
    form.sites.value = 4
    form.scales.value = (1.0, 4.0)
    form.mpp.value = "0.25"
    request = form()
    assert request.settings == Settings(sites=4, scales=(1, 4), mpp=0.25, ruler=True)
    work = Work(request)
    work.start()
    wait(lambda: work.state.ended)
    assert work.state.report.slide.path == slide_file
