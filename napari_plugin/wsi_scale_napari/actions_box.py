"""Buttons to use an answer."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget


class ActionsBox(QWidget):
    """Buttons that are enabled once there is an answer. Those given look after themselves."""

    def __init__(self, inside: QPushButton, map_: QPushButton) -> None:
        super().__init__()
        self.view = QPushButton("View at optimal scale")
        self.view.setToolTip("Zoom so that one pixel of the network fills one pixel of the screen")
        self.json, self.cli = QPushButton("Copy JSON"), QPushButton("Copy CLI")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Write JSON, CSV, PNG or GeoJSON")
        self.json.setToolTip("Copy the whole report")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.view, 0, 0, 1, 2)
        grid.addWidget(inside, 0, 2)
        grid.addWidget(map_, 0, 3)
        for column, button in enumerate((self.json, self.cli)):
            grid.addWidget(button, 1, column)
        grid.addWidget(self.export, 1, 2, 1, 2)
        self.allow(answer=False, scale=False)

    def allow(self, *, answer: bool, scale: bool, partial: bool = False) -> None:
        """answer: a report exists. scale: it has a number. partial: the run did not finish."""
        does = "makes the whole run" if partial else "gives exactly this answer again"
        self.cli.setToolTip(f"Copy the command that {does}")
        self.view.setEnabled(scale)
        for button in (self.json, self.cli, self.export):
            button.setEnabled(answer)
