"""OME-XML is understood as XML, image by image, and never expands anything."""

import time

import pytest

from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.ome_xml import parse_ome

NS = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
ONE = (
    '<OME xmlns="{ns}"><Image ID="Image:0" Name="HE"><Pixels SizeX="30" SizeY="20" {size}>'
    '<Channel ID="Channel:0:0" SamplesPerPixel="3"/></Pixels></Image></OME>'
)


def mpp_of(text, size=(30, 20)):
    return audit_metadata({"tiff.ImageDescription": text}, size).mpp


def one(x, unit):
    return ONE.format(
        ns=NS,
        size=f'PhysicalSizeX="{x}" PhysicalSizeXUnit="{unit}" '
        f'PhysicalSizeY="{x}" PhysicalSizeYUnit="{unit}"',
    )


@pytest.mark.parametrize(
    ("x", "unit"),
    [
        ("0.499", "&#181;m"),
        ("0.499", "&#xB5;m"),
        ("0.499", "µm"),
        ("0.499", "um"),
        ("499", "nm"),
        ("4.99e-4", "mm"),
        ("4.99E-05", "cm"),
        ("499000", "pm"),
        ("4990", "Å"),
        ("0.0000196456692913", "in"),
    ],
)
def test_a_pixel_size_counts_in_every_unit_of_ome(x, unit):
    assert mpp_of(one(x, unit)) == pytest.approx((0.499, 0.499))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"', "'"),
        lambda text: text.replace("<", "<ome:").replace("<ome:/", "</ome:").replace(":xmlns", ""),
        lambda text: f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a > b, edit <not> -->\n{text}',
        lambda text: f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}',
        lambda text: f"\ufeff\n{text}\n\0",
        lambda text: text.replace(" Physical", "\n\tPhysical").replace('="0', ' = "0'),
        lambda text: text.replace(f' xmlns="{NS}"', ""),
    ],
)
def test_how_the_xml_is_written_makes_no_difference(change):
    text = change(one("0.499", "µm"))
    if "<ome:" in text:
        text = text.replace("xmlns=", "xmlns:ome=")
    assert mpp_of(text) == (0.499, 0.499)


def two(first, second):
    sizes = [("macro", *first), ("scan", *second)]
    images = "".join(
        f'<Image Name="{name}"><Pixels SizeX="{w}" SizeY="{h}" PhysicalSizeX="{mpp}" '
        f'PhysicalSizeY="{mpp}"/></Image>'
        for name, w, h, mpp in sizes
    )
    return f'<OME xmlns="{NS}">{images}</OME>'


def test_each_image_keeps_its_own_pixel_size():
    text = two((24, 56, 16.4), (100, 90, 0.499))
    assert mpp_of(text, (100, 90)) == (0.499, 0.499)
    assert mpp_of(text, (24, 56)) == (16.4, 16.4)


def test_the_pixel_size_of_another_image_is_shown_and_not_used():
    audit = audit_metadata({"tiff.ImageDescription": two((24, 56, 16.4), (9, 9, 0.5))}, (9, 9))
    other = [found for found in audit.findings if found.says == "16.4 µm"]
    assert {found.status for found in other} == {"information"}
    assert other[0].note == "of another image, macro (24 × 56 px)"


def test_no_image_of_that_size_means_no_pixel_size():
    assert mpp_of(two((24, 56, 16.4), (100, 90, 0.499)), (512, 512)) is None


def test_an_image_cut_after_it_was_described_says_so():
    found = audit_metadata({"tiff.ImageDescription": one("0.499", "µm")}, (15, 10)).findings[0]
    assert (found.status, found.note) == ("used", "of an image of 30 × 20 px, not this")


def test_entities_are_refused_at_once():
    bomb = '<!ENTITY e0 "0.25">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)
    )
    text = f"<!DOCTYPE OME [{bomb}]>" + one("&e11;", "µm")
    started = time.monotonic()
    audit = audit_metadata({"tiff.ImageDescription": text})
    assert time.monotonic() - started < 1
    assert audit.mpp is None
    assert "declares entities" in audit.findings[0].note


def test_a_file_named_by_an_entity_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("0.25")
    declared = f'<!DOCTYPE OME [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
    assert mpp_of(declared + one("0.25", "µm")) is None


def test_what_stands_before_damage_counts_and_the_damage_is_told():
    audit = audit_metadata({"tiff.ImageDescription": one("0.499", "µm")[:-20]}, (30, 20))
    assert audit.mpp == (0.499, 0.499)
    assert any("its XML is damaged" in found.note for found in audit.findings)


@pytest.mark.parametrize("text", ["", "HOME", "<scn>OME</scn>", "<a><OME/></a>", "ImageJ=1.5\nOME"])
def test_other_texts_are_no_ome(text):
    assert parse_ome(text) is None


def test_nesting_a_million_deep_does_no_harm():
    assert "damaged" in parse_ome("<OME>" + "<a>" * 1_000_000).fault


@pytest.mark.parametrize(
    ("unit", "resolution"),
    [
        ("mm", "2004.00801603206"),
        ("nm", "0.00200400801603206"),
        ("cm", "20040.0801603206"),
        ("inch", "50901.8036072144"),
        ("micron", "2.00400801603206"),
        (r"\u00B5m", "2.00400801603206"),
        ("um", "2.00400801603206"),
        ("µm", "2.00400801603206"),
    ],
)
def test_fiji_counts_in_the_unit_of_its_description(unit, resolution):
    text = f"ImageJ=1.54f\nimages=1\nunit={unit}\nmin=0.0\nmax=255.0\n"
    tags = {"tiff.XResolution": resolution, "tiff.YResolution": resolution}
    found = audit_metadata(tags | {"tiff.ResolutionUnit": "none", "tiff.ImageDescription": text})
    assert found.mpp == pytest.approx((0.499, 0.499))


def test_fiji_may_state_another_unit_down_the_image():
    text = "ImageJ=1.54f\nunit=mm\nyunit=micron\n"
    tags = {"tiff.XResolution": "2000", "tiff.YResolution": "4"}
    found = audit_metadata(tags | {"tiff.ResolutionUnit": "none", "tiff.ImageDescription": text})
    assert found.mpp == pytest.approx((0.5, 0.25))
