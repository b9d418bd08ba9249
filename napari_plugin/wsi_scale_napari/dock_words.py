"""Sentences that name options of the command line, with the dock's own controls in their place."""

from __future__ import annotations

import re

from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.settings_fields import setting_fields

_CONTROLS = {
    f"--{field.name.replace('_', '-')}": f"“{field.words}” under Sampling"
    for field in setting_fields(Settings).values()
} | {
    "--free-colour": "“stain” under Sampling",
    "--device": "“device” under Sampling",
    "--mpp": "the field µm/px",
    "--network": "the field Network",
    "--network-mpp": "mpp: in the field Network",
    "--for": "for: in the field Network",
    "--region": "Region",
}
_SAID = {
    "add stain=none to the network's SPEC": "add ?stain=none to the name in the field Network",
    "give it with --mpp": "type it into the field µm/px",
    "leave out --mpp": "leave the field µm/px empty",
    "see wsi-scale networks": "see the tip of the field Network",
}
_NAMED = re.compile(r"(?:\bpass )?(--[a-z][a-z-]*)(?: (\d[\d.:,]*))?")


def in_dock(text: str) -> str:
    """The text as a person in the dock needs it. Options without a control here are said to be of
    the command line.

    >>> in_dock("for example --mpp 0.25")
    'for example 0.25 in the field µm/px'
    """

    def control(found: re.Match[str]) -> str:
        option, value = found.groups()
        name = _CONTROLS.get(option, f"{option} (command line only)")
        if value is not None:
            return f"{value} in {name}"
        return f"fill in {name}" if found[0].startswith("pass") else name

    for said, here in _SAID.items():
        text = text.replace(said, here)
    return _NAMED.sub(control, text)
