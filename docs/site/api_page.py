"""docs/api.md, which names everything public: ``python docs/site/api_page.py`` writes it.

Names that several rooms show stand once, where a
user meets them first.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

PAGE = Path(__file__).parents[1] / "api.md"

TOP = """# Every public name

<!-- made by docs/site/api_page.py -->

What `import wsi_scale` and its rooms show, in one line each. On the site, their \
whole docstrings follow below the tables; in the repository they stand in the source. \
[From Python](python.md) is the introduction. What is not named here may change without notice.

"""
FACES = {
    "wsi_scale": "What most people need",
    "wsi_scale.slide": "Slides and readers",
    "wsi_scale.sites": "Places on a slide",
    "wsi_scale.networks": "Networks",
    "wsi_scale.responses": "Responses",
    "wsi_scale.estimators": "Estimators",
    "wsi_scale.judgement": "From responses to a verdict",
    "wsi_scale.pixel_size": "The ruler",
    "wsi_scale.pipeline": "Estimates with progress",
    "wsi_scale.tiling": "Tiles",
    "wsi_scale.exports": "Into other tools",
    "wsi_scale.known_scale.calibrate": "Profiles",
    "wsi_scale.testing": "For your own tests",
    "wsi_scale.errors": "Errors",
}


def names_of(face: str) -> list[str]:
    """The public names of a module; of one without a list, its own classes."""
    module = importlib.import_module(face)
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if not name.startswith("_")]
    return [
        name
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == face and not name.startswith("_")
    ]


def public() -> dict[str, dict[str, object]]:
    """Face -> name -> thing; things that several faces show stand once."""
    found: dict[str, dict[str, object]] = {}
    seen = set()
    for face in FACES:
        module = importlib.import_module(face)
        found[face] = {}
        for name in names_of(face):
            thing = getattr(module, name)
            key = id(thing) if callable(thing) else (face, name)
            if key not in seen:
                found[face][name] = thing
            seen.add(key)
    return found


def first_line(thing: object) -> str:
    """What a docstring says first, for a cell of a table."""
    if not (isinstance(thing, type) or inspect.isfunction(inspect.unwrap(thing))):
        return f"`{thing!r}`" if isinstance(thing, (int, str)) else "a type or a constant"
    line = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return " ".join(line.split()).replace("``", "`").replace("|", "\\|")


def page() -> str:
    """The page as it lies in the repository."""
    text = TOP
    for face, names in public().items():
        text += f"## {FACES[face]}: `{face}`\n\n| name | |\n| --- | --- |\n"
        for name, thing in names.items():
            text += f"| `{name}` | {first_line(thing)} |\n"
        text += "\n"
    return text.rstrip("\n") + "\n"


def directives() -> str:
    """What the site shows below it: every docstring."""
    text = "\n## In full\n\n```{eval-rst}\n"
    for face, names in public().items():
        for name, thing in names.items():
            if isinstance(thing, type):
                text += f".. autoclass:: {face}.{name}\n   :members:\n\n"
            elif inspect.isfunction(inspect.unwrap(thing)):
                text += f".. autofunction:: {face}.{name}\n\n"
    return text + "```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
