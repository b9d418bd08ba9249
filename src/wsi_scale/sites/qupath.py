"""What QuPath writes into GeoJSON: classes of areas, and coordinates that begin at the bounds."""

from __future__ import annotations

from typing import Any, Literal

ORIGIN = "wsi_scale_origin"
"""Member of a FeatureCollection that wsi-scale wrote: ``level0`` or ``bounds``, from which its
coordinates count."""

_MARKS = ("objectType", "object_type", "classification")


def class_of(feature: dict[str, Any]) -> str | None:
    """The class of an area, such as ``Tumor`` or ``Tumor: Positive``; None if it has none.

    >>> class_of({"properties": {"classification": {"name": "Ignore*"}}})
    'Ignore*'
    """
    properties = feature.get("properties")
    stated = properties.get("classification") if isinstance(properties, dict) else None
    if isinstance(stated, dict):
        names = stated.get("names")
        stated = ": ".join(map(str, names)) if isinstance(names, list) else stated.get("name")
    return stated if isinstance(stated, str) and stated else None


def is_left_out(label: str | None) -> bool:
    """Whether QuPath leaves out areas of a class: one whose name, or a part of it, ends with *.

    ``Region*`` is the exception: it marks where to look.

    >>> [is_left_out(x) for x in ("Ignore*", "ignore", "Tumor: Ignore*", "Region*", "Tumor", None)]
    [True, True, True, False, False, False]
    """
    parts = [part.strip().lower() for part in (label or "").split(":")]
    return any(x == "ignore" or (x.endswith("*") and x != "region*") for x in parts)


def drawn_in(tree: Any) -> Literal["", "level0", "bounds", "QuPath"]:
    """From where the coordinates of GeoJSON count, as far as the file shows.

    ``level0`` or ``bounds`` if wsi-scale wrote it, ``QuPath`` if it has the members that QuPath
    gives its objects, else empty.
    """
    if isinstance(tree, dict):
        match tree.get(ORIGIN):
            case "level0":
                return "level0"
            case "bounds":
                return "bounds"
        if "wsi_scale_name" in tree:  # written before it said so
            return "level0"
        tree = tree.get("features", tree)
    for feature in tree if isinstance(tree, list) else [tree]:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict) and any(mark in properties for mark in _MARKS):
            return "QuPath"
    return ""
