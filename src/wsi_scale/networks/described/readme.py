"""The model card of the Hugging Face hub: the few keys at the top of ``README.md``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.described.bounded import parse_yaml

_MOST = 64 << 10


def license_of(folder: Path) -> dict[str, str]:
    """``{"license": …}`` as the folder's ``README.md`` states it; empty if it does not."""
    keys = _front_matter(folder / "README.md")
    name = keys.get("license_name") or keys.get("license")
    return {"license": name} if isinstance(name, str) else {}


def _front_matter(path: Path) -> dict[str, Any]:
    """The YAML between the first two lines ``---``; empty if there is none that can be read."""
    with suppress(OSError, UnicodeDecodeError, NetworkError):
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
        if text.startswith("---"):
            found = parse_yaml(text[3:].split("\n---", 1)[0], path)
            return found if isinstance(found, dict) else {}
    return {}
