"""Removes a layer that the dock made, without crashing the window."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def remove_layer(viewer: ViewerModel, layer: Layer, window: QWidget | None) -> None:
    """Remove a layer, if it is still there. window: holds the viewer's canvas.

    napari frees a layer's buffers in whatever OpenGL context is current. In any other context than
    the canvas's, this would free buffers in use, and the next frame would crash the program
    (napari 0.9.2 with Mesa 22.3).
    """
    if layer not in viewer.layers:
        return
    with suppress(RuntimeError):  # Qt has deleted the window
        for canvas in window.findChildren(QOpenGLWidget) if window else ():
            canvas.makeCurrent()
    viewer.layers.remove(layer)
