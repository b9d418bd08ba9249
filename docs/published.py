"""Writes docs/published.md from the file of facts about published models.

``python docs/published.py``; a test compares the page with what this makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsi_scale.networks.published_models import PublishedModel, all_published
from wsi_scale.render.published import (
    HEADER,
    LEGEND,
    NAMES,
    published_facts,
    published_row,
    said_by,
)

PAGE = Path(__file__).with_name("published.md")
INTRODUCTION = """\
# Published models: which µm/px they want

{count} models of histology, by name: at how many µm per pixel they want their patches, how large
the patches are, under which licence the weights are, and who says so. {single} of them want one
µm/px. `wsi-scale networks --published` shows the same, `wsi-scale networks --published uni` one
model with its sources, and `--json -` all of it for programs. From Python:

```python
from wsi_scale.networks import find_published

model = find_published("hf-hub:MahmoodLab/uni")
print(model.mpp, model.patch_px, model.licence)
```

These are facts that others published, copied with their source. None was measured here, and no
weights are needed to look one up.

- **Confirmed** means that a stored copy of the source was read, not the live page, and that the
  quote stands in it. A figure with **?** is not confirmed: it is known from memory only.
- **20× is no µm/px.** Slides that call themselves 20× have 0.23 to 0.55 µm/px. Where a source
  names only a magnification, no µm/px is given here.
- **The makers' word comes first** in the last column. A registry is somebody who uses the model
  and wrote down what works.
- **The patch is what you cut.** Some models then resize it themselves, so that their first layer
  sees other µm/px: UNI cuts 256 px at 0.5 µm/px and sees 224 px at 0.57. Both stand under
  *Sources*, and in Python as `mpp` and `input_mpp`.

The facts are one file, `src/wsi_scale/networks/published.toml`. This page is made from it by
`python docs/published.py`.

## The table

{legend}

"""


def page() -> str:
    """The page, as Markdown."""
    models = all_published()
    single = sum(model.mpp is not None for model in models)
    parts = [
        INTRODUCTION.format(count=len(models), single=single, legend=_cell("  \n".join(LEGEND))),
        _table(models),
        "\n## Where sources differ\n\n",
        *(
            f"- **{model.name}**: {model.contradiction}\n"
            for model in models
            if model.contradiction
        ),
        "\n## Not confirmed\n\n",
        *_doubts(models),
        "\n## Sources\n",
        *map(_section, models),
    ]
    return "".join(parts)


def _table(models: tuple[PublishedModel, ...]) -> str:
    lines = [HEADER, ("---",) * len(HEADER), *(published_row(model) for model in models)]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def _cell(text: str) -> str:
    """A star would begin italics in Markdown."""
    return text.replace("*", "\\*")


def _contradictions(models: tuple[PublishedModel, ...]) -> Iterator[str]:
    for model in models:
        if model.contradiction:
            yield f"- **{model.name}**: {model.contradiction}\n"


def _doubts(models: tuple[PublishedModel, ...]) -> Iterator[str]:
    for model in models:
        if model.unconfirmed:
            doubted = ", ".join(NAMES[figure] for figure in model.unconfirmed)
            yield f"- **{model.name}**: {doubted}\n"


def _section(model: PublishedModel) -> str:
    facts = [f"{label}: {_cell(value)}" for label, value in published_facts(model)[1:]]
    said = [
        f"- {_quoted(said_by(source))} ([source]({source.address}))" for source in model.sources
    ]
    return f"\n### {model.name}\n\n" + "  \n".join(facts) + "\n\n" + "\n".join(said) + "\n"


def _quoted(text: str) -> str:
    """The quote as code, so that nothing in it is taken for Markdown."""
    before, mark, quote = text.partition(': "')
    return f"{before}: `` {quote[:-1]} ``" if mark else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(all_published())} models")
