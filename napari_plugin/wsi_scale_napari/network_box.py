"""Chooses the network: a bundled name, a card, a file or a factory. Check shows how it is read."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from wsi_scale.networks.shipped import bundled_names
from wsi_scale.render.describe import network_rows
from wsi_scale_napari.error_panel import ErrorPanel
from wsi_scale_napari.inputs import make
from wsi_scale_napari.task import Task, Tasks
from wsi_scale_napari.work import load_network


class NetworkBox(QWidget):
    """An editable combo, Browse and Check."""

    def __init__(self, first: str) -> None:
        super().__init__()
        names = list(dict.fromkeys([first, *bundled_names()]))
        self.combo = make("network", value=first, widget_type="ComboBox", choices=names).native
        self.combo.setEditable(True)
        self.browse, self.check = QPushButton("Browse…"), QPushButton("Check")
        self.browse.setToolTip("Choose a card or the file of a network")
        self.check.setToolTip("Load the network and show how it is understood")
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setVisible(False)
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.browse)
        row.addWidget(self.check)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self.about)
        self.browse.clicked.connect(self._browse)
        self._usual, self._before = first, ""
        self.combo.currentTextChanged.connect(lambda _: self.tell(""))

    @property
    def spec(self) -> str:
        return str(self.combo.currentText()).strip()

    def suggest(self, spec: str | None) -> None:
        """Choose the network that a sample asks for; None: go back to what was chosen before."""
        if spec is not None:
            self._before = self._before or self.spec
            self.combo.setEditText(spec)
        elif self._before:
            self.combo.setEditText(self._before)
            self._before = ""

    def fill(self, spec: object) -> None:
        """Choose a network, if that is one's name."""
        if isinstance(spec, str):
            self.combo.setEditText(spec)

    def restore(self) -> None:
        """Choose the usual network."""
        self.combo.setEditText(self._usual)

    def ask(self, tasks: Tasks, error: ErrorPanel, device: str) -> None:
        """Load the network in a thread and show how it is understood."""
        spec = self.spec

        def told(task: Task[str]) -> None:
            self.tell(task.result or "")
            error.tell(task.failure)

        error.tell(None)
        self.tell("loading the network …")
        tasks.do("check", lambda: describe(spec, device), told)

    def tell(self, words: str) -> None:
        """Show text about the network; an empty text hides it."""
        self.about.setText(words)
        self.about.setVisible(bool(words))

    def _browse(self) -> None:
        kinds = "Cards and networks (*.toml *.pt2 *.pt *.ts);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Choose a network", "", kinds)
        if path:
            self.combo.setEditText(path)


def describe(spec: str, device: str) -> str:
    """How a network is understood, line by line. Loads it, so call it in a thread."""
    network = load_network(spec, device)
    rows = [f"{label}: {value}" for label, value in network_rows(network)]
    if network.absent:
        return "\n".join(rows)
    layers = [layer.name for layer in network.layers()]
    named = ", ".join(layers[:6]) + (", …" if len(layers) > 6 else "")
    return "\n".join([*rows, f"layers: {len(layers)} ({named})"])
