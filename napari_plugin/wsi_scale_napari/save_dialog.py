"""Asks where to save a file; the chosen kind gives the suffix that the name lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QWidget


def ask_where_to_save(
    parent: QWidget, title: str, kinds: str, then: Callable[[Path], object]
) -> QFileDialog:
    """Open a dialog, and call ``then`` with the path if a person chooses one.

    kinds: as Qt writes them, ``Report (*.json);;Sites (*.csv)``. Qt adds the suffix itself, so that
    it also asks before an existing file is replaced.
    """
    dialog = QFileDialog(parent, title, "", kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def follow(kind: str) -> None:
        dialog.setDefaultSuffix(suffix_of(kind))

    dialog.filterSelected.connect(follow)
    follow(dialog.selectedNameFilter())
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()
    return dialog


def suffix_of(kind: str) -> str:
    """The suffix of one kind of file, without its dot.

    >>> suffix_of("Sites for QuPath (*.geojson)")
    'geojson'
    """
    found = re.search(r"\*\.(\w+)", kind)
    return found[1] if found else ""
