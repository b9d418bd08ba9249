"""Settings of the run, and what it will cost."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import all_estimators
from wsi_scale.pipeline.planning import expected_patches
from wsi_scale.pipeline.settings import Settings, estimator_names, make_settings
from wsi_scale.render.glossary import WORDS

DEVICES = ("auto", "cpu", "cuda", "mps")
COLOURS = {"as the network's card says": None, "corrected first": True, "left as it is": False}


class SamplingBox(QWidget):
    """Scales, sites, seed, device and more, folded away; the cost stays visible."""

    changed = Signal()

    def __init__(self, device: str) -> None:
        super().__init__()
        usual = Settings()
        self.lo, self.hi = _scale(usual.scales[0]), _scale(usual.scales[1])
        for end in (self.lo, self.hi):
            end.setToolTip(WORDS["scale"])
        self.sites, self.seed = QSpinBox(), QSpinBox()
        self.sites.setRange(1, 10_000)
        self.sites.setValue(usual.sites)
        self.seed.setRange(0, 2**31 - 1)
        self.dense = QCheckBox("measure every scale, not only those near the best")
        self.colour = QComboBox()
        self.colour.addItems(COLOURS)
        self.colour.setToolTip("Correcting the stain first makes a run several times slower")
        self.profile = QLineEdit()
        self.profile.setPlaceholderText("the one that the card names, if any")
        self.profile.setToolTip("A profile file from wsi-scale calibrate, made for this network")
        self.browse = QPushButton("Browse…")
        self.estimator, self.device = QComboBox(), QComboBox()
        learns = [k for k, v in all_estimators().items() if getattr(v, "LEARNS", False)]
        self.estimator.addItems([name for name in estimator_names() if name not in learns])
        self.device.addItems(DEVICES)
        self.device.setCurrentText(device)
        self.target = QLineEdit()
        self.target.setPlaceholderText("the predicted class")
        self.cost = QLabel()
        self.cost.setWordWrap(True)
        self._rate: float | None = None
        self._arrange()
        self._listen()
        self.tell_cost()

    def _arrange(self) -> None:
        form, window, profile = QFormLayout(), QHBoxLayout(), QHBoxLayout()
        profile.addWidget(self.profile, 1)
        profile.addWidget(self.browse)
        for part in (self.lo, QLabel("to"), self.hi):
            window.addWidget(part)
        form.addRow("scales", window)
        form.addRow("sites", self.sites)
        form.addRow("seed", self.seed)
        form.addRow("estimator", self.estimator)
        form.addRow("class", self.target)
        form.addRow("device", self.device)
        form.addRow("profile", profile)
        form.addRow("stain", self.colour)
        form.addRow(self.dense)
        inside = QWidget()
        inside.setLayout(form)
        self.fold = QCollapsible("Sampling")
        self.fold.setDuration(0)
        self.fold.addWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.fold)
        whole.addWidget(self.cost)

    def _listen(self) -> None:
        for spin in (self.lo, self.hi, self.sites, self.seed):
            spin.valueChanged.connect(self.tell_cost)
        self.dense.toggled.connect(self.tell_cost)
        for combo in (self.estimator, self.colour):
            combo.currentTextChanged.connect(self.tell_cost)
        self.browse.clicked.connect(self._browse)

    def _browse(self) -> None:
        kinds = "Profiles (*.safetensors);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Choose a profile", "", kinds)
        if path:
            self.profile.setText(path)

    def settings(self, **others: Any) -> Settings:
        """The settings shown here, and others. Raises SettingsError for unusable values."""
        return make_settings(
            scales=(self.lo.value(), self.hi.value()),
            sites=self.sites.value(),
            seed=self.seed.value(),
            dense=self.dense.isChecked(),
            colour_fit=COLOURS[self.colour.currentText()],
            profile=self.profile.text().strip() or None,
            estimator=self.estimator.currentText(),
            target=self.target.text().strip() or None,
            **others,
        )

    def learn_rate(self, seconds: float, patches: int) -> None:
        """Remember the speed of the last run."""
        self._rate = seconds / patches if patches else None
        self.tell_cost()

    def tell_cost(self, *_: object) -> None:
        """Show what a run will cost before it starts."""
        try:
            patches = expected_patches(self.settings())
        except SettingsError as error:
            self.cost.setText(str(error))
            return
        words = f"up to {self.sites.value()} sites, about {patches} patches"
        if self._rate is not None:
            words += f", {self._rate * patches:.0f} s at the speed of the last run"
        self.cost.setText(words)


def _scale(value: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setDecimals(3)
    spin.setRange(0.001, 4096)
    spin.setSingleStep(0.5)
    spin.setValue(value)
    return spin
