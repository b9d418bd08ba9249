"""The card: what a network is and how to feed it. A TOML file that travels with the weights."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.wording import listed, shortened

Scaling = Literal["unit", "byte", "standardise", "stretch"]
Activation = Literal["softmax", "sigmoid", "none"]
Task = Literal["classify", "segment"]


_LONGEST = 1 << 20  # bytes of a card file
_LONGEST_TEXT = 1000


class Card(BaseModel):
    """What is known about a network. A missing key is found out or takes its default.

    ``docs/cards.md`` shows a whole card. Values are validated; unknown keys are refused.

    Examples
    --------
    >>> from wsi_scale.networks import Card
    >>> card = Card(name="nuclei", task="segment", mean=0.5, std=(0.2, 0.2, 0.2))
    >>> card.mean, card.scaling, card.training_mpp
    ((0.5,), 'unit', None)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    """What people call the network; if empty, the SPEC."""
    description: str = ""
    source: str = ""
    """A SPEC, or a TorchScript or ``.pt2`` file relative to the card."""
    weights: str | None = None
    """Weights file, relative to the card."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the weights file, or of the TorchScript or ``.pt2`` file; checked if given."""
    input_size: int | None = Field(default=None, ge=1)
    """Side of the patch in px; None: any multiple of the stride."""
    stride: int | None = Field(default=None, ge=1)
    """Patch sides must be multiples of this many px; None: 32 if a trial run accepts it."""
    channels: Literal[1, 3] | None = None
    """3 = RGB, 1 = grey (BT.601 luminance); None: what the first convolution takes."""
    scaling: Scaling = "unit"
    """``unit``: 0–1; ``byte``: 0–255; ``standardise``: mean 0, std 1 per patch and channel;
    ``stretch``: ``percentiles`` to 0 and 1 per patch and channel."""
    percentiles: tuple[float, float] = (0.0, 100.0)
    """Percentiles that ``stretch`` takes to 0 and 1."""
    together: bool = False
    """Whether ``standardise`` and ``stretch`` treat all channels of a patch as one."""
    mean: tuple[float, ...] | None = None
    """Subtracted after scaling; one number or one per channel."""
    std: tuple[float, ...] | None = None
    """Divisor after the mean is subtracted; one number or one per channel, above 0."""
    activation: Activation | None = None
    """Turns logits into probabilities; None: softmax, or sigmoid for a single class."""
    output: Literal["logits", "probabilities"] = "logits"
    """What the network itself returns; logits are recovered from probabilities."""
    task: Task | None = None
    """None: found out. A 4-D output means ``segment``, a 2-D one ``classify``."""
    layers: tuple[str, ...] = ()
    """Names or patterns of the layers to measure; empty: chosen by the network's structure."""
    classes: tuple[str, ...] | None = None
    background: int | None = Field(default=None, ge=-1)
    """Index of a segmenter's background class, -1 = none; None: the class called background,
    else 0 with softmax."""
    training_mpp: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """µm per network px in training."""
    training_scale: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Level-0 px per network px in training."""
    stain: Literal["H&E"] | None = None
    """Stain of the training images; sites and slides that cannot have it are refused. ``HE`` means
    the same; a SPEC's query needs it, because there ``&`` separates the keys."""
    statistics: Literal["settled", "stale"] | None = None
    """Whether the BatchNorm statistics belong to the weights. ``stale``: the learning rate never
    fell, or the weights were averaged and the statistics were not recomputed. None: judged from
    the checkpoint."""
    profile: str | None = None
    """Calibration profile, relative to the card."""
    selective: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Set only for a segmenter that was trained to find nothing at scales other than its own: the
    octaves within which the scale read from how much it finds is right on nine of ten slides."""
    free_colour: bool = False
    """Whether to fit stain away first by default, because it differs so much between slides."""
    license: str = ""
    training: dict[str, Any] = {}
    """Free text and numbers: recipe, seed, data."""
    _trusted: bool = PrivateAttr(default=False)

    @property
    def is_trusted(self) -> bool:
        """Whether the user trusts its ``source`` to run code; no card file can say so itself."""
        return self._trusted

    def trust(self, wanted: bool) -> Card:
        """A copy that is trusted to run code, or not."""
        copy = self.model_copy()
        copy._trusted = wanted
        return copy

    @field_validator("mean", "std", "layers", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(","))
        return (value,) if isinstance(value, int | float) else value

    @field_validator("stain", mode="before")
    @classmethod
    def _he_is_short(cls, value: object) -> object:
        return "H&E" if value == "HE" else value

    @field_validator("mean", "std")
    @classmethod
    def _one_or_three(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and len(value) not in (1, 3):
            raise ValueError(f"give one number or one per channel, not {len(value)}")
        return value

    @field_validator("percentiles")
    @classmethod
    def _rising(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] < value[1] <= 100:
            raise ValueError("give two rising numbers from 0 to 100")
        return value

    @field_validator("name", "source", "weights", "profile", "classes", "layers")
    @classmethod
    def _is_plain(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for text in (value,) if isinstance(value, str) else value or ():
            if len(text) > _LONGEST_TEXT or not text.isprintable():
                raise ValueError(f"give at most {_LONGEST_TEXT} characters, all printable")
        return value

    @field_validator("std")
    @classmethod
    def _above_zero(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and min(value) <= 0:
            raise ValueError("must be above 0")
        return value

    def with_known(self, defaults: Mapping[str, Any]) -> Card:
        """This card, with defaults for the keys it does not set.

        Parameters
        ----------
        defaults : Mapping[str, Any]
            Values by key; not validated.

        Returns
        -------
        Card
            A new card; keys that this card sets keep their values.

        Examples
        --------
        >>> Card(name="nuclei").with_known({"name": "other", "task": "segment"}).name
        'nuclei'
        """
        known = {key: v for key, v in defaults.items() if key not in self.model_fields_set}
        return self.model_copy(update=known)


def make_card(values: Mapping[str, Any], where: str) -> Card:
    """A card from plain values. Raises NetworkError naming ``where`` and the first bad key."""
    try:
        return Card.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise NetworkError(
                f"{where}: unknown key {shortened(key)}; choose from {', '.join(Card.model_fields)}"
            ) from error
        says = first["msg"].removeprefix("Value error, ")
        raise NetworkError(f"{where}: {key} = {shortened(first['input'])}: {says}") from error


def override(card: Card, changes: Mapping[str, Any], where: str) -> Card:
    """The card with some keys replaced, validated."""
    return make_card({**card.model_dump(exclude_unset=True), **changes}, where) if changes else card


def load_card(path: str | os.PathLike[str]) -> Card:
    """The card in a ``card.toml`` file.

    Parameters
    ----------
    path : str or os.PathLike[str]
        The TOML file.

    Returns
    -------
    Card
        With paths as the file writes them, relative to the card.

    Raises
    ------
    NetworkError
        When the file cannot be read, is not valid TOML, or has an unknown key or a bad value.

    Examples
    --------
    >>> from wsi_scale.networks import load_card
    >>> from wsi_scale.networks.shipped import FOLDER
    >>> card = load_card(FOLDER / "figures" / "card.toml")
    >>> card.task, card.training_scale
    ('classify', 5.0)
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LONGEST + 1)
    except OSError as error:
        raise NetworkError(f"cannot read the card {file}: {error.strerror or error}") from error
    if len(raw) > _LONGEST:
        raise NetworkError(
            f"{file} is larger than {_LONGEST >> 20} MiB, so it is no card; check the path"
        )
    with parsing(file, "valid TOML"):
        values = tomllib.loads(raw.decode("utf-8"))
    return make_card(values, str(file))


def name_classes(card: Card, count: int, where: str) -> tuple[str, ...]:
    """Names for ``count`` outputs. Raises NetworkError if the card lists a different number."""
    if card.classes is None:
        return tuple(f"class {i}" for i in range(count)) if count > 1 else ("foreground",)
    if len(card.classes) != count:
        raise NetworkError(
            f"{where} returns {count} classes but its card lists {len(card.classes)}: "
            f"{listed(card.classes)}; correct classes in the card"
        )
    return card.classes
