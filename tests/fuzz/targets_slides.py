"""Slides: TIFF of several kinds, plain images, zipped OME-Zarr, drawn slides."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from targets import CASES, Target

from wsi_scale.errors import SlideError
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.readers import is_plain, open_slide
from wsi_scale.slide.readers.zarr import example

PIXELS = np.random.default_rng(1).integers(0, 255, (96, 130, 3), dtype=np.uint8)
APERIO = "Aperio Image Library v1\n130x96 [0,0 130x96] (64x64) JPEG|AppMag = 20|MPP = 0.499"
PEOPLES = (
    "imagej_mm.tif",
    "imagej_nm.tif",
    "ome_entity.ome.tif",
    "ome_prefix.ome.tif",
    "rgb12in16.tif",
)
MOST_PX = 1 << 22
MOST_DRAWN_PX = 1 << 18
"""Larger slides are not read as a whole, which may take long and rightly so."""


def tiffs() -> list[bytes]:
    kinds = [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": None},
        {"compression": "jpeg"},
        {"compression": "lzw"},
        {"compression": "zlib", "predictor": True},
        {"compression": "jpeg", "description": APERIO},
        {"compression": "jpeg2000"},
        {"subifds": 1},
        {"ome": True},
    ]
    return [_tiff(**kind) for kind in kinds] + [(CASES / name).read_bytes() for name in PEOPLES]


def _tiff(bigtiff=False, byteorder="<", subifds=0, ome=False, **options) -> bytes:
    options = {"tile": (64, 64), "photometric": "rgb", "metadata": None} | options
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=bigtiff, byteorder=byteorder, ome=ome) as tiff:
        if ome:
            options["metadata"] = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        tiff.write(PIXELS, subifds=subifds, **options)
        tiff.write(PIXELS[::2, ::2], subfiletype=1, **(options | {"metadata": None}))
    return file.getvalue()


def hostile(*endings: str) -> list[bytes]:
    return [
        path.read_bytes()
        for path in sorted((CASES / "hostile").iterdir())
        if path.suffix in endings
    ]


def images() -> list[bytes]:
    found = []
    for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "JPEG2000", "TIFF"):
        for mode in ("RGB", "L"):
            file = io.BytesIO()
            Image.fromarray(PIXELS).convert(mode).save(file, kind)
            found.append(file.getvalue())
    for mode, kind in (("I;16", "PNG"), ("1", "PNG"), ("P", "PNG"), ("RGBA", "PNG")):
        file = io.BytesIO()
        if mode == "I;16":
            Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200).save(file, kind)
        else:
            Image.fromarray(PIXELS).convert(mode).save(file, kind, dpi=(300, 300))
        found.append(file.getvalue())
    return found


def zips() -> list[bytes]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        store = example(Path(folder))
        for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", packing) as archive:
                for path in sorted(store.rglob("*")):
                    if path.is_file():
                        archive.write(path, path.relative_to(store))
            found.append(file.getvalue())
    return found + hostile(".zip")


def read_slide(path: Path) -> None:
    """Open it, and read a window of each level and the whole if that is small."""
    with open_slide(path) as slide:
        _look(slide)


def read_drawn(path: Path) -> None:
    with open_slide(path.read_text(encoding="utf-8", errors="replace")) as slide:
        _look(slide, MOST_DRAWN_PX)


def _look(slide, most: int = MOST_PX) -> None:
    for number, level in enumerate(slide.levels):
        wide, high = min(level.width, 200), min(level.height, 200)
        slide.read(number, level.width - wide, level.height - high, wide, high)
    if slide.levels[0].width * slide.levels[0].height < most:
        slide.thumbnail(64)


def read_by(reader: str):
    def read(path: Path) -> None:
        with open_slide(path, reader=reader) as slide:
            _look(slide)

    return read


def is_doubtful(path: Path) -> bool:
    try:
        return not is_plain(path)
    except SlideError:
        return False


def drawn() -> list[bytes]:
    return [
        b"synthetic:figures?seed=3&stretch=0.5&width=400&height=300&noise=3&grain=2&tile=100",
        b"synthetic:tissue?seed=3&mpp=0.5&nucleus_um=7&width=400&height=300",
        b"synthetic:figures?class=red cross",
    ]


def properties() -> list[bytes]:
    """What files say of themselves: one line of JSON, and then their description."""
    aperio = b'{"aperio.MPP": "0.499", "aperio.AppMag": "20", "openslide.mpp-x": "0,5"}\n'
    tags = b'{"tiff.XResolution": "20040", "tiff.ResolutionUnit": "centimeter"}\n'
    zarr = b'{"ome-zarr.scale-x": "0.5 micrometer", "image.dpi-x": "300"}\n'
    found = [aperio + APERIO.encode(), tags + b"ImageJ=1.53\nunit=mm\n", zarr]
    for path in sorted(CASES.glob("*.ome.tif")):
        with tifffile.TiffFile(path) as tiff:
            found.append(b"{}\n" + tiff.pages.first.description.encode())
    return found


def read_properties(path: Path) -> None:
    first, _, text = path.read_text(encoding="utf-8", errors="replace").partition("\n")
    try:
        stated = json.loads(first)
    except (ValueError, RecursionError):
        stated = {}
    held = (
        {x: y for x, y in stated.items() if isinstance(y, str)} if isinstance(stated, dict) else {}
    )
    audit_metadata(held | {"tiff.ImageDescription": text}, (130, 96))


TARGETS = [
    Target("tiff", ".tiff", lambda: tiffs() + hostile(".tiff", ".svs"), read_slide,
           may_die=is_doubtful),
    Target("tiff-tiffslide", ".tiff", tiffs, read_by("tiffslide"), may_die=is_doubtful),
    Target("tiff-pillow", ".tiff", tiffs, read_by("image"), may_die=is_doubtful),
    Target("image", ".png", images, read_slide, may_die=is_doubtful),
    Target("zip", ".zip", zips, read_slide, may_die=is_doubtful),
    Target("metadata", ".txt", properties, read_properties, text=True),
    Target("drawn", ".txt", drawn, read_drawn, text=True),
]  # fmt: skip
