"""The answer in words: the same sentences as on the terminal, the same numbers as on the page."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from wsi_scale.render.numbers import key_numbers, stated_rows
from wsi_scale.render.sentence import explain, headline
from wsi_scale.report import Report

_NO_LIMIT = 2**24 - 1
"""Qt's own limit for the height of a widget."""


class AnswerBox(QWidget):
    """What the answer means, every warning and all numbers, as text that can be selected. The owner
    places the headline."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.meaning, self.warnings = QLabel(), QLabel(), QLabel()
        self.head.setStyleSheet("font-size: 13px; font-weight: bold;")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        for label in (self.head, self.meaning, self.warnings):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.numbers = QLabel()
        self.numbers.setWordWrap(True)
        self.numbers.setTextFormat(Qt.TextFormat.RichText)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.fold = QCollapsible("All numbers")
        self.fold.setDuration(0)
        self.fold.addWidget(self.numbers)
        # superqt would measure the text as if it were not wrapped, and cut it off
        self.numbers.removeEventFilter(self.fold)
        self.fold.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        rows = self.fold.layout()
        if rows is not None:
            rows.setAlignment(Qt.AlignmentFlag(0))
        self.fold.toggled.connect(self._unfold)
        for part in (self.meaning, self.warnings, self.fold):
            whole.addWidget(part)
        self.show_report(None)

    def _unfold(self, unfolded: bool) -> None:
        """Let the numbers take all the room they need."""
        if unfolded:
            self.fold.content().setMaximumHeight(_NO_LIMIT)

    def show_report(self, report: Report | None, *, running: bool = False) -> None:
        """Show a report; during a run only its headline."""
        self.head.setVisible(report is not None)
        self.setVisible(report is not None and not running)
        if report is None:
            return
        head = headline(report).removesuffix(" (partial)") if running else headline(report)
        self.head.setText(f"so far: {head}" if running else head)
        self.meaning.setText(meaning(report))
        self.warnings.setText("\n".join(f"⚠ {note}" for note in report.warnings))
        self.warnings.setVisible(bool(report.warnings))
        self.numbers.setText(number_table(report))


def meaning(report: Report) -> str:
    """What the answer means, and the reason for any doubt."""
    why = "" if report.verdict == "ok" else f"Why: {report.reason}."
    return " ".join(part for part in (explain(report), why) if part)


def number_table(report: Report) -> str:
    """Every number, the answer of every estimator and every stated µm/px, as HTML."""
    rows = key_numbers(report)
    for source, mpp, octaves, status in stated_rows(report):
        rows.append(
            (
                f"{source} states {mpp} µm/px",
                f"{status} ({octaves} octaves from the pixels)",
            )
        )
    cells = (f"<td>{escape(name)}</td><td><b>{escape(found)}</b></td>" for name, found in rows)
    return f"<table cellspacing=4>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
