"""The answer in words: the same sentences as on the terminal, the same numbers as on the page."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from wsi_scale.render.numbers import key_numbers, stated_rows
from wsi_scale.render.sentence import explain, numbers_of, words
from wsi_scale.report import Report
from wsi_scale_napari.dock_words import in_dock
from wsi_scale_napari.fold import Fold

VERDICTS = {
    "ok": ("✓", "#1a7f4b", ""),
    "edge": ("⚠", "#8a5a00", "check before use"),
    "ambiguous": ("⚠", "#8a5a00", "check before use"),
    "outside": ("✕", "#a12622", "do not rely on the number"),
}
"""Sign, colour and advice; verdicts without a number are like the last."""
NO_NUMBER = ("✕", "#a12622", "there is no number")
SO_FAR = ("…", "#4a5568", "")


class AnswerBox(QWidget):
    """The verdict, what it means and every warning, as text that can be selected. The owner places
    the fold with all numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.meaning, self.warnings = QLabel(), QLabel(), QLabel()
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
        self.fold = Fold("All numbers", self.numbers)
        for part in (self.head, self.meaning, self.warnings):
            whole.addWidget(part)
        self.show_report(None)

    def show_report(self, report: Report | None, *, running: bool = False) -> None:
        """Show a report; during a run only its headline."""
        self.setVisible(report is not None)
        for part in (self.meaning, self.warnings, self.fold):
            part.setVisible(report is not None and not running)
        if report is None:
            return
        sign, colour, advice = SO_FAR if running else VERDICTS.get(report.verdict, NO_NUMBER)
        verdict = "so far" if running else words(report.verdict)
        ended_early = "partial" if report.partial and not running else ""
        first = " · ".join(filter(None, (f"{sign} {verdict}", advice, ended_early)))
        self.head.setText(f"{first}\n{numbers_of(report)}".strip())
        self.head.setStyleSheet(
            f"QLabel {{ background: {colour}; color: white; font-size: 13px; font-weight: bold; "
            "padding: 6px; border-radius: 4px; }"
            f"QLabel:disabled {{ background: {SO_FAR[1]}; }}"  # of before, while a new run begins
        )
        self.meaning.setText(in_dock(meaning(report)))
        self.warnings.setText("\n".join(f"⚠ {in_dock(note)}" for note in report.warnings))
        self.warnings.setVisible(bool(report.warnings) and not running)
        self.numbers.setText(number_table(report))


def meaning(report: Report) -> str:
    """What the answer means, and the reason for any doubt: a line for each subject."""
    why = "" if report.verdict == "ok" else f"Why: {report.reason}."
    return "\n".join(part for part in (why, explain(report, between="\n")) if part)


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
