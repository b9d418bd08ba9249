"""One file per tool that reads slides, found because it lies in this folder.

A target module declares

    NAME    the word after ``--for``
    TOOL    the tool's own name
    GIVES   what is written, as one clause for people
    NEEDS   what must be known of a slide: ``scale``, ``mpp`` (the slide's µm/px), both or none
    refuse(facts) -> str | None        optional: one sentence if this slide cannot be exported
    write(slides, left_out) -> str | dict[str, str]
                                       text, or texts by file name, for one or many ``Facts``;
                                       left_out: sentences about slides that are not among them

``docs/adding-an-export.md`` explains one step by step.
"""

from __future__ import annotations

import sys
from types import ModuleType

from wsi_scale.errors import SettingsError
from wsi_scale.plumbing.registry import modules_of


def all_targets() -> dict[str, ModuleType]:
    """Every target by name.

    >>> list(all_targets())[:3]
    ['atlaspatch', 'bioimageio', 'cellpose']
    """
    return modules_of(sys.modules[__name__])


def find_target(name: str) -> ModuleType:
    """The target of that name. Raises SettingsError, with the names there are.

    >>> find_target("trident").TOOL
    'TRIDENT'
    """
    known = all_targets()
    if name not in known:
        raise SettingsError(f"there is no export for {name!r}; choose from {', '.join(known)}")
    return known[name]
