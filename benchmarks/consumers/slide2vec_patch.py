"""slide2vec's tiler, hs2p, tiles the exported manifest at the exported spacing."""

import csv
from pathlib import Path

import numpy as np
from answer import hand_over
from PIL import Image


def read(folder, slide):
    from hs2p import FilterConfig, SegmentationConfig, SlideSpec, TilingConfig, tile_slide
    from hs2p.wsi.streaming.stream import iter_tile_records_from_result

    code = (Path(folder) / "slide2vec_run.py").read_text().partition("\nfrom ")[0]
    names = {}
    exec(code, names)
    (run,) = names["RUNS"]
    with open(Path(folder) / run["manifest"], newline="") as file:
        (row,) = csv.DictReader(file)
    spec = SlideSpec(
        sample_id=row["sample_id"],
        image_path=Path(row["image_path"]),
        spacing_at_level_0=float(row["spacing_at_level_0"]),
    )
    tiling = TilingConfig(
        requested_spacing_um=run["spacing_um"],
        requested_tile_size_px=run["tile_px"],
        tolerance=0.0,
        overlap=0.0,
        backend="openslide",
    )
    result = tile_slide(
        spec, tiling=tiling, segmentation=SegmentationConfig(method="hsv"), filtering=FilterConfig()
    )
    records = list(iter_tile_records_from_result(result=result))
    record = records[len(records) // 2]
    number = record.tile_index
    side = run["tile_px"]  # hs2p gives the px of the level; slide2vec resizes them
    patch = Image.fromarray(record.tile_arr).resize((side, side), Image.Resampling.BICUBIC)
    return int(result.x[number]), int(result.y[number]), np.asarray(patch)


hand_over(read)
