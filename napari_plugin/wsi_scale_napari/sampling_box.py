"""Settings of the run, and what it will cost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.planning import expected_patches
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.settings_fields import setting_fields
from wsi_scale_napari.fold import Fold
from wsi_scale_napari.inputs import DEVICES, as_settings, form, inputs


class SamplingBox(QWidget):
    """Every setting, folded away; the cost, and what is not as usual, stay visible."""

    def __init__(self, device: str, settings: type[Settings] = Settings) -> None:
        super().__init__()
        self._settings = settings
        self.form = form([*setting_fields(settings), "device"], settings)
        self._usual = {name: inputs(settings)[name].default for name in self.values()}
        self._usual["device"] = device if device in DEVICES else "auto"
        self.restore = QPushButton("Restore defaults")
        self.restore.setToolTip("Set network and sampling as they were at first")
        self.cost = QLabel()
        self.cost.setWordWrap(True)
        self._rate: float | None = None
        self.fold = Fold("Sampling", self.form.native, self.restore)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.fold)
        whole.addWidget(self.cost)
        self.restore.clicked.connect(lambda: self.fill(self._usual))
        self.form.changed.connect(self.tell_cost)
        self.fill(self._usual)

    @property
    def device(self) -> str:
        return str(self.form.device.value)

    def values(self) -> dict[str, Any]:
        """What the form holds, by name."""
        return dict(self.form.asdict())

    def fill(self, values: dict[str, Any]) -> None:
        """Put values into the form. What does not fit is left out, as are unknown names."""
        for widget in self.form:
            value = values.get(widget.name, widget.value)
            with suppress(ValueError, TypeError):
                if hasattr(widget, "line_edit"):  # of a file: it would be made absolute
                    widget.line_edit.value = "" if str(value) == "." else str(value)
                else:
                    widget.value = tuple(value) if isinstance(value, list) else value
        self.tell_cost()

    def settings(self, **others: Any) -> Settings:
        """The settings shown here, and others. Raises SettingsError for unusable values."""
        own = self.values()
        del own["device"]
        return as_settings(own | others, self._settings)

    def learn_rate(self, seconds: float, patches: int) -> None:
        """Remember the speed of the last run."""
        self._rate = seconds / patches if patches else None
        self.tell_cost()

    def tell_cost(self, *_: object) -> None:
        """Show what a run will cost before it starts, and what was changed."""
        try:
            patches = expected_patches(self.settings())
        except SettingsError as error:
            self.cost.setText(str(error))
            return
        words = f"up to {self.form.sites.value} sites, about {patches} patches"
        if self._rate is not None:
            words += f", {self._rate * patches:.0f} s at the speed of the last run"
        changed = [w.label for w in self.form if w.value != self._usual[w.name]]
        self.cost.setText(words + (f"\nchanged: {', '.join(changed)}" if changed else ""))
