"""What every consumer's script does at its end: hand over the patch that the tool read.

    python benchmarks/consumers/monai_patch.py EXPORT_FOLDER SLIDE OUT.npz

It runs in the tool's own environment, where wsi_scale is not installed.
"""

import os
import runpy
import sys
from pathlib import Path

import numpy as np

PLACE = (900, 1300)
"""Top left corner, level-0 px, for tools that read where they are told."""


def script(folder, name):
    """The names that an exported script defines; run as a module, in the current folder."""
    return runpy.run_path(str(Path(folder) / name))


def hand_over(read):
    """read(folder, slide) -> (x, y, patch), with patch (H, W, 3) uint8 and x, y in level-0 px."""
    folder, slide, out = sys.argv[1:4]
    x, y, patch = read(os.path.abspath(folder), slide)
    np.savez(out, x=x, y=y, patch=np.asarray(patch, dtype=np.uint8))


def field_of(slide, x, y, side):
    """Level-0 px of a field, (side, side, 3), for tools that take images and no slides."""
    import openslide

    with openslide.OpenSlide(slide) as opened:
        return np.asarray(opened.read_region((x, y), 0, (side, side)).convert("RGB"))


def to_uint8(image):
    """Channel-last uint8 from a tool's channel-first array of 0–255."""
    return np.clip(np.rint(np.asarray(image, dtype=float).transpose(1, 2, 0)), 0, 255)
