"""Published models of histology: at which µm/px they want their patches, and who says so.

The facts stand in ``published.toml`` beside this file; docs/published.md shows them. No weights are
loaded and no torch is imported.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wsi_scale.errors import NetworkError

FACTS = Path(__file__).with_name("published.toml")
"""The file of facts."""

Figure = Literal[
    "mpps",
    "mpp_range",
    "patch_px",
    "resized_to_px",
    "objective_power",
    "diameter_px",
    "licence",
]
FIGURES: tuple[Figure, ...] = (
    "mpps",
    "mpp_range",
    "patch_px",
    "resized_to_px",
    "objective_power",
    "diameter_px",
    "licence",
)
"""What is given of a model and needs a source."""

_HUBS = ("timm:", "hf-hub:", "hf_hub:", "https://huggingface.co/", "https://github.com/")
_NEAREST = 3


class FactSource(BaseModel):
    """Who says something about a published model, where, and in which words.

    Examples
    --------
    >>> from wsi_scale.networks import find_published
    >>> said = find_published("h-optimus-0").sources[0]
    >>> said.about, said.confirmed
    (('mpps', 'patch_px'), True)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    """For example ``model card``, ``makers' README`` or the name of a registry."""
    kind: Literal["paper", "card", "registry", "code", "issue"]
    by_makers: bool = False
    """Whether those who made the model say it, or others who use it."""
    address: str
    about: tuple[Figure, ...]
    """The figures that it speaks of."""
    confirmed: bool
    """True: a stored copy of the text was read. False: known from memory only."""
    quote: str = ""
    """Its own words, at most 25; empty if not confirmed."""

    @model_validator(mode="after")
    def _quotes_what_was_read(self) -> Self:
        if self.confirmed != bool(self.quote):
            raise ValueError(f"{self.address}: a source has a quote if and only if it was read")
        return self


class PublishedModel(BaseModel):
    """A published model: what it wants to be shown, its licence, and who says so.

    Examples
    --------
    >>> from wsi_scale.networks import find_published
    >>> model = find_published("virchow2")
    >>> model.mpps, model.mpp, model.patch_px
    ((0.25, 0.5, 1.0, 2.0), None, 224)
    >>> model.why_no_single_mpp
    'Virchow2 is published with several µm/px (0.25, 0.5, 1, 2), so one of them must be chosen'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    aliases: tuple[str, ...] = ()
    task: Literal["encode", "encode slides", "classify", "segment", "detect"]
    mpps: tuple[float, ...] = ()
    """µm/px of the patches it wants, several if it was trained at several or if sources differ;
    empty if no source states µm/px."""
    mpp_range: tuple[float, float] | None = None
    """µm/px within which its makers run it as it is."""
    patch_px: int | None = Field(default=None, ge=1)
    """Side of a patch at that µm/px, in px."""
    resized_to_px: int | None = Field(default=None, ge=1)
    """Side to which the model's own preparation resizes the patch; None: none is known."""
    objective_power: float | None = Field(default=None, gt=0)
    """Nominal magnification that a source names, such as 20. It is no µm/px."""
    diameter_px: float | None = Field(default=None, gt=0)
    """Size of an object, in px, for a model that wants that in place of a µm/px."""
    licence: str = ""
    """Of the weights; empty if no source was found."""
    sources: tuple[FactSource, ...]
    note: str = ""
    contradiction: str = ""
    """Where sources differ: which says what."""

    @model_validator(mode="after")
    def _every_figure_has_a_source(self) -> Self:
        named = {figure for source in self.sources for figure in source.about}
        bare = [figure for figure in self.figures if figure not in named]
        if bare or not self.sources:
            raise ValueError(f"{self.name}: no source for {', '.join(bare) or 'anything'}")
        return self

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that are given."""
        return tuple(figure for figure in FIGURES if getattr(self, figure) not in ((), None, ""))

    @property
    def unconfirmed(self) -> tuple[Figure, ...]:
        """The given figures that no text which was read states."""
        read = {figure for source in self.sources if source.confirmed for figure in source.about}
        return tuple(figure for figure in self.figures if figure not in read)

    @property
    def mpp(self) -> float | None:
        """The µm/px it wants, None if it is published with several or with none."""
        return self.mpps[0] if len(self.mpps) == 1 else None

    @property
    def input_mpp(self) -> float | None:
        """µm per px of what reaches its first layer: ``mpp``, and larger or smaller if the model's
        own preparation resizes the patch.

        >>> round(find_published("uni").input_mpp, 3)
        0.571
        """
        if self.mpp is None or self.patch_px is None or self.resized_to_px is None:
            return self.mpp
        return self.mpp * self.patch_px / self.resized_to_px

    @property
    def why_no_single_mpp(self) -> str:
        """A sentence, without its full stop, on why ``mpp`` is None; empty if it is not."""
        if self.mpp is not None:
            return ""
        if self.mpps:
            several = ", ".join(f"{mpp:g}" for mpp in self.mpps)
            return (
                f"{self.name} is published with several µm/px ({several}), so one of them must be "
                "chosen"
            )
        if self.diameter_px is not None:
            return (
                f"{self.name} wants objects that are {self.diameter_px:g} px across, whatever the "
                "µm/px"
            )
        if self.objective_power is not None:
            return (
                f"of {self.name} only {self.objective_power:g}× is published, which is no µm/px: "
                "slides of one magnification differ by a factor of two"
            )
        return f"no source that was read states µm/px for {self.name}"


@cache
def all_published() -> tuple[PublishedModel, ...]:
    """All published models that are known.

    Returns
    -------
    tuple[PublishedModel, ...]
        In the order of the file: encoders of patches, nuclei and cells, classifiers, tissue.

    Examples
    --------
    >>> from wsi_scale.networks import all_published
    >>> [model.name for model in all_published()][:3]
    ['UNI', 'UNI2-h', 'CONCH']
    """
    facts = tomllib.loads(FACTS.read_text(encoding="utf-8"))
    return tuple(_model(values, facts["place"]) for values in facts["model"])


def _model(values: Mapping[str, Any], places: Mapping[str, Any]) -> PublishedModel:
    sources = [_source(said, places) for said in values["sources"]]
    return PublishedModel.model_validate({**values, "sources": sources})


def _source(said: Mapping[str, Any], places: Mapping[str, Any]) -> dict[str, Any]:
    """A source with the words of the place that it names; ``file`` ends the place's address."""
    own = {key: value for key, value in said.items() if key not in ("place", "file")}
    place = places[said["place"]]
    return {**place, **own, "address": place["address"] + said.get("file", "")}


def find_published(name: str) -> PublishedModel:
    """The published model of a name.

    Parameters
    ----------
    name : str
        A name or alias, such as ``uni2``, ``paige-ai/Virchow2`` or ``hf-hub:MahmoodLab/uni``. Case
        and punctuation do not matter.

    Returns
    -------
    PublishedModel

    Raises
    ------
    NetworkError
        When no model is called so; the sentence has the nearest names.

    Examples
    --------
    >>> from wsi_scale.networks import find_published
    >>> find_published("hf-hub:MahmoodLab/uni").mpp
    0.5
    """
    known = _by_plain_name()
    found = known.get(plain_name(name))
    if found is not None:
        return found
    near = ", ".join(_nearest(name, known))
    hint = f" (nearest: {near})" if near else ""
    raise NetworkError(
        f"no published model is called {name!r}{hint}; `wsi-scale networks --published` lists all; "
        "of any other network, give the µm/px that it wants (--network-mpp, SPEC mpp:X)"
    )


def is_published(name: str) -> bool:
    """Whether a published model is called so.

    >>> is_published("uni"), is_published("histology")
    (True, False)
    """
    return plain_name(name) in _by_plain_name()


def _nearest(name: str, known: Mapping[str, PublishedModel]) -> list[str]:
    """Names of the models that are spelled most like it, or whose name holds it."""
    plain = plain_name(name)
    spelled = get_close_matches(plain, known, n=2 * _NEAREST, cutoff=0.6)
    holding = [key for key in known if len(plain) > 2 and plain in key]
    names = dict.fromkeys(known[key].name for key in [*spelled, *holding])
    return list(names)[:_NEAREST]


@cache
def _by_plain_name() -> dict[str, PublishedModel]:
    return {
        plain_name(name): model
        for model in all_published()
        for name in (model.name, *model.aliases)
    }


def plain_name(name: str) -> str:
    """A name without case, punctuation and the hub it is found at.

    >>> plain_name("hf-hub:MahmoodLab/UNI2-h"), plain_name("CellViT++")
    ('mahmoodlabuni2h', 'cellvitplusplus')
    """
    plain = name.strip().lower()
    for hub in _HUBS:
        plain = plain.removeprefix(hub)
    return "".join(letter for letter in plain.replace("+", "plus") if letter.isalnum())
