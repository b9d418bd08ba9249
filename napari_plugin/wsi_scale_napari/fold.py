"""A part of the dock that can be folded away."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """A title to click, and what it shows or hides. Text inside gets all the height it needs."""

    def __init__(self, title: str, *inside: QWidget, unfolded: bool = False) -> None:
        super().__init__()
        self._words = title
        self.title = QPushButton()
        self.title.setCheckable(True)
        self.title.setFlat(True)
        self.title.setStyleSheet(
            "QPushButton, QPushButton:checked { text-align: left; font-weight: bold; padding: 3px; "
            "background: transparent; border: none; }"
        )
        self.title.setToolTip("Show or hide")
        self.content = QWidget()
        rows, whole = QVBoxLayout(self.content), QVBoxLayout(self)
        rows.setContentsMargins(6, 0, 0, 0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        for part in inside:
            rows.addWidget(part)
        whole.addWidget(self.title)
        whole.addWidget(self.content)
        self.title.toggled.connect(self._show)
        self.title.setChecked(unfolded)
        self._show(unfolded)

    def _show(self, unfolded: bool) -> None:
        self.content.setVisible(unfolded)
        self.title.setText(f"{'▾' if unfolded else '▸'} {self._words}")

    def unfold(self, unfolded: bool = True) -> None:
        self.title.setChecked(unfolded)
