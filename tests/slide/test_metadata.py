"""What files state about their resolution: which statements are used and which are nonsense."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.errors import SettingsError
from wsi_scale.report import AuditEntry
from wsi_scale.slide.metadata import audit_metadata, check_mpp, overrule, plausible_mpp
from wsi_scale.slide.statements import resolution_from_tiff

APERIO = {
    "aperio.MPP": "0.4990",
    "aperio.AppMag": "20",
    "openslide.mpp-x": "0.499",
    "openslide.mpp-y": "0.499",
    "openslide.objective-power": "20",
}
DICOM = "dicom.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing"


def statuses(audit):
    return {finding.source: finding.status for finding in audit.findings}


@pytest.mark.parametrize(
    ("value", "mpp"),
    [
        ("0.4990", 0.499),
        (" 0,25 ", 0.25),
        (0.2281750559028887, 0.2281750559028887),
        (1, 1.0),
        ("10", 10.0),
        (None, None),
        ("", None),
        ("unknown", None),
        (0, None),
        (-0.25, None),
        ("nan", None),
        ("inf", None),
        (0.001, None),
        (499.0, None),
        (25400 / 72, None),
        (25400 / 96, None),
        (84.7, None),
        (42.33, None),
    ],
)
def test_a_resolution_counts_only_when_a_microscope_can_have_made_it(value, mpp):
    assert plausible_mpp(value) == mpp


@given(st.one_of(st.floats(), st.text(), st.none(), st.integers(), st.lists(st.floats())))
def test_any_value_at_all_is_a_plausible_number_or_none(value):
    mpp = plausible_mpp(value)
    assert mpp is None or 0.02 <= mpp <= 50


@pytest.mark.parametrize(
    ("resolution", "unit", "mpp"),
    [
        (20000, "centimeter", 0.5),
        ("43826", "CENTIMETER", 10000 / 43826),
        (25400, "inch", 1.0),
        (25400, 2, 1.0),
        (4000, "RESUNIT.MILLIMETER", 0.25),
        (2, "micrometer", 0.5),
        (20000, "none", None),
        (20000, 1, None),
        (0, "inch", None),
        ("x", "inch", None),
        (math.inf, "inch", None),
    ],
)
def test_tiff_resolutions_need_a_unit_of_length(resolution, unit, mpp):
    assert resolution_from_tiff(resolution, unit) == (None if mpp is None else pytest.approx(mpp))


def test_a_vendors_own_field_is_used_and_the_library_agrees():
    audit = audit_metadata(APERIO)
    assert audit.mpp == (0.499, 0.499)
    assert audit.mpp_source == "aperio.MPP"
    assert statuses(audit)["aperio.MPP"] == "used"
    assert statuses(audit)["openslide.mpp-x"] == "agrees"


def test_objective_power_is_information_and_never_a_resolution():
    audit = audit_metadata({"openslide.objective-power": "40", "hamamatsu.SourceLens": "40"})
    assert audit.mpp is None
    assert audit.objective_power == 40
    assert set(statuses(audit).values()) == {"information"}


@pytest.mark.parametrize("power", ["", "none", "0", "-20", "nan", "9000"])
def test_an_impossible_objective_power_is_missing(power):
    assert audit_metadata({"aperio.AppMag": power}).objective_power is None


def test_disagreement_is_shown():
    audit = audit_metadata(APERIO | {"tiff.XResolution": "40000", "tiff.ResolutionUnit": "px"})
    assert statuses(audit)["tiff.XResolution"] == "nonsense"
    audit = audit_metadata(
        APERIO | {"tiff.XResolution": "40000", "tiff.ResolutionUnit": "centimeter"}
    )
    assert statuses(audit)["tiff.XResolution"] == "conflicts"
    assert audit.mpp == (0.499, 0.499)


def test_print_resolutions_mean_missing_and_say_why():
    audit = audit_metadata({"openslide.mpp-x": "352.7778", "openslide.mpp-y": "352.7778"})
    assert audit.mpp is None
    assert audit.mpp_source is None
    assert audit.findings[0].status == "nonsense"
    assert "72 dpi" in audit.findings[0].note


def test_resolution_tags_count_where_openslide_ignores_them():
    tags = {"tiff.XResolution": "40000", "tiff.YResolution": "20000"}
    audit = audit_metadata(tags | {"tiff.ResolutionUnit": "centimeter"})
    assert audit.mpp == (0.25, 0.5)
    assert audit.mpp_source == "tiff.XResolution"


def test_dicom_states_the_spacing_of_rows_first_and_in_millimetres():
    audit = audit_metadata({f"{DICOM}[0]": "0.0005", f"{DICOM}[1]": "0.00025"})
    assert audit.mpp == pytest.approx((0.25, 0.5))
    assert audit.mpp_source == "dicom.PixelSpacing[1]"


@pytest.mark.parametrize(
    ("unit", "mpp"), [('PhysicalSizeXUnit="nm"', 0.00025), ('PhysicalSizeXUnit="µm"', 0.25)]
)
def test_ome_sizes_are_read_with_their_unit(unit, mpp):
    text = f'<OME><Image><Pixels PhysicalSizeX="0.25" {unit} PhysicalSizeY="0.25"/></Image></OME>'
    finding = audit_metadata({"tiff.ImageDescription": text}).findings[0]
    assert finding.source == "ome.PhysicalSizeX"
    assert finding.mpp == (mpp if mpp > 0.02 else None)


def test_ome_goes_before_the_tags_of_the_same_file():
    text = '<OME><Image><Pixels PhysicalSizeX="0.25" PhysicalSizeY="0.25"/></Image></OME>'
    audit = audit_metadata({"tiff.ImageDescription": text, "tiffslide.mpp-x": "1.0"})
    assert audit.mpp == (0.25, 0.25)
    assert statuses(audit)["tiffslide.mpp-x"] == "conflicts"


def test_ome_sizes_in_pixels_are_nonsense():
    text = '<OME><Image><Pixels PhysicalSizeX="1" PhysicalSizeXUnit="pixel"/></Image></OME>'
    assert audit_metadata({"tiff.ImageDescription": text}).findings[0].status == "nonsense"


def test_imagej_names_its_unit_in_the_description():
    said = {"tiff.XResolution": "2", "tiff.YResolution": "2", "tiff.ResolutionUnit": "none"}
    assert audit_metadata(said).mpp is None
    imagej = {"tiff.ImageDescription": "ImageJ=1.53\nunit=micron\n"}
    assert audit_metadata(said | imagej).mpp == (0.5, 0.5)


def test_free_text_is_the_last_resort():
    text = {"tiff.ImageDescription": "exported|AppMag = 40|MPP = 0.2527|Left = 1"}
    audit = audit_metadata(text)
    assert audit.mpp == (0.2527, 0.2527)
    assert audit.mpp_source == "ImageDescription"


def test_one_stated_axis_is_taken_for_both_and_the_finding_says_so():
    for axis in "xy":
        audit = audit_metadata({f"openslide.mpp-{axis}": "0.25"})
        assert audit.mpp == (0.25, 0.25)
        assert audit.mpp_source == f"openslide.mpp-{axis}"
        assert "square" in audit.findings[0].note


def test_a_file_that_says_nothing_has_no_resolution():
    assert audit_metadata({}) == (None, None, None, ())


def test_what_the_user_says_wins_and_the_file_stays_visible():
    findings = overrule(audit_metadata(APERIO).findings, (0.25, 0.25))
    assert [f.source for f in findings if f.status == "used"] == ["given"]
    own = next(f for f in findings if f.source == "aperio.MPP")
    assert (own.status, own.mpp, own.note) == ("conflicts", 0.499, "overruled by the given mpp")


@pytest.mark.parametrize(
    ("given", "pair"), [(None, None), (0.25, (0.25, 0.25)), ((0.5, 0.25), (0.5, 0.25))]
)
def test_a_given_mpp_becomes_a_pair(given, pair):
    assert check_mpp(given) == pair


@pytest.mark.parametrize("given", [0, -0.1, math.nan, math.inf, (0.5,), (0.5, -1), "abc"])
def test_a_given_mpp_must_be_above_zero(given):
    with pytest.raises(SettingsError, match=r"from 0\.0001 to 10000 µm per pixel"):
        check_mpp(given)


def test_findings_have_the_fields_of_the_reports_audit():
    for finding in audit_metadata(APERIO | {"tiff.XResolution": "28.3"}).findings:
        assert AuditEntry.model_validate(vars(finding)).model_dump() == vars(finding)


def test_an_objective_whose_usual_pixels_are_others_is_noted_and_nothing_else_changes():
    audit = audit_metadata(APERIO | {"aperio.AppMag": "40", "openslide.objective-power": "40"})
    notes = {x.source: x.note for x in audit.findings if x.status == "information"}
    assert audit.mpp == (0.499, 0.499)
    assert "40× usually means 0.115–0.275 µm/px" in notes["aperio.AppMag"]
    plain = audit_metadata(APERIO).findings
    assert {x.note for x in plain if x.status == "information"} == {
        "magnification, not a resolution"
    }
    given = {x.source: x.note for x in overrule(audit.findings, (0.25, 0.25))}
    assert given["aperio.AppMag"] == "magnification, not a resolution"
