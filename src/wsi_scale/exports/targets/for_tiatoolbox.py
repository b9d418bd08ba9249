"""TIAToolbox: ``IOPatchPredictorConfig`` and ``IOSegmentorConfig``, as Python and as JSON.

With a known µm/px the resolution is in mpp; without, in ``baseline``, which is 1 / scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsi_scale.exports.escape import json_text, python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import about, heading

NAME = "tiatoolbox"
TOOL = "TIAToolbox"
GIVES = "IOPatchPredictorConfig and IOSegmentorConfig, as Python and as JSON"
NEEDS = ("scale",)

CALL = """
from tiatoolbox.models.engine.io_config import IOPatchPredictorConfig, IOSegmentorConfig
from tiatoolbox.wsicore.wsireader import WSIReader


def predictor_config(slide):
    return IOPatchPredictorConfig(**slide["config"])


def segmentor_config(slide):
    config = slide["config"]
    return IOSegmentorConfig(
        **config,
        output_resolutions=config["input_resolutions"],
        patch_output_shape=config["patch_input_shape"],
        save_resolution=config["input_resolutions"][0],
    )


def open_slide(slide):
    # the same µm/px as the config was computed with
    return WSIReader.open(slide["path"], **({"mpp": slide["mpp"]} if slide["mpp"] else {}))


if __name__ == "__main__":
    for slide in SLIDES:
        reader = open_slide(slide)
        resolution = slide["config"]["input_resolutions"][0]
        patch = reader.read_rect((0, 0), tuple(slide["config"]["patch_input_shape"]), **resolution)
        print(slide["path"], patch.shape)
"""


def config(facts: Facts) -> dict[str, Any]:
    """What both configs share."""
    shape = [facts.tile_px, facts.tile_px]
    return {
        "input_resolutions": [resolution(facts)],
        "patch_input_shape": shape,
        "stride_shape": shape,
    }


def resolution(facts: Facts) -> dict[str, Any]:
    """The scale in TIAToolbox's units."""
    if facts.slide_mpp is None:
        return {"units": "baseline", "resolution": 1 / facts.needed_scale}
    return {"units": "mpp", "resolution": float(f"{facts.target_mpp:.10g}")}


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, str]:
    """Python that makes both configs, and the same as JSON."""
    rows = [{"path": f.path, "mpp": f.slide_mpp, "config": config(f)} for f in slides]
    content = {"about": about(slides, left_out), "configs": {f.path: config(f) for f in slides}}
    code = heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
    return {"tiatoolbox_config.py": code, "tiatoolbox_config.json": json_text(content)}
