"""Shows an error: what happened, what to do, and details for a bug report."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout

from wsi_scale_napari.dock_words import in_dock
from wsi_scale_napari.work import RunFailure

_STYLE = (
    "#wsi-scale-error { background: #8b1a1a; border-radius: 4px; }"
    "#wsi-scale-error QLabel { color: white; background: transparent; }"
)


class ErrorPanel(QFrame):
    """Red; its text can be selected. Hidden while there is no error."""

    told = Signal(object)
    """Emitted with the panel when there is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("wsi-scale-error")
        self.setStyleSheet(_STYLE)
        self.sentence, self.remedy = QLabel(), QLabel()
        self.sentence.setStyleSheet("font-weight: bold;")
        self.more = QPushButton("Details")
        self.more.setCheckable(True)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setFixedHeight(140)
        self.details.setVisible(False)
        self.more.toggled.connect(self.details.setVisible)
        whole = QVBoxLayout(self)
        for label in (self.sentence, self.remedy):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            whole.addWidget(label)
        whole.addWidget(self.more)
        whole.addWidget(self.details)
        self.setVisible(False)

    def tell(self, failure: RunFailure | None) -> None:
        """Show an error; None hides the panel."""
        self.setVisible(failure is not None)
        if failure is None:
            return
        self.sentence.setText(_capital(in_dock(failure.sentence)))
        self.remedy.setText(_capital(in_dock(failure.remedy)))
        self.remedy.setVisible(bool(failure.remedy))
        self.details.setPlainText(failure.details)
        self.more.setChecked(False)
        self.told.emit(self)


def _capital(text: str) -> str:
    """The text with a capital first letter, unless it begins with a path or a name."""
    word = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if word.isalpha() and word.islower() else text
