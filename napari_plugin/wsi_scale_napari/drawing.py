"""Draws the response plot, from back to front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from wsi_scale.pipeline.fields_of_view import Field
from wsi_scale.render.limits import scale_ticks, score_limits
from wsi_scale.render.sentence import number
from wsi_scale.report import Report
from wsi_scale.slide.resolution import mean_mpp
from wsi_scale_napari.axes import Axes
from wsi_scale_napari.colours import Ink, site_colour

RUG_PX = 12
"""Height of the marks of single sites."""

_CENTRE = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Picture:
    """The painter, its area and its colours."""

    painter: QPainter
    axes: Axes | None
    ink: Ink
    whole: QRect

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        colour = QColor(name)
        colour.setAlphaF(alpha)
        return colour

    def line(self, name: str, width: float = 1.0, dashed: bool = False) -> None:
        pen = QPen(self.colour(name), width)
        if dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        self.painter.setPen(pen)

    def text(self, x: float, y: float, words: str, name: str) -> None:
        """Text centred on a point, but kept inside the picture."""
        self.painter.setPen(self.colour(name))
        wide = self.painter.fontMetrics().horizontalAdvance(words) + 4
        left = min(max(x - wide / 2, 1), max(1.0, self.whole.width() - wide - 1))
        self.painter.drawText(QRectF(left, y - 8, wide, 16), int(_CENTRE.value), words)


def draw_plot(
    picture: Picture,
    report: Report | None,
    fields: Sequence[Field],
    site: int | None,
    hover: float | None,
    words: str | None,
) -> None:
    """Draw a report, or an invitation if there is none."""
    picture.painter.fillRect(picture.whole, picture.colour(picture.ink.paper))
    font = picture.painter.font()
    font.setPixelSize(11)
    picture.painter.setFont(font)
    axes = picture.axes
    if axes is None or report is None:
        picture.painter.setPen(picture.colour(picture.ink.faint))
        flags = int(_CENTRE.value)
        picture.painter.drawText(QRectF(picture.whole), flags, "the response appears here")
        return
    _draw_enlarged(picture, axes)
    _draw_frame(picture, axes, report)
    _draw_answer(picture, axes, report)
    _draw_levels(picture, axes, report)
    _draw_curve(picture, axes, report)
    _draw_sites(picture, axes, report, fields, site)
    if hover is not None and words is not None:
        picture.line(picture.ink.text)
        x = axes.x(hover)
        picture.painter.drawLine(QPointF(x, axes.top), QPointF(x, axes.top + axes.height))
        picture.text(x, 9, words, picture.ink.text)  # above the names of levels


def _draw_enlarged(picture: Picture, axes: Axes) -> None:
    """Hatch the scales below 1, where the slide has no more detail."""
    if axes.scales[0] >= 1:
        return
    right = axes.x(min(1.0, axes.scales[1]))
    brush = QBrush(picture.colour(picture.ink.faint, 0.25), Qt.BrushStyle.BDiagPattern)
    picture.painter.fillRect(QRectF(axes.left, axes.top, right - axes.left, axes.height), brush)


def _draw_frame(picture: Picture, axes: Axes, report: Report) -> None:
    """Draw the axis with scales, and with µm/px if known."""
    bottom = axes.top + axes.height
    picture.line(picture.ink.faint)
    picture.painter.drawLine(QPointF(axes.left, bottom), QPointF(axes.left + axes.width, bottom))
    mpp = mean_mpp(report.slide.mpp)
    for scale in scale_ticks(*axes.scales):
        x = axes.x(scale)
        picture.line(picture.ink.faint)
        picture.painter.drawLine(QPointF(x, bottom), QPointF(x, bottom + 4))
        picture.text(x, bottom + 13, f"{scale:.3g}", picture.ink.text)
        if mpp is not None:
            picture.text(x, bottom + 28, f"{scale * mpp:.3g}", picture.ink.faint)
    _draw_name_of_scores(picture, axes, report)
    title = "scale: slide px per network px"
    title += "" if mpp is None else " · below: µm/px"
    picture.text(axes.left + axes.width / 2, bottom + 48, title, picture.ink.faint)


def _draw_name_of_scores(picture: Picture, axes: Axes, report: Report) -> None:
    """The upright axis: what is drawn and which method drew it."""
    painter = picture.painter
    painter.save()
    painter.translate(12, axes.top + axes.height / 2)
    painter.rotate(-90)
    painter.setPen(picture.colour(picture.ink.faint))
    whole = QRectF(-axes.height, -9, 2 * axes.height, 18)
    painter.drawText(whole, int(_CENTRE.value), _score_of(report))
    painter.restore()


def _score_of(report: Report) -> str:
    """Whose curve it is: the ruler has none, so beside its answer it is the network's own."""
    return (
        "the network's own score" if report.estimator == "ruler" else f"score by {report.estimator}"
    )


def _draw_answer(picture: Picture, axes: Axes, report: Report) -> None:
    bottom = axes.top + axes.height
    if report.scale_interval is not None:
        left, right = (axes.x(end) for end in report.scale_interval)
        colour, wide = picture.colour(picture.ink.answer, 0.28), max(1.0, right - left)
        picture.painter.fillRect(QRectF(left, axes.top, wide, axes.height), colour)
    for scale in (one.scale for one in report.candidates if axes.holds(one.scale)):
        picture.line(picture.ink.answer, 1.5, dashed=True)
        x = axes.x(scale)
        picture.painter.drawLine(QPointF(x, axes.top), QPointF(x, bottom))
    if report.scale is not None:
        sure = report.verdict == "ok" or report.partial
        picture.line(picture.ink.answer if sure else picture.ink.doubt, 2, dashed=not sure)
        x = axes.x(report.scale)
        picture.painter.drawLine(QPointF(x, axes.top), QPointF(x, bottom))


def _draw_levels(picture: Picture, axes: Axes, report: Report) -> None:
    """Dashed lines at the stored levels; names are left out where they would overlap."""
    last = -99.0
    for index, level in enumerate(report.slide.levels):
        if not axes.holds(level.downsample):
            continue
        x = axes.x(level.downsample)
        picture.line(picture.ink.faint, 1, dashed=True)
        picture.painter.drawLine(QPointF(x, axes.top), QPointF(x, axes.top + axes.height))
        if x - last > 52:
            picture.text(x, axes.top - 7, f"level {index}", picture.ink.faint)
            last = x


def _draw_curve(picture: Picture, axes: Axes, report: Report) -> None:
    curve, painter = report.curve, picture.painter
    known = [i for i, score in enumerate(curve.score) if score is not None]
    edges = [
        [QPointF(axes.x(curve.scales[i]), axes.y(v)) for i in known if (v := side[i]) is not None]
        for side in (curve.low, curve.high)
    ]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(picture.colour(picture.ink.curve, 0.25))
    painter.drawPolygon(QPolygonF([*edges[0], *reversed(edges[1])]))
    points = _points(axes, curve.scales, curve.score)
    picture.line(picture.ink.curve, 1.8)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
    painter.setBrush(picture.colour(picture.ink.curve))
    for point in points:
        painter.drawEllipse(point, 2.2, 2.2)


def _draw_sites(
    picture: Picture, axes: Axes, report: Report, fields: Sequence[Field], chosen: int | None
) -> None:
    """A mark at each site's own scale; for the chosen site also its curve, scaled to fit."""
    bottom, painter = axes.top + axes.height, picture.painter
    for number_, field in enumerate(fields):
        if field.scale is None or not axes.holds(field.scale):
            continue
        wide = 4 if number_ == chosen else 2
        painter.setPen(QPen(_mark(field, report), wide))
        x = axes.x(field.scale)
        painter.drawLine(QPointF(x, bottom - RUG_PX), QPointF(x, bottom - 1))
    if chosen is None or chosen >= len(fields) or fields[chosen].score is None:
        return
    field = fields[chosen]
    scores = [None if v != v else float(v) for v in field.score]  # type: ignore[union-attr]
    if len(scores) != len(report.curve.scales) or all(v is None for v in scores):
        return
    own = Axes(
        axes.left,
        axes.top,
        axes.width,
        axes.height,
        axes.scales,
        score_limits(report.curve.scales, scores),
    )
    pen = QPen(picture.colour(picture.ink.voice), 1.6, Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(_points(own, report.curve.scales, scores)))
    answer = "no answer" if field.scale is None else number(field.scale)
    words = f"site {chosen + 1}: {answer}"
    picture.text(axes.left + axes.width - 40, axes.top + 9, words, picture.ink.voice)


def _mark(field: Field, report: Report) -> QColor:
    """The site's colour on the slide and in the legend."""
    return QColor.fromRgbF(*site_colour(field.scale, report.scale))


def _points(axes: Axes, scales: Sequence[float], scores: Sequence[float | None]) -> list[QPointF]:
    return [
        QPointF(axes.x(scale), axes.y(score))
        for scale, score in zip(scales, scores, strict=True)
        if score is not None
    ]
