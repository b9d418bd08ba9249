"""wsinfer cuts patches with the exported config.json, and applies its transforms to one."""

import json
import os
from pathlib import Path

from answer import hand_over, to_uint8


def read(folder, slide):
    from wsinfer.modellib.data import WholeSlideImagePatches
    from wsinfer.modellib.transforms import make_compose_from_transform_config
    from wsinfer.patchlib import segment_and_patch_one_slide
    from wsinfer_zoo.client import ModelConfiguration

    content = json.loads((Path(folder) / "config_1.json").read_text())
    config = ModelConfiguration.from_dict(content)
    segment_and_patch_one_slide(
        slide, "wsinfer", config.patch_size_pixels, config.spacing_um_px, min_object_size_um2=100
    )
    (patches,) = Path("wsinfer", "patches").glob("*.h5")
    transform = make_compose_from_transform_config(config.transform)
    data = WholeSlideImagePatches(slide, patches, transform=transform)
    data.worker_init()
    image, place = data[len(data) // 2]
    return int(place[0]), int(place[1]), to_uint8(image.numpy() * 255)


if not os.path.isdir("wsinfer"):
    os.mkdir("wsinfer")
hand_over(read)
