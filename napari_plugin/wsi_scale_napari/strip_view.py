"""Shows what the network sees: one site at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from wsi_scale.pipeline.strip import is_outlined
from wsi_scale.render.sentence import number

PATCH_PX = 42


class Strip(QWidget):
    """Patches with their scales below; the one at the answer has a frame."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(3)
        self._grid.setVerticalSpacing(0)
        self.show_patches([], None)

    def show_patches(self, patches: Sequence[tuple[float, Any]], answer: float | None) -> None:
        """Show (scale, patch) pairs, patches (h, w, 3) uint8; an empty sequence hides the strip."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            old = None if item is None else item.widget()
            if old is not None:
                old.deleteLater()
        self.setVisible(bool(patches))
        if not patches:
            return
        found = "; outlined: what it finds" if is_outlined(patch for _, patch in patches) else ""
        title = QLabel(f"What the network sees, by scale{found}")
        self._grid.addWidget(title, 0, 0, 1, len(patches))
        for column, (scale, patch) in enumerate(patches):
            chosen = scale == answer
            picture, words = QLabel(), QLabel(number(scale))
            picture.setPixmap(_pixmap(patch))
            picture.setToolTip(f"scale {number(scale)}")
            frame = "3px solid #e69f00" if chosen else "1px solid gray"
            picture.setStyleSheet(f"border: {frame};")
            words.setStyleSheet("font-weight: bold;" if chosen else "")
            for row, label in ((1, picture), (2, words)):
                label.setAlignment(Qt.AlignmentFlag.AlignCenter)
                self._grid.addWidget(label, row, column)


def _pixmap(patch: Any) -> QPixmap:
    pixels = np.ascontiguousarray(patch)
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image).scaled(
        PATCH_PX,
        PATCH_PX,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
