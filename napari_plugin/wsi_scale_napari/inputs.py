"""Every input of a run, described once: magicgui makes widgets of it, for the dock and for others.

The settings come from ``Settings``: names, ranges, choices, units and tips.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from html import escape
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

from magicgui import magic_factory
from magicgui.widgets import Container, create_widget
from magicgui.widgets.bases import BaseContainerWidget
from napari.layers import Image, Shapes
from qtpy.QtWidgets import QComboBox

from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings, checked
from wsi_scale.pipeline.settings_fields import SettingField, setting_fields
from wsi_scale.slide.metadata import parse_mpp
from wsi_scale_napari.frame import region_file
from wsi_scale_napari.source import source_of
from wsi_scale_napari.work import Request

DEVICES = ("auto", "cpu", "cuda", "mps")
NETWORK_TIP = (
    "A bundled name, a card.toml, a TorchScript or .pt2 file, timm:…, smp:…, torchvision:…, or "
    "package.module:factory?weights=file.safetensors. If you only know its µm/px: mpp:0.5, or "
    "for:uni for a published model"
)
MPP_TIP = (
    "µm per pixel of the finest level, one number or X,Y. Overrides the value in the file. The "
    "scale is found without it too."
)
_MOST = 2**31 - 1
_SMALL = (QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon, 8)


def inputs(settings: type[Settings] = Settings) -> dict[str, Parameter]:
    """All inputs by name, as parameters that magicgui understands."""
    own: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "slide": (Image, None, {"tooltip": "A flat RGB or grey image of 8 bit, from any plugin"}),
        "mpp": (str, "", {"label": "µm/px", "tooltip": MPP_TIP}),
        "network": (str, DEFAULT_NETWORK, {"tooltip": NETWORK_TIP}),
        "region": (Shapes | None, None, {"tooltip": "Outlines to stay inside; none: all tissue"}),
        "device": (str, "auto", {"choices": DEVICES, "tooltip": "Where the network runs"}),
    }
    own |= {name: _asked(field) for name, field in setting_fields(settings).items()}
    return {name: _parameter(name, *what) for name, what in own.items()}


def _parameter(name: str, kind: Any, default: Any, options: dict[str, Any]) -> Parameter:
    from typing import Annotated

    options = options | {"tooltip": f"<p>{escape(options['tooltip'])}</p>"}
    default = Parameter.empty if default is None and kind is Image else default
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, options]
    )


def _asked(field: SettingField) -> tuple[Any, Any, dict[str, Any]]:
    """Type, default and options of one setting."""
    said, kind, default = field.asked, field.kind, field.default
    unit = f" ({said.unit})" if said.unit else ""
    options: dict[str, Any] = {"label": field.words + unit, "tooltip": field.tip or field.words}
    if said.choices is not None:
        options["choices"] = list(said.choices().items())
        return object, default, options | {"widget_type": "ComboBox"}
    if said.files:
        return Path, Path(), options | {"filter": said.files}
    step = {"step": said.step} if said.step else {}
    if kind is tuple:
        return (
            tuple[float, float],
            default,
            options | {"options": {"min": 0.001, "max": 4096.0, **step}},
        )
    if kind in (int, float):
        low, high = field.low or 0, _MOST if field.high is None else field.high
        options |= {"min": kind(low), "max": kind(high), **step}
    return kind, kind() if default is None else default, options


def make(name: str, settings: type[Settings] = Settings, **others: Any) -> Any:
    """The widget of one input. others: options that replace those described."""
    one = inputs(settings)[name]
    free = one.default is Parameter.empty or "choices" in others
    value = {} if free else {"value": one.default}
    widget = create_widget(name=name, annotation=one.annotation, options=others, **value)
    dress(widget, setting_fields(settings).get(name))
    return widget


def dress(widget: Any, field: SettingField | None) -> None:
    """What magicgui has no word for: parts explain themselves, and empty values say what they
    mean."""
    if isinstance(widget.native, QComboBox):
        widget.native.setSizeAdjustPolicy(_SMALL[0])
        widget.native.setMinimumContentsLength(_SMALL[1])
    for part in (widget, *(widget if isinstance(widget, BaseContainerWidget) else ())):
        part.tooltip = part.tooltip or widget.tooltip
        if hasattr(part.native, "setDecimals"):
            part.native.setDecimals(3)
    if field is not None and field.asked.empty:
        line = getattr(widget, "line_edit", widget).native
        for say in ("setPlaceholderText", "setSpecialValueText"):
            if hasattr(line, say):
                getattr(line, say)(field.asked.empty)


def form(names: Iterable[str], settings: type[Settings] = Settings) -> Any:
    """A form of these inputs."""
    made = Container(widgets=[make(name, settings) for name in names])
    made.margins = (0, 0, 0, 0)
    return made


def as_settings(values: dict[str, Any], settings: type[Settings] = Settings) -> Settings:
    """The values of a form as settings. Raises SettingsError for those that cannot be used."""
    fields = setting_fields(settings)
    meant = {
        name: _meant(fields[name], value) if name in fields else value
        for name, value in values.items()
    }
    return checked(settings, meant)


def _meant(field: SettingField, value: Any) -> Any:
    """The value as the setting wants it: an empty one is None where the setting may be."""
    if field.asked.files:
        value = "" if value in (None, Path()) else str(value)
    elif isinstance(value, str):
        value = value.strip()
    empty = field.optional and field.kind is not bool and not value
    return None if empty else value


def request_of(**values: Any) -> Request:
    """The run that these inputs ask for: ``Work(request)`` starts it."""
    slide, shapes = values.pop("slide"), values.pop("region")
    mpp, network, device = (values.pop(name) for name in ("mpp", "network", "device"))
    region = None if shapes is None else region_file(shapes, slide)
    settings = as_settings(
        values
        | {"mpp": parse_mpp(mpp) if mpp else None}
        | {"region": region, "region_origin": "auto" if region is None else "level0"}
    )
    return Request(source_of(slide), network, settings, device, slide.name)


request_of.__signature__ = Signature(list(inputs().values()))  # type: ignore[attr-defined]


def _dressed(gui: Any) -> None:
    for name, field in setting_fields(Settings).items():
        dress(gui[name], field)


run_inputs = magic_factory(request_of, call_button="Take", widget_init=_dressed)
"""Makes a widget with all inputs, for scripts and other plugins. Calling it, or its button, gives
a ``Request``."""


def read_remembered(path: Path) -> dict[str, Any]:
    """The inputs of the last session; none if there are none. JSON: a file is data, and magicgui's
    own way would unpickle it."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def remember(path: Path, values: dict[str, Any]) -> None:
    """Keep inputs for the next session, if the folder can be written to."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values, default=str), encoding="utf-8")
