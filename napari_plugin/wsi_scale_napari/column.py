"""A column that scrolls up and down but never cuts its content off at the side."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QScrollArea, QStyle, QWidget

REST_MS = 50
"""A part that was just shown has its place after this long."""


class Column(QScrollArea):
    """Always at least as wide as its content, in any theme and with any text."""

    def __init__(self, inside: QWidget, *told: Any) -> None:
        """told: signals with a part of the content that says something new; it is scrolled to."""
        super().__init__()
        self._news: QWidget | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._reveal)
        for signal in told:
            signal.connect(self._hear)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        kinds = (QEvent.Type.LayoutRequest, QEvent.Type.Polish, QEvent.Type.StyleChange)
        if event is not None and event.type() in kinds:
            self.fit()
        return super().eventFilter(watched, event)

    def _hear(self, part: QWidget) -> None:
        self._news = part
        self._rest.start()

    def _reveal(self) -> None:
        if self._news is not None and not self._news.isHidden():
            self.ensureWidgetVisible(self._news, 0, 6)

    def fit(self) -> None:
        """Set the minimum width to that of the content plus the scroll bar."""
        inside, style = self.widget(), self.style()
        if inside is None or style is None:
            return
        bar = style.pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        wide = inside.minimumSizeHint().width() + bar + 2 * self.frameWidth()
        if wide != self.minimumWidth():
            self.setMinimumWidth(wide)
