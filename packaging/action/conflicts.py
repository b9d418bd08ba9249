"""Name the slides whose stated µm/px their tissue contradicts: exit code 3 if there are any."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def conflicts(rows: Path) -> list[str]:
    """One sentence per slide in conflict, from the rows of ``wsi-scale batch``."""
    lines = rows.read_text(encoding="utf-8").splitlines()
    found = (json.loads(line) for line in lines)
    return [
        f"{row['path']}: {row['pixels.reason']}"
        for row in found
        if row.get("pixels.status") == "conflict"
    ]


if __name__ == "__main__":
    told = conflicts(Path(sys.argv[1]))
    print("\n".join(told) or "no slide states µm/px that its tissue contradicts")
    sys.exit(3 if told else 0)
