"""A report's own command line gives the report again."""

import json
import shlex

import pytest

from wsi_scale import cli
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.render.command import command
from wsi_scale.render.site_tables import sites_csv, sites_geojson
from wsi_scale.slide.readers import open_slide
from wsi_scale.testing import disc_image

SLIDE = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"


@pytest.fixture(scope="module")
def asked():
    odd = {"scales": (0.9, 4.123456789012345), "per_octave": 2.5, "region": "10,20.25,1400,1100"}
    return Settings(sites=4, seed=3, mpp=1 / 3, dense=True, colour_fit=False, **odd)


@pytest.fixture(scope="module")
def report(asked):
    return estimate_slide(SLIDE, "figures", asked)


def test_the_command_gives_the_same_json(report, asked, tmp_path):
    line = command(report, asked, json=str(tmp_path / "it's here.json"))
    program, *arguments = shlex.split(line)
    assert program == "wsi-scale"
    assert cli.run(arguments) in (0, 3)
    again = json.loads((tmp_path / "it's here.json").read_text())
    first = json.loads(report.to_json())
    assert first.pop("provenance")["settings"] == again.pop("provenance")["settings"]
    assert again == first


def test_the_command_names_only_what_differs_from_the_defaults(report, asked):
    assert "--device" not in command(report, asked)
    assert "--estimator" not in command(report, asked)
    assert "--no-free-colour" in command(report, asked)
    assert command(report, asked, device="cpu").endswith("--device cpu")
    assert "--region 'my region.json'" in command(report, asked, region="my region.json")


def test_what_a_card_fills_in_is_not_named():
    """The card of the default network says how selective it is."""
    few = Settings(sites=3, scales=(0.5, 2))
    report = estimate_slide("synthetic:tissue?width=900&height=800&mpp=0.5", settings=few)
    assert report.provenance.settings["options"]["selective"] is not None
    line = f"wsi-scale estimate {shlex.quote(report.slide.path)} --network histology"
    assert command(report, few) == f"{line} --scales 0.5:2 --sites 3"


def test_an_array_has_no_command():
    with open_slide(disc_image(20)) as slide:
        of_array = estimate_slide(slide, "figures", Settings(sites=3, scales=(0.5, 2)))
    with pytest.raises(SettingsError, match="in memory"):
        command(of_array, Settings())


def test_a_setting_of_python_alone_has_no_command(report):
    with pytest.raises(SettingsError, match="resamples"):
        command(report, Settings(resamples=7))


def test_the_tables_hold_every_site(report):
    lines = sites_csv(report).splitlines()
    assert lines[0] == "x,y,scale,mpp,field_px"
    assert len(lines) == 1 + len(report.sites)
    for line, site in zip(lines[1:], report.sites, strict=True):
        assert float(line.split(",")[0]) == site.x
    features = json.loads(sites_geojson(report))["features"]
    for feature, site in zip(features, report.sites, strict=True):
        ring = feature["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert (ring[0][0] + ring[2][0]) / 2 == pytest.approx(site.x)
        assert ring[2][0] - ring[0][0] == pytest.approx(site.scale * report.network.input_size)
