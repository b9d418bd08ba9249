"""What can be done with an answer."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget


class ActionsBox(QWidget):
    """Buttons that wait for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.view = QPushButton("View at optimal scale")
        self.view.setToolTip("One pixel of the network fills one pixel of the screen")
        self.json, self.cli = QPushButton("Copy JSON"), QPushButton("Copy CLI")
        self.export = QPushButton("Export…")
        self.export.setToolTip("JSON, CSV, PNG or GeoJSON")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.view, 0, 0, 1, 3)
        for column, button in enumerate((self.json, self.cli, self.export)):
            grid.addWidget(button, 1, column)
        self.allow(answer=False, scale=False)

    def allow(self, *, answer: bool, scale: bool, partial: bool = False) -> None:
        """answer: there is a report. scale: it has a number. partial: the run did not finish."""
        gives = "makes the whole run" if partial else "gives exactly this answer again"
        self.cli.setToolTip(f"The command that {gives}")
        self.view.setEnabled(scale)
        for button in (self.json, self.cli, self.export):
            button.setEnabled(answer)
