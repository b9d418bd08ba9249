"""The answer in words: the same sentences as on the command line."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from wsi_scale.render.objective import like_objective
from wsi_scale.render.sentence import explain, headline
from wsi_scale.report import Report


class AnswerBox(QWidget):
    """Headline, what it means, and every warning; all of it can be selected."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.meaning, self.warnings = QLabel(), QLabel(), QLabel()
        self.head.setStyleSheet("font-size: 15px; font-weight: bold;")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        for label in (self.head, self.meaning, self.warnings):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            whole.addWidget(label)
        self.show_report(None)

    def show_report(self, report: Report | None, *, running: bool = False) -> None:
        """Say what a report says; while a run is under way only where it stands."""
        self.setVisible(report is not None)
        if report is None:
            return
        head = headline(report).removesuffix(" (partial)") if running else headline(report)
        self.head.setText(f"{head} so far" if running else head)
        self.meaning.setText("" if running else meaning(report))
        self.meaning.setVisible(not running)
        notes = [] if running else list(report.warnings)
        self.warnings.setText("\n".join(f"⚠ {note}" for note in notes))
        self.warnings.setVisible(bool(notes))


def meaning(report: Report) -> str:
    """What the answer means, and why there is a doubt."""
    parts = [explain(report)]
    if report.mpp is not None:
        parts.insert(0, f"µm per pixel {like_objective(report.mpp)} scans.")
    if report.verdict != "ok":
        parts.append(f"Why: {report.reason}.")
    return " ".join(part for part in parts if part)
