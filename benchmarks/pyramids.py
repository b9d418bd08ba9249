"""What a scale pyramid costs, and how true it is, beside what others would do.

    pip install tiatoolbox monai          # optional; their rows are left out otherwise
    OMP_NUM_THREADS=1 python benchmarks/pyramids.py

41 scales from 0.5 to 16, patches of 224 px, slides of 16 384 × 16 384 px with levels 1, 4 and 16:
tissue as JPEG (4:2:2, quality 70) and as JPEG 2000 (45 dB), in Aperio's layout, and a drawn slide.
Every way takes its turn at every site, on one thread; printed are medians of CPU time and their
ratios. ``OpenSlide's reads alone`` are the native reads of a pyramid by OpenSlide and nothing else,
once of the same px as wsi-scale reads and once of no more than each level needs (on a slide with
halved colours wsi-scale reads finer levels). ``reads alone`` are wsi-scale's own. Fidelity is
PSNR against Pillow's antialiased bicubic of the same sub-pixel box of level 0, the middle of the
scales between two native levels and the worst scale of all.

Writes benchmarks/results/pyramids.md.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.read_plan import plan_reads
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.slide.reading import read_reduced

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SIDE, SIZE, MPP = 16_384, 224, 0.25
DOWNSAMPLES = (1, 4, 16)
GRID = ScaleGrid.geometric(0.5, 16, 8)
BICUBIC = Image.Resampling.BICUBIC
Pixels = NDArray[np.uint8]
Way = Callable[[Site], list[Pixels]]
"""All patches around one site, as someone would cut them."""


def tissue() -> Image.Image:
    """H&E of the sample slide, mirrored until it is large enough."""
    with open_slide(ROOT / "sample_data" / "CMU-1-Small-Region.svs") as slide:
        piece = slide.read(0, 0, 0, slide.levels[0].width, slide.levels[0].height)
    pair = np.concatenate([piece, piece[:, ::-1]], 1)
    block = np.concatenate([pair, pair[::-1]])
    down, across = (-(-SIDE // length) for length in block.shape[:2])
    return Image.fromarray(np.tile(block, (down, across, 1))[:SIDE, :SIDE])


def write_aperio(path: Path, levels: list[Pixels], how: Mapping[str, object]) -> None:
    """Tiles of 240 px in Aperio's layout, which OpenSlide reads with its own decoders."""
    head = f"Aperio Image Library v11.2.1\n{SIDE}x{SIDE} [0,0 {SIDE}x{SIDE}] (240x240)"
    with tifffile.TiffWriter(path, bigtiff=False) as tiff:
        for level in levels:
            described = f"{head} {level.shape[1]}x{level.shape[0]}|AppMag = 40|MPP = {MPP}"
            tiff.write(
                level, tile=(240, 240), description=described, metadata=None, software=False, **how
            )


def make_slides(folder: Path) -> dict[str, Path]:
    """The two files, written once."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Mapping[str, object]] = {
        "JPEG": {
            "photometric": "rgb",  # turned into YCbCr by tifffile
            "compression": "jpeg",
            "subsampling": (2, 1),
            "compressionargs": {"level": 70},
        },
        "JPEG 2000": {
            "photometric": "rgb",
            "compression": "APERIO_JP2000_RGB",
            "compressionargs": {"level": 45, "mct": False},
        },
    }
    paths = {kind: folder / f"{kind.replace(' ', '').lower()}.svs" for kind in kinds}
    if not all(path.exists() for path in paths.values()):
        whole = tissue()
        levels = [np.asarray(whole if k == 1 else whole.reduce(k)) for k in DOWNSAMPLES]
        for kind, how in kinds.items():
            write_aperio(paths[kind], levels, how)
            with open_slide(paths[kind]) as slide:
                piece = slide.read(0, 0, 0, 2000, 2000)
            if psnr(piece, levels[0][:2000, :2000]) < 30:
                raise SystemExit(f"{paths[kind]} does not show what was written into it")
    return paths


def box_of(site: Site, scale: float) -> tuple[float, float, float]:
    """Left, top and side of a patch in level-0 px."""
    side = SIZE * scale
    return site.x - side / 2, site.y - side / 2, side


def by_reference(slide: Slide, grid: ScaleGrid = GRID) -> Way:
    """From level 0, the exact sub-pixel box: the truth, and what the thesis's program did."""

    def cut(site: Site) -> list[Pixels]:
        out = []
        for scale in grid.scales:
            left, top, side = box_of(site, scale)
            margin = int(2 * max(scale, 1)) + 2
            x, y, long = int(left) - margin, int(top) - margin, int(side) + 2 * margin + 1
            image = Image.fromarray(slide.read(0, x, y, long, long))
            edges = (left - x, top - y, left - x + side, top - y + side)
            out.append(np.asarray(image.resize((SIZE, SIZE), BICUBIC, box=edges)))
        return out

    return cut


def by_best_level(path: Path) -> Way:
    """One OpenSlide read a scale, of the best level, resized by Pillow: what tutorials show."""
    file = openslide.OpenSlide(path)

    def cut(site: Site) -> list[Pixels]:
        out = []
        for scale in GRID.scales:
            left, top, side = box_of(site, scale)
            level = file.get_best_level_for_downsample(scale)
            long = max(1, round(side / file.level_downsamples[level]))
            read = file.read_region((round(left), round(top)), level, (long, long)).convert("RGB")
            out.append(np.asarray(read.resize((SIZE, SIZE), BICUBIC)))
        return out

    return cut


def by_tiatoolbox(path: Path) -> Way:
    """``read_rect`` at µm per pixel."""
    import cv2
    from tiatoolbox.wsicore.wsireader import WSIReader

    cv2.setNumThreads(1)
    reader = WSIReader.open(path)

    def cut(site: Site) -> list[Pixels]:
        out = []
        for scale in GRID.scales:
            left, top, _ = box_of(site, scale)
            where = (round(left), round(top))
            out.append(reader.read_rect(where, (SIZE, SIZE), resolution=scale * MPP, units="mpp"))
        return out

    return cut


def by_monai(path: Path) -> Way:
    """``WSIReader`` on the level that is fine enough, resized by Pillow: it reads levels only."""
    from monai.data import WSIReader

    reader = WSIReader(backend="openslide")
    file = reader.read(path)

    def cut(site: Site) -> list[Pixels]:
        out = []
        for scale in GRID.scales:
            left, top, side = box_of(site, scale)
            level = max(i for i, k in enumerate(DOWNSAMPLES) if k <= max(scale, 1))
            long = max(1, round(side / DOWNSAMPLES[level]))
            where = (round(top), round(left))
            read = reader.get_data(file, location=where, size=(long, long), level=level)[0]
            image = Image.fromarray(np.moveaxis(np.asarray(read, np.uint8), 0, 2))
            out.append(np.asarray(image.resize((SIZE, SIZE), BICUBIC)))
        return out

    return cut


def by_us(slide: Slide) -> Way:
    return lambda site: list(sample_pyramid(slide, site, GRID, size=SIZE).patches)


def by_reads_alone(slide: Slide, *, least: bool = False) -> Way:
    """least: as if no slide had halved colours."""
    colour_px = 1 if least else slide.colour_px

    def cut(site: Site) -> list[Pixels]:
        plan = plan_reads(
            slide.levels,
            site,
            GRID,
            SIZE,
            bounds=slide.bounds,
            colour_px=colour_px,
            shrinking=slide.shrinking,
        )
        for read in plan.reads:
            read_reduced(slide, read)
        return []

    return cut


def by_openslide_alone(path: Path) -> Slide:
    """The slide with every tile decoded by OpenSlide."""
    slide = open_slide(path)
    slide._raw = None
    return slide


def opened(path: Path | None) -> Slide:
    """The slide, or the drawn one."""
    return (
        SyntheticSlide.figures(seed=1, width=SIDE, height=SIDE, downsamples=DOWNSAMPLES)
        if path is None
        else open_slide(path)
    )


def ways_of(path: Path | None) -> dict[str, Way]:
    """Everyone who can read the slide, with a handle and so a cache of tiles of their own.

    path: of the slide; None for the drawn one. Who is not installed is told on stderr.
    """
    ways = {
        "wsi-scale": by_us(opened(path)),
        "reads alone": by_reads_alone(opened(path)),
        "level 0, Pillow": by_reference(opened(path) if path is None else by_openslide_alone(path)),
    }
    if path is None:
        return ways
    for words, least in (("of the same px", False), ("of each level's px", True)):
        slide = by_openslide_alone(path)
        ways[f"OpenSlide's reads alone, {words}"] = by_reads_alone(slide, least=least)
    ways["best level for each scale, OpenSlide and Pillow"] = by_best_level(path)
    for named, way in (("TIAToolbox", by_tiatoolbox), ("MONAI", by_monai)):
        try:
            ways[f"{named} {version(named.lower())}"] = way(path)
        except (ImportError, PackageNotFoundError) as error:
            print(f"{named} is left out: {error}", file=sys.stderr)
    return ways


def psnr(found: Pixels, true: Pixels) -> float:
    """In dB; 99 where nothing differs."""
    error = ((found.astype(float) - true) ** 2).mean()
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def sites_of(count: int, seed: int) -> list[Site]:
    """Anywhere between pixels, so far from the rim that every patch fits."""
    margin = SIZE * GRID.scales[-1] / 2 + 64
    places = np.random.default_rng(seed).uniform(margin, SIDE - margin, (count, 2))
    return [Site(float(x), float(y)) for x, y in places]


def measure(ways: dict[str, Way], sites: list[Site]) -> dict[str, list[float]]:
    """CPU seconds of every way at every site, turn about; the first site warms up."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number, site in enumerate(sites):
        for name, way in ways.items():
            started = time.process_time()
            way(site)
            if number:
                took[name].append(time.process_time() - started)
        print(f"{number + 1} of {len(sites)} sites", file=sys.stderr, flush=True)
    return took


def fidelity(ways: dict[str, Way], sites: list[Site]) -> dict[str, NDArray[np.float64]]:
    """(scales,) mean PSNR over sites of everyone but the reference."""
    found: dict[str, list[list[float]]] = {}
    for site in sites:
        truth = ways["level 0, Pillow"](site)
        for name, way in ways.items():
            if name != "level 0, Pillow" and "alone" not in name:
                pairs = zip(way(site), truth, strict=True)
                found.setdefault(name, []).append([psnr(a, b) for a, b in pairs])
    return {name: np.mean(rows, axis=0) for name, rows in found.items()}


def least_lead(true: dict[str, NDArray[np.float64]]) -> tuple[float, float]:
    """Of wsi-scale over the best of the others, in dB, and at which scale."""
    others = np.max([found for name, found in true.items() if name != "wsi-scale"], axis=0)
    lead = true["wsi-scale"] - others
    return float(lead.min()), GRID.scales[int(lead.argmin())]


BANDS = {"0.5–1": (0.4, 1.0), "1–4": (1.0, 3.99), "4–16": (3.99, 15.9), "16": (15.9, 17.0)}
HEAD = "| way | ms | × wsi-scale | pyramids/s | " + " | ".join(f"{x}, dB" for x in BANDS)


def table(took: dict[str, list[float]], true: dict[str, NDArray[np.float64]]) -> list[str]:
    ours = took["wsi-scale"]
    lines = [f"{HEAD} | worst, dB |", "| --- |" + " ---: |" * (4 + len(BANDS))]
    scales = np.array(GRID.scales)
    for name, seconds in took.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, ours, strict=True))
        middle = statistics.median(seconds)
        cells = [f"{1000 * middle:.0f}", f"{ratio:.2f}", f"{1 / middle:.1f}"]
        if name in true:
            parts = [true[name][(scales > lo) & (scales <= hi)] for lo, hi in BANDS.values()]
            cells += [f"{np.median(part):.1f}" for part in parts] + [f"{true[name].min():.1f}"]
        else:
            cells += ["–"] * (len(BANDS) + 1)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=25)
    parser.add_argument("--true-sites", type=int, default=3, help="for fidelity")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slides", type=Path, default=ROOT / "build" / "pyramids")
    args = parser.parse_args()
    slides: dict[str, Path | None] = {**make_slides(args.slides), "drawn": None}
    asked = f"--sites {args.sites} --true-sites {args.true_sites} --seed {args.seed}"
    lines = [
        f"`OMP_NUM_THREADS=1 python benchmarks/pyramids.py {asked}`",
        "",
        f"Python {platform.python_version()}, NumPy {np.__version__}, Pillow "
        f"{version('pillow')}, OpenSlide {openslide.__library_version__}. CPU time, one thread.",
    ]
    for kind, path in slides.items():
        ways = ways_of(path)
        took = measure(ways, sites_of(args.sites + 1, args.seed))
        true = fidelity(ways, sites_of(args.true_sites, args.seed + 1))
        levels = ", ".join(f"{x.downsample:.4g}" for x in opened(path).levels)
        lines += ["", f"{kind}, {SIDE} × {SIDE} px, levels {levels}:", "", *table(took, true)]
        if len(true) > 1:
            ahead, where = least_lead(true)
            lines += ["", f"Least lead over the best of the others: {ahead:+.2f} dB at {where:g}."]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pyramids.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
