"""Lets other tools read a patch by our exports, and compares it with our own patch there.

    python benchmarks/consumers/run.py            every tool that is set up
    python benchmarks/consumers/run.py monai …    some
    python benchmarks/consumers/run.py --environments FOLDER    where their environments lie

``make consumers`` makes the environments first. Each tool has one, without wsi_scale. Writes
benchmarks/results/consumers.csv and the table in docs/interop.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from skimage.metrics import peak_signal_noise_ratio
from skimage.registration import phase_cross_correlation

import wsi_scale
from wsi_scale.report import Report
from wsi_scale.slide.pyramid import sample_pyramid

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SLIDE = ROOT / "sample_data" / "CMU-1-Small-Region.svs"
REPORT = HERE / "report.json"
RESULTS = ROOT / "benchmarks" / "results" / "consumers.csv"
PAGE = ROOT / "docs" / "interop.md"
START, END = "<!-- made by benchmarks/consumers/run.py -->\n", "<!-- end of the table -->"
HEADER = ("tool", "version", "psnr_db", "right_px", "down_px", "note")
VERSION = """
import importlib.metadata as m, sys
print(m.version(sys.argv[1]))
"""


def tools() -> dict[str, dict[str, str]]:
    """By name: what to install, the notes, or why it cannot be run."""
    return json.loads((HERE / "environments.json").read_text(encoding="utf-8"))


def run_one(name: str, about: dict[str, str], environments: Path) -> dict[str, str]:
    """A row of the table: PSNR and offset of the tool's patch, or why there is none."""
    row = dict.fromkeys(HEADER, "") | {"tool": name, "note": about.get("note", "")}
    if "not_run" in about:
        return row | {"note": f"not run: {about['not_run']}"}
    python = environments / name / "bin" / "python"
    if not python.exists():
        return row | {"note": "not run: its environment is not set up here"}
    package = about["package"].partition("==")[0]
    asked = [str(python), "-c", VERSION, package]
    found = subprocess.run(asked, capture_output=True, text=True, cwd=environments, check=False)
    row["version"] = found.stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        write_export(name, Path(folder))
        out = Path(folder) / "patch.npz"
        words = [str(python), str(HERE / f"{name}_patch.py"), folder, str(SLIDE), str(out)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0 or not out.exists():
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            print(done.stderr[-3000:], file=sys.stderr)
            lacks = re.findall(r"No module named '([^']+)'", done.stderr)
            why = (
                f"not run: its environment lacks {lacks[-1]}" if lacks else f"failed: {last[:120]}"
            )
            return row | {"note": why}
        with np.load(out) as read:
            return row | compare(read["patch"], float(read["x"]), float(read["y"]))


def write_export(name: str, folder: Path) -> None:
    """The export for a tool, as the command line writes it."""
    report = Report.from_json(REPORT.read_bytes())
    slide = report.slide.model_copy(update={"path": str(SLIDE)})
    content = wsi_scale.export(report.model_copy(update={"slide": slide}), name)
    files = {f"{name}.py": content} if isinstance(content, str) else content
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")


def compare(patch: np.ndarray, x: float, y: float) -> dict[str, str]:
    """PSNR in dB and offset in px of a tool's patch against ours whose corner lies there."""
    scale, size = Report.from_json(REPORT.read_bytes()).scale, patch.shape[0]
    half = scale * size / 2
    with wsi_scale.open_slide(SLIDE) as slide:
        grid = wsi_scale.ScaleGrid((scale,))
        site = wsi_scale.Site(x + half, y + half)
        ours = sample_pyramid(slide, site, grid, size=size).patches[0]
    psnr = peak_signal_noise_ratio(ours, patch[..., :3], data_range=255)
    grey = [image[..., :3].astype(float).mean(axis=2) for image in (ours, patch)]
    (down, right), _, _ = phase_cross_correlation(*grey, upsample_factor=100)
    return {"psnr_db": f"{psnr:.1f}", "right_px": f"{-right:.2f}", "down_px": f"{-down:.2f}"}


def table(rows: list[dict[str, str]]) -> str:
    """The rows as Markdown."""
    lines = ["| tool | version | PSNR (dB) | right (px) | down (px) | note |"]
    lines.append("| --- | --- | ---: | ---: | ---: | --- |")
    lines += ["| " + " | ".join(row[key] or "–" for key in HEADER) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_page(rows: list[dict[str, str]]) -> None:
    """The table into its place in docs/interop.md."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n{table(rows)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Run the tools named, keep the rows of the others."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "consumers")
    parser.add_argument("--packages", action="store_true", help="print what to install, and stop")
    asked = parser.parse_args()
    known = tools()
    if asked.packages:
        for name, about in known.items():
            if "package" in about and "not_run" not in about:
                print(name, about["package"], about.get("more", ""))
        return
    rows: dict[str, dict[str, str]] = {}
    if RESULTS.exists():
        with RESULTS.open(newline="", encoding="utf-8") as file:
            rows = {row["tool"]: row for row in csv.DictReader(file)}
    for name in asked.names or known:
        rows[name] = run_one(name, known[name], asked.environments.absolute())
        print(", ".join(f"{key} {value}" for key, value in rows[name].items() if value))
    ordered = [rows[name] for name in known if name in rows]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)
    write_page(ordered)


if __name__ == "__main__":
    main()
