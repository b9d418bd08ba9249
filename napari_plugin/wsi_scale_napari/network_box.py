"""Chooses the network: a bundled name, a card, a file or a factory. Check shows how it is read."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from wsi_scale.networks.shipped import bundled_names
from wsi_scale.render.describe import network_rows
from wsi_scale_napari.work import load_network

_TIP = (
    "A bundled name, a card.toml, a TorchScript or .pt2 file, timm:…, smp:…, torchvision:…, or "
    "package.module:factory?weights=file.safetensors. If you only know its µm/px: mpp:0.5, or "
    "for:uni for a published model"
)


class NetworkBox(QWidget):
    """An editable combo, Browse and Check."""

    asked = Signal()
    """Emitted when Check is pressed."""

    def __init__(self, first: str) -> None:
        super().__init__()
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(8)
        self.combo.setEditable(True)
        self.combo.setToolTip(_TIP)
        names = list(dict.fromkeys([first, *bundled_names()]))
        self.combo.addItems(names)
        self.browse = QPushButton("Browse…")
        self.check = QPushButton("Check")
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
        self.check.clicked.connect(self.asked)
        self.combo.currentTextChanged.connect(lambda _: self.tell(""))

    @property
    def spec(self) -> str:
        return self.combo.currentText().strip()

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
