"""Label images: one number per pixel, 0 for the background."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.slide.readers._files import what_it_said
from wsi_scale.slide.readers.image import _LIBRARY_ERRORS, _open_image, _quiet


def label_size(path: str) -> tuple[int, int]:
    """Width and height of a label image. Raises SlideError if Pillow cannot open it."""
    try:
        with _quiet(), _open_image(os.path.abspath(path)) as image:
            return image.size
    except _LIBRARY_ERRORS as error:
        raise SlideError(f"Pillow cannot open {path}: {what_it_said(error, path)}") from None


def read_labelled(path: str) -> NDArray[np.bool_]:
    """(H, W), True where a label image is not 0; in a colour image, where any colour is not 0.

    Transparency is ignored. Raises SlideError if Pillow cannot decode the image.
    """
    try:
        with _quiet(), _open_image(os.path.abspath(path)) as image:
            values = np.asarray(image)
    except _LIBRARY_ERRORS as error:
        raise SlideError(f"{path} cannot be decoded: {what_it_said(error, path)}") from None
    if values.ndim == 3:
        colours = values.shape[2] - (values.shape[2] in (2, 4))
        return np.asarray((values[:, :, :colours] != 0).any(axis=2))
    return np.asarray(values != 0)
