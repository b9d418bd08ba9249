"""A magicgui choice of the viewer's layers of one kind, kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from wsi_scale_napari.inputs import make

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Layers(QObject):
    """The choice of an input, made of the viewer's layers, newest first."""

    changed = Signal()
    """Emitted when another one is chosen, by a person or because the chosen layer was removed."""

    def __init__(
        self,
        viewer: ViewerModel,
        name: str,
        fits: Callable[[Any], bool],
        *,
        before: tuple[str, ...] = (),
        words: str = "{}",
    ) -> None:
        """before: first items, which are not layers. words: how a layer's name is shown."""
        super().__init__()
        self._viewer, self._fits, self._before, self._words = viewer, fits, before, words
        self._layers: list[Any] = []
        self.widget = make(name, widget_type="ComboBox", choices=self._choices, nullable=False)
        self.combo = self.widget.native
        events = viewer.layers.events
        self._watched = (events.inserted, events.removed, events.reordered)
        for event in self._watched:
            event.connect(self.refresh)
        self.refresh()
        self.combo.currentIndexChanged.connect(self.changed)

    def _choices(self, _: object) -> list[tuple[str, Any]]:
        named = [(self._words.format(layer.name), layer) for layer in self._layers]
        return [*((word, word) for word in self._before), *named]

    def refresh(self, *_: object) -> None:
        """Update the list and keep the choice, unless the chosen layer was removed."""
        before = self.widget.value
        self._follow([x for x in reversed(list(self._viewer.layers)) if self._fits(x)])
        blocked = self.combo.blockSignals(True)
        self.combo.clear()  # magicgui would put new ones last
        self.widget.reset_choices()
        kept = before is not None and before in self.widget.choices
        if kept:
            self.widget.value = before
        self.combo.blockSignals(blocked)
        if not kept:
            self.changed.emit()

    def _follow(self, layers: list[Any]) -> None:
        """Listen to the names of these layers, and of no others."""
        for layer in self._layers:
            layer.events.name.disconnect(self.refresh)
        self._layers = layers
        for layer in layers:
            layer.events.name.connect(self.refresh)

    @property
    def chosen(self) -> Any:
        """The layer of the current item; None if the item is not a layer."""
        return None if self.widget.value in self._before else self.widget.value

    def choose(self, layer: Any) -> None:
        if layer in self._layers:
            self.widget.value = layer

    def leave(self) -> None:
        """Disconnect from all events."""
        for event in self._watched:
            event.disconnect(self.refresh)
        self._follow([])
