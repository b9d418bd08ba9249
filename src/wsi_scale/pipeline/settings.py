"""Every knob of a run: frozen, validated, unknown keys refused."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import NO_REFERENCE, Options, all_estimators, seeks_coarse_to_fine
from wsi_scale.geometry import check_ends

DEFAULT_NETWORK = "histology"
"""SPEC of the network that is asked where none is named."""

MAX_OCTAVES = 24
"""No slide has more: 2²⁴ patches of 96 px are 1.6 billion px wide."""


class Settings(BaseModel):
    """How one slide is asked. Build with ``make_settings`` to get one-sentence errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: str = "auto"
    """``auto`` or the name of an estimator."""
    target: str | None = None
    """Class (name or number) whose score is looked at; None: the predicted one."""
    scales: tuple[float, float] = (0.5, 16.0)
    """LO, HI of the window in level-0 px per network px; HI drops to what fits the slide."""
    per_octave: float = Field(8, gt=0, le=64)
    """Scales per octave, at least."""
    dense: bool = False
    """Measure every scale of the grid; else only some of them and those around the best."""
    sites: int = Field(46, ge=1, le=10_000)
    """Scale pyramids to cut; with ``precision`` the most. 46 at the 10 scales that a default window
    needs as a rule are a tenth of the thesis's 50 at 95, and answer as well."""
    precision: float | None = None
    """Look at no more sites once the interval reaches at most this share of the answer above and
    below it: 0.1 is 10 %; None: look at all."""
    region: str | None = None
    """GeoJSON file or 'x,y,w,h' in level-0 px; None: all tissue."""
    mpp: float | None = None
    """µm per level-0 pixel, wins over the slide's own and is recorded as given."""
    reader: str | None = None
    """Reader to force; None picks."""
    layers: tuple[str, ...] | None = None
    """Names or patterns of network layers; None: those of the card, or the defaults."""
    profile: str | None = None
    """File of ``wsi-scale calibrate`` for this network; None: that of the network's card, if it
    names one."""
    seed: int = Field(0, ge=0)
    interval_level: float = Field(0.9, gt=0, lt=1)
    """Share of bootstrap resamples inside the interval."""
    resamples: int = Field(200, ge=0, le=100_000)
    """Bootstrap resamples of the sites."""
    batch_size: int = Field(32, ge=1)
    """Patches in one forward pass; bounds memory, does not change the answer."""
    as_is_sites: int = Field(8, ge=0, le=46)
    """Sites, at most, at which reading native levels as they are is tried once the answer is ok; 0:
    none."""
    trust_metadata: bool = False
    """Look only within a factor of two of the scale that the µm/px of slide and network expect."""
    colour_fit: bool | None = None
    """Measure every patch also in the colours that come closest to the training data; None: as the
    network's card says."""
    options: Options = Options()
    """Knobs of single estimators."""

    @field_validator("estimator")
    @classmethod
    def _estimator_exists(cls, value: str) -> str:
        if value != "auto" and value not in all_estimators():
            known = ", ".join(["auto", *all_estimators()])
            raise ValueError(f"unknown estimator {value!r}; there are {known}")
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
                "precision is a share of the answer between 0 and 1, for example 0.1 for 10 % "
                f"above and below it, got {value:g}"
            )
        return value

    @field_validator("mpp")
    @classmethod
    def _mpp_is_a_length(cls, value: float | None) -> float | None:
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"mpp is a length above 0 µm, got {value}; for example --mpp 0.25")
        return value

    @model_validator(mode="after")
    def _window_is_wide_enough(self) -> Self:
        lo, hi = self.scales
        try:
            check_ends(lo, hi)
        except SettingsError as error:
            raise ValueError(str(error)) from None  # pydantic gathers only ValueErrors
        if math.log2(hi / lo) > MAX_OCTAVES:
            raise ValueError(f"scales {lo:g}:{hi:g} span over {MAX_OCTAVES} octaves; narrow them")
        if hi / lo < 2:
            raise ValueError(f"scales {lo:g}:{hi:g} span less than an octave; HI must be 2 × LO")
        return self

    @property
    def coarse_to_fine(self) -> bool:
        """Whether the scales around the best of a few will do: unless all are asked for, or the
        estimator needs all."""
        named = all_estimators().get(self.estimator)
        return not self.dense and (named is None or seeks_coarse_to_fine(named))


def make_settings(**values: Any) -> Settings:
    """Settings from keywords. Raises SettingsError, one sentence, for what cannot be used."""
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise SettingsError(str(first["ctx"]["error"])) from None
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Settings.model_fields)
            raise SettingsError(f"unknown setting {name!r}; there are {known}") from None
        message = first["msg"].replace("Input should", "must", 1)
        raise SettingsError(f"{name} {message}, got {first['input']!r}") from None
