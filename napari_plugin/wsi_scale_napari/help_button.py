"""A button that opens the pages about the dock in the browser."""

from __future__ import annotations

from importlib.metadata import metadata

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QPushButton, QWidget

PAGE = "napari.html"
"""Of the documentation, which is made of docs/*.md."""


class HelpButton(QPushButton):
    """Opens the documentation's page about the dock; hidden if the package states no address."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Help", parent)
        page = address()
        self.setHidden(page is None)
        self.setToolTip(f"Open {page} in the browser")
        self.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(page)))


def address() -> str | None:
    """Address of the page, as the installed package states it."""
    stated = metadata("wsi-scale").get_all("Project-URL") or []
    found = dict(one.split(", ", 1) for one in stated).get("Documentation")
    return None if found is None else f"{found}/{PAGE}"
