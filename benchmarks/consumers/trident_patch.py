"""TRIDENT's patcher reads a patch with the exported --mag and the table's µm/px."""

import csv
import os
import shlex
from pathlib import Path

from answer import hand_over


def read(folder, slide):
    from trident.wsi_objects.OpenSlideWSI import OpenSlideWSI

    words = shlex.split((Path(folder) / "trident.sh").read_text(), comments=True)
    option = {words[i]: words[i + 1] for i in range(len(words) - 1)}
    with open(Path(folder) / option["--custom_list_of_wsis"], newline="") as file:
        (row,) = csv.DictReader(file)
    path = os.path.join(option["--wsi_dir"], row["wsi"])
    wsi = OpenSlideWSI(slide_path=path, mpp=float(row["mpp"]))
    wsi._lazy_initialize()
    patcher = wsi.create_patcher(
        patch_size=int(option["--patch_size"]),
        src_mag=wsi.mag,
        dst_mag=float(option["--mag"]),
    )
    patch, x, y = patcher[len(patcher) // 2]
    return x, y, patch


hand_over(read)
