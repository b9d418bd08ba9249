"""The settings of a run: frozen, validated, unknown names refused."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import all_estimators, seeks_coarse_to_fine
from wsi_scale.estimators.contract import NO_REFERENCE, Options
from wsi_scale.geometry import check_ends
from wsi_scale.judgement.by_size import RULER
from wsi_scale.pipeline.settings_fields import InForm
from wsi_scale.sites.region_frame import Origin

DEFAULT_NETWORK = "histology"
"""SPEC of the network that is used if none is named."""

RegionOrigin = Origin
"""From where a region counts."""

MAX_OCTAVES = 24
"""No slide needs more: a patch of 96 px at scale 2²⁴ is 1.6 billion px wide."""


def estimator_names() -> tuple[str, ...]:
    """Names of all methods: ``auto``, the ruler's and each estimator's.

    >>> estimator_names()[:3]
    ('auto', 'ruler', 'recognition')
    """
    return ("auto", RULER, *all_estimators())


def _ready_estimators() -> dict[str, str]:
    """Methods that need nothing but a slide and a network, by name."""
    learns = {name for name, one in all_estimators().items() if getattr(one, "LEARNS", False)}
    return {name: name for name in estimator_names() if name not in learns}


_COLOURS = {"as the card says": None, "corrected first": True, "left as it is": False}
_NOT_ASKED = InForm(people=False)


class Settings(BaseModel):
    """How one slide is measured. ``make_settings`` builds one and gives one-sentence errors.

    Examples
    --------
    >>> Settings(sites=16).scales
    (0.5, 16.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    estimator: Annotated[str, InForm(choices=_ready_estimators)] = "auto"
    """``auto``, the name of an estimator, or ``ruler``: the network's known µm/px over the size of
    the slide's pixels."""
    target: Annotated[str | None, InForm("class", "the predicted one")] = None
    """Class (name or number) to measure; None: the predicted one."""
    scales: Annotated[tuple[float, float], InForm(step=0.5)] = (0.5, 16.0)
    """LO and HI of the window, both included, in level-0 px per network px; larger is coarser. HI
    is lowered to what fits the slide."""
    per_octave: float = Field(8, gt=0, le=64)
    """Scales per octave, at least."""
    dense: Annotated[bool, InForm("every scale")] = False
    """Measure every scale of the grid; else only a few, and those around the best."""
    sites: int = Field(46, ge=1, le=10_000)
    """Sites to visit, at most: a run stops earlier with ``precision``, where the answer's error is
    known from calibration and more sites would hardly narrow the interval, or where the scale
    follows from µm/px that the tissue confirms. Otherwise 46 sites at about 10 scales, a tenth of
    the thesis's 50 sites at 95 scales, which answer as well."""
    precision: Annotated[float | None, InForm(empty="all sites", step=0.05)] = None
    """Stop visiting sites once the interval lies within this share of the answer on both sides: 0.1
    is 10 %. None: visit all sites."""
    region: Annotated[str | None, _NOT_ASKED] = None
    """GeoJSON file or 'x,y,w,h' in level-0 px; None: all tissue."""
    region_origin: Origin = "auto"
    """From where the region counts: ``bounds``, the corner of the slide's bounds, as in QuPath;
    ``level0``; ``auto``: found out where it can be, with a warning, else level 0."""
    region_class: Annotated[str | None, _NOT_ASKED] = None
    """Only areas of this class of QuPath; None: all but those of class ``Ignore*``."""
    mpp: float | tuple[float, float] | None = None
    """µm per level-0 pixel, one number or (x, y). Overrides the value in the file and is recorded
    as given."""
    mpp_from: Annotated[str | None, _NOT_ASKED] = None
    """How ``mpp`` was found, in words, such as a line drawn along a scale bar. Only recorded."""
    reader: Annotated[str | None, _NOT_ASKED] = None
    """Name of the reader to use; None: choose by the file."""
    layers: tuple[str, ...] | None = None
    """Names or patterns of network layers; None: those in the card, or the defaults."""
    profile: Annotated[str | None, InForm(empty="of the card", files="*.safetensors")] = None
    """Profile file from ``wsi-scale calibrate``. None: the one the card names, if any."""
    seed: int = Field(0, ge=0)
    """Seed of all random choices. The same seed gives the same result."""
    interval_level: Annotated[float, _NOT_ASKED] = Field(0.9, gt=0, lt=1)
    """Share of cases that the interval should cover."""
    resamples: Annotated[int, _NOT_ASKED] = Field(200, ge=0, le=100_000)
    """Bootstrap resamples of the sites."""
    batch_size: int = Field(32, ge=1)
    """Patches in one forward pass, at most; halved if memory runs out. Limits memory; does not
    change the answer."""
    as_is_sites: Annotated[int, _NOT_ASKED] = Field(8, ge=0, le=46)
    """If the answer is ok, reading native levels without resizing is tried at up to this many
    sites; 0: not tried."""
    trust_metadata: bool = False
    """Search only within a factor of two of the scale expected from the µm/px of slide and
    network, and follow the slide's even where its tissue contradicts it."""
    ruler: bool = True
    """Read the size of the slide's pixels from its tissue too, and compare the metadata with it."""
    colour_fit: Annotated[bool | None, InForm("stain", choices=_COLOURS.copy)] = None
    """Measure every patch also in colours fitted to the training data; None: as the network's card
    says."""
    options: Options = Options()
    """Options of single estimators."""

    @field_validator("estimator")
    @classmethod
    def _estimator_exists(cls, value: str) -> str:
        if value not in estimator_names():
            known = ", ".join(estimator_names())
            raise ValueError(f"unknown estimator {value!r}; choose from {known}")
        return value

    @model_validator(mode="after")
    def _what_learns_has_something_to_learn_from(self) -> Self:
        learns = getattr(all_estimators().get(self.estimator), "LEARNS", False)
        if learns and self.options.reference is None:
            raise ValueError(f"estimator {self.estimator} cannot be used: {NO_REFERENCE}")
        return self

    @field_validator("precision")
    @classmethod
    def _precision_is_a_share(cls, value: float | None) -> float | None:
        if value is not None and not 0 < value < 1:
            raise ValueError(
                f"precision must be a share between 0 and 1, got {value:g}; for example 0.1 "
                "for 10 % above and below the answer"
            )
        return value

    @field_validator("mpp")
    @classmethod
    def _mpp_is_a_length(
        cls, value: float | tuple[float, float] | None
    ) -> float | tuple[float, float] | None:
        sides = value if isinstance(value, tuple) else () if value is None else (value,)
        if not all(math.isfinite(side) and side > 0 for side in sides):
            raise ValueError(f"mpp must be above 0 µm, got {value}; for example --mpp 0.25")
        return value

    @model_validator(mode="after")
    def _window_is_wide_enough(self) -> Self:
        lo, hi = self.scales
        try:
            check_ends(lo, hi)
        except SettingsError as error:
            raise ValueError(str(error)) from None  # pydantic gathers only ValueErrors
        if math.log2(hi / lo) > MAX_OCTAVES:
            raise ValueError(
                f"scales {lo:g}:{hi:g} span more than {MAX_OCTAVES} octaves; narrow the range"
            )
        if hi / lo < 2:
            raise ValueError(
                f"scales {lo:g}:{hi:g} span less than an octave; HI must be at least 2 × LO"
            )
        return self

    @property
    def coarse_to_fine(self) -> bool:
        """Whether to measure a few scales and those around the best: true unless ``dense`` is set
        or the estimator needs all scales."""
        named = all_estimators().get(self.estimator)
        return not self.dense and (named is None or seeks_coarse_to_fine(named))


AnySettings = TypeVar("AnySettings", bound=Settings)


def make_settings(**values: Any) -> Settings:
    """Settings from keywords, checked.

    Parameters
    ----------
    **values
        Fields of ``Settings`` by name.

    Returns
    -------
    Settings
        With defaults for everything not given.

    Raises
    ------
    SettingsError
        When a name is unknown or a value cannot be used; the message is one sentence.

    Examples
    --------
    >>> make_settings(sites=24, scales=(1, 8)).scales
    (1.0, 8.0)
    >>> make_settings(sites=0)
    Traceback (most recent call last):
    wsi_scale.errors.SettingsError: sites must be greater than or equal to 1, got 0
    """
    return checked(Settings, values)


def checked(kind: type[AnySettings], values: dict[str, Any]) -> AnySettings:
    """Settings of this class, like ``make_settings``.

    Examples
    --------
    >>> checked(Settings, {"sites": 24}).sites
    24
    """
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise SettingsError(str(first["ctx"]["error"])) from None
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(kind.model_fields)
            raise SettingsError(f"unknown setting {name!r}; choose from {known}") from None
        message = first["msg"].replace("Input should", "must", 1)
        raise SettingsError(f"{name} {message}, got {first['input']!r}") from None
