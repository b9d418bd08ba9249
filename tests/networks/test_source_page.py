"""The page about adding a source, run as written."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import wsi_scale

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-network-source.md"


def test_the_source_on_the_page_works_by_being_a_file(tmp_path):
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (name,) = re.findall(
        r"`src/wsi_scale/networks/sources/(\w+\.py)`", PAGE.read_text(encoding="utf-8")
    )
    (spec,) = re.findall(r"`(tiny:8\?\S+)` a network", PAGE.read_text(encoding="utf-8"))
    copy = tmp_path / "wsi_scale"
    shutil.copytree(
        Path(wsi_scale.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    (copy / "networks" / "sources" / name).write_text(snippet, encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from wsi_scale.networks import all_sources, load_network\n"
        f"network = load_network({spec!r}, device='cpu')\n"
        "assert 'tiny' in all_sources()\n"
        "print(network.classes, network.card.training_mpp, [c.kind for c in network.layers()])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "('class 0', 'class 1', 'class 2') 0.5 ['middle', 'batchnorm', 'pooled']"
    )


def test_every_name_the_page_speaks_of_is_there():
    assemble = importlib.import_module("wsi_scale.networks.sources.assemble")
    assert all(hasattr(assemble, name) for name in ("assemble", "settle", "import_optional"))
