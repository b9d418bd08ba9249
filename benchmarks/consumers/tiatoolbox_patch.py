"""TIAToolbox reads a rectangle at the resolution of the exported IOPatchPredictorConfig."""

from answer import PLACE, hand_over, script


def read(folder, slide):
    names = script(folder, "tiatoolbox_config.py")
    (row,) = names["SLIDES"]
    config = names["predictor_config"](row)
    names["segmentor_config"](row)  # is accepted too
    shape = tuple(int(n) for n in config.patch_input_shape)
    patch = names["open_slide"](row).read_rect(PLACE, shape, **config.input_resolutions[0])
    return (*PLACE, patch)


hand_over(read)
