"""Install the wheel in an environment of its own, and use it far from the checkout.

    python packaging/check_wheel.py --python python3.11 --python python3.13

For every Python: a new virtual environment with the wheel and its extras `napari` and `batch`.
Then, from an empty folder, the commands of COMMANDS and the
dock's sample slide. `make wheel-check` builds the wheel from the sdist and calls this. Packages
come from wherever pip is told to look; ``--pip-options`` adds to that.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

COMMANDS = {  # what is run -> (exit code, what its stdout must hold)
    "wsi-scale --version": (0, ""),
    "wsi-scale doctor": (0, "wsi-scale works here"),
    "wsi-scale sample slide.svs": (0, "0.499 µm/px"),
    "wsi-scale info slide.svs --pixels": (0, "pixels: agree"),
    "wsi-scale ruler slide.svs": (3, "µm/px (90% interval"),
    "wsi-scale estimate slide.svs --json report.json --plot p.png --html p.html": (0, "· ok"),
    "wsi-scale estimate slide.svs --for uni --json uni.json": (0, "0.500 µm/px"),
    "wsi-scale tiles slide.svs --report report.json --out tiles": (0, "tiles at scale"),
    "wsi-scale export report.json --for tiatoolbox --out tiatoolbox": (0, ""),
    "wsi-scale batch slide.svs --network-mpp 0.5 --out rows.jsonl": (0, ""),
    "wsi-scale export rows.jsonl --for trident --out trident": (0, ""),
    "wsi-scale thesis --help": (0, "reproduce"),
}

DOCK = """
import sys
import napari

viewer = napari.Viewer(show=False)
(layer,) = viewer.open_sample("wsi-scale", "cmu")
dock, widget = viewer.window.add_plugin_dock_widget("wsi-scale")
print("dock", type(widget).__name__, layer.data[0].shape, layer.scale)
assert "site-packages" in sys.modules["wsi_scale_napari"].__file__
viewer.close()
"""


def call(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **options)


def clean_environment(binaries: Path) -> dict[str, str]:
    """The variables of this process, but nothing that leads to a checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "WSI_SCALE"))}
    return kept | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "200",
    }


def use(binaries: Path) -> list[str]:
    """Run every command in an empty folder. Returns what went wrong."""
    faults = []
    environment = clean_environment(binaries)
    python = str(binaries / "python")
    with tempfile.TemporaryDirectory() as folder:
        for line, (code, words) in COMMANDS.items():
            name, *rest = shlex.split(line)
            done = call([str(binaries / name), *rest], cwd=folder, env=environment)
            fine = done.returncode == code and words in done.stdout
            print("ok  " if fine else "FAIL", line, flush=True)
            if not fine:
                faults.append(f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        found = call(
            [python, "-c", "import wsi_scale; print(wsi_scale.__file__)"],
            cwd=folder,
            env=environment,
        ).stdout.strip()
        if "site-packages" not in found:
            faults.append(f"wsi_scale was imported from {found}")
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
        print("     scale", round(report["scale"], 3), report["verdict"], flush=True)
        screen = [] if shutil.which("xvfb-run") is None else ["xvfb-run", "-a"]
        if not screen and "DISPLAY" not in os.environ:
            environment["QT_QPA_PLATFORM"] = "offscreen"
        done = call([*screen, python, "-c", DOCK], cwd=folder, env=environment)
        fine = done.returncode == 0 and "dock OptimalScale" in done.stdout
        print("ok  " if fine else "FAIL", "dock:", done.stdout.strip(), flush=True)
        if not fine:
            faults.append(f"dock: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return faults


def install(python: str, wheel: Path, options: list[str], folder: Path) -> Path:
    """A new environment with the wheel. Returns the folder of its programs."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", *options]
    subprocess.run([*pip, f"{wheel}[napari,batch]"], check=True)
    return binaries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="default: the newest in build/dist")
    parser.add_argument("--python", action="append", help="a Python to try; may be repeated")
    parser.add_argument("--pip-options", default="", help="added to pip install")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "wheel-check")
    asked = parser.parse_args()
    wheel = asked.wheel or max(
        (ROOT / "build" / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime
    )
    faults = []
    for python in asked.python or [sys.executable]:
        folder = asked.into / Path(python).name
        shutil.rmtree(folder, ignore_errors=True)
        binaries = install(python, wheel.resolve(), shlex.split(asked.pip_options), folder)
        version = call([str(binaries / "python"), "--version"]).stdout.strip()
        print(f"{version}, {wheel.name}", flush=True)
        faults += [f"{version}: {fault}" for fault in use(binaries)]
    print("\n\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
