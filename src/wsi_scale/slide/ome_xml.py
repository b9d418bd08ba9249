"""What OME-XML states about each of a file's images. The XML is data: no entity is expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

MOST_CHARACTERS = 1 << 26
"""Longer texts are not parsed; those of the largest plates are a tenth of this."""

_HEAD = 1 << 16
"""The outermost element begins within so many characters."""

_ENDS = "\ufeff\0 \t\r\n"


class OmeChannel(NamedTuple):
    """One channel of an image."""

    name: str
    """Empty if it has none."""
    fluorescent: bool
    """Whether a dye, a wavelength or fluorescence is stated for it."""


@dataclass(frozen=True)
class OmeImage:
    """One image of a file, as its metadata describe it."""

    name: str
    """Empty if it has none."""
    pixels: Mapping[str, str]
    """Attributes of its ``Pixels``: sizes, units, significant bits."""
    channels: list[OmeChannel] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, px; None if not stated."""
        try:
            return int(self.pixels["SizeX"]), int(self.pixels["SizeY"])
        except (KeyError, ValueError):
            return None

    @property
    def significant_bits(self) -> int | None:
        """Bits of a sample that are in use; None if not stated."""
        text = self.pixels.get("SignificantBits", "")
        return int(text) if re.fullmatch(r"\d{1,2}", text) else None


class OmeXml(NamedTuple):
    """The images of a file in order, and why some may be missing."""

    images: tuple[OmeImage, ...]
    fault: str = ""
    """Why the XML, or the rest of it, was not read; empty if all was."""


def parse_ome(text: str) -> OmeXml | None:
    """The images that OME-XML describes; None if the text is something else.

    Prefixes of namespaces and kinds of quotes make no difference. XML that declares entities is
    not read at all. Of damaged XML the part before the fault is.

    >>> parse_ome("<OME><Image><Pixels SizeX='3' SizeY='2'/></Image></OME>").images[0].size
    (3, 2)
    """
    text = text.strip(_ENDS)
    if not text.startswith("<") or "OME" not in text[:_HEAD]:
        return None
    if len(text) > MOST_CHARACTERS:
        return OmeXml((), f"its {len(text)} characters of XML are too many to read")
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except _OtherXmlError:
        return None
    except _DeclaresError:
        return OmeXml((), "its XML declares entities, which no microscope writes: it was not read")
    except expat.ExpatError as error:
        return OmeXml(tuple(reader.images), f"its XML is damaged ({error})")
    return OmeXml(tuple(reader.images))


class _OtherXmlError(Exception):
    """The outermost element is not OME."""


class _DeclaresError(Exception):
    """The XML declares an entity, which could stand for any amount of text or for a file."""


class _Reader:
    """Collects images while expat walks through the text."""

    def __init__(self) -> None:
        self.images: list[OmeImage] = []
        self._within: list[str] = []
        self._name = ""
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._declares

    def _declares(self, *_: object) -> None:
        raise _DeclaresError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2].rpartition(":")[2]
        if not self._within and tag != "OME":
            raise _OtherXmlError
        if self._within == ["OME"] and tag == "Image":
            self._name = attributes.get("Name", "")
        elif self._within == ["OME", "Image"] and tag == "Pixels":
            self.images.append(OmeImage(self._name, attributes))
        elif self._within == ["OME", "Image", "Pixels"] and tag == "Channel":
            self.images[-1].channels.append(_channel(attributes))
        self._within.append(tag)

    def _end(self, _: str) -> None:
        self._within.pop()


def _channel(attributes: Mapping[str, str]) -> OmeChannel:
    light = f"{attributes.get('ContrastMethod', '')} {attributes.get('IlluminationType', '')}"
    stated = {"Fluor", "EmissionWavelength", "ExcitationWavelength"} & attributes.keys()
    return OmeChannel(attributes.get("Name", ""), bool(stated) or "fluorescence" in light.lower())
