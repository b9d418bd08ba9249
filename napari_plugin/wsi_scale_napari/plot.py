"""Plots the score over scale. Drawn by hand, because a plotting library takes 70 times longer."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from wsi_scale.pipeline.fields_of_view import Field
from wsi_scale.render.limits import scale_limits, score_limits
from wsi_scale.render.sentence import number
from wsi_scale.report import Report
from wsi_scale.slide.resolution import mean_mpp
from wsi_scale_napari.axes import Axes
from wsi_scale_napari.colours import Ink
from wsi_scale_napari.drawing import RUG_PX, Picture, draw_plot

_MARGIN = (26, 40, 14, 62)  # left, top, right, bottom
_NEAR_PX = 6


class ResponsePlot(QWidget):
    """Curve with band, native levels, interval, answer, and a mark at every site's own scale.

    Hovering shows values. A click chooses a scale; a click on a site's mark chooses that site.
    """

    scale_chosen = Signal(float)
    site_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(236)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._report: Report | None = None
        self._fields: Sequence[Field] = ()
        self._site: int | None = None
        self._hover: float | None = None
        self._ink = Ink()

    def show_answer(self, report: Report | None, fields: Sequence[Field]) -> None:
        """Draw this answer from now on."""
        self._report, self._fields = report, fields
        if self._site is not None and self._site >= len(fields):
            self._site = None
        self.update()

    def show_site(self, site: int | None) -> None:
        """Draw one site's own curve too."""
        self._site = site
        self.update()

    def set_ink(self, ink: Ink) -> None:
        self._ink = ink
        self.update()

    @property
    def axes(self) -> Axes | None:
        """The current axes; None while there is nothing to draw."""
        report = self._report
        if report is None or not report.curve.scales:
            return None
        left, top, right, bottom = _MARGIN
        return Axes(
            left,
            top,
            max(1, self.width() - left - right),
            max(1, self.height() - top - bottom),
            scale_limits(report),
            score_limits(report.curve.scales, report.curve.score, report.curve.high),
        )

    def words_at(self, scale: float) -> str:
        """Text while hovering: the scale, its µm/px, the score at the nearest measured scale."""
        report = self._report
        if report is None:
            return ""
        parts = [f"scale {number(scale)}"]
        if report.slide.mpp is not None:
            parts.append(f"{number(scale * mean_mpp(report.slide.mpp))} µm/px")
        near = min(
            range(len(report.curve.scales)),
            key=lambda i: abs(report.curve.scales[i] / scale - 1),
        )
        score = report.curve.score[near]
        if score is not None:
            parts.append(f"score {score:.3g} at {number(report.curve.scales[near])}")
        return " · ".join(parts)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            hover = None if self._hover is None else self.words_at(self._hover)
            picture = Picture(painter, self.axes, self._ink, self.rect())
            draw_plot(picture, self._report, self._fields, self._site, self._hover, hover)
        finally:
            painter.end()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        axes = self.axes
        if event is not None:
            self._hover = None if axes is None else axes.scale_at(event.position().x())
            self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        self._hover = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        axes = self.axes
        if event is None or axes is None:
            return
        site = self._site_near(event.position(), axes)
        if site is not None:
            self.site_chosen.emit(site)
        else:
            self.scale_chosen.emit(axes.scale_at(event.position().x()))

    def _site_near(self, place: QPointF, axes: Axes) -> int | None:
        """The site with its mark under the mouse; None without."""
        bottom = axes.top + axes.height
        if not bottom - RUG_PX <= place.y() <= bottom + 2:
            return None
        near = [
            (abs(axes.x(field.scale) - place.x()), i)
            for i, field in enumerate(self._fields)
            if field.scale is not None and axes.holds(field.scale)
        ]
        return min(near)[1] if near and min(near)[0] <= _NEAR_PX else None
