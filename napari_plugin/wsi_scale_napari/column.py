"""A column that scrolls up and down but never cuts its content off at the side."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QScrollArea, QStyle, QWidget


class Column(QScrollArea):
    """Always at least as wide as its content, in any theme and with any text."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        kinds = (QEvent.Type.LayoutRequest, QEvent.Type.Polish, QEvent.Type.StyleChange)
        if event is not None and event.type() in kinds:
            self.fit()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Set the minimum width to that of the content plus the scroll bar."""
        inside, style = self.widget(), self.style()
        if inside is None or style is None:
            return
        bar = style.pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        wide = inside.minimumSizeHint().width() + bar + 2 * self.frameWidth()
        if wide != self.minimumWidth():
            self.setMinimumWidth(wide)
