"""A drop-down list of the viewer's layers of one kind, kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QComboBox

if TYPE_CHECKING:
    from napari.components import ViewerModel


def is_image(layer: Any) -> bool:
    """Whether the layer is an image; labels are not."""
    from napari.layers import Image

    return isinstance(layer, Image)


def is_shapes(layer: Any) -> bool:
    from napari.layers import Shapes

    return isinstance(layer, Shapes)


class Layers:
    """Keeps the items of a drop-down list equal to the viewer's layers, newest first."""

    def __init__(
        self,
        viewer: ViewerModel,
        combo: QComboBox,
        fits: Callable[[Any], bool],
        *,
        before: tuple[str, ...] = (),
        words: str = "{}",
    ) -> None:
        """before: first items, which are not layers. words: how a layer's name is shown."""
        self._viewer, self._combo, self._fits = viewer, combo, fits
        self._words = words
        self._fixed = len(before)
        self._layers: list[Any] = []
        combo.addItems(before)
        events = viewer.layers.events
        self._watched = (events.inserted, events.removed, events.reordered)
        for event in self._watched:
            event.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Update the list and keep the choice, unless the chosen layer was removed."""
        chosen, place = self.chosen, self._combo.currentIndex()
        for layer in self._layers:
            layer.events.name.disconnect(self.refresh)
        self._layers = [layer for layer in reversed(list(self._viewer.layers)) if self._fits(layer)]
        for layer in self._layers:
            layer.events.name.connect(self.refresh)
        kept = chosen is not None and chosen in self._layers
        blocked = self._combo.blockSignals(True)
        while self._combo.count() > self._fixed:
            self._combo.removeItem(self._fixed)
        self._combo.addItems([self._words.format(layer.name) for layer in self._layers])
        self._combo.blockSignals(blocked)
        if kept:
            blocked = self._combo.blockSignals(True)
            self._combo.setCurrentIndex(self._fixed + self._layers.index(chosen))
            self._combo.blockSignals(blocked)
            return
        if self._fixed:
            self._combo.setCurrentIndex(place if 0 <= place < self._fixed else 0)
        self._combo.currentIndexChanged.emit(self._combo.currentIndex())

    @property
    def chosen(self) -> Any:
        """The layer of the current item; None if the item is not a layer."""
        place = self._combo.currentIndex() - self._fixed
        return self._layers[place] if 0 <= place < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        if layer in self._layers:
            self._combo.setCurrentIndex(self._fixed + self._layers.index(layer))

    def leave(self) -> None:
        """Disconnect from all events."""
        for event in self._watched:
            event.disconnect(self.refresh)
        for layer in self._layers:
            layer.events.name.disconnect(self.refresh)
        self._layers = []
