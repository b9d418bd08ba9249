"""The sites of a run as rectangles on the slide: their true fields of view."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QWidget

from wsi_scale.pipeline.fields_of_view import Field, field_at
from wsi_scale.render.sentence import number
from wsi_scale_napari.colours import site_colour
from wsi_scale_napari.frame import box_to_data, placement, screen_width, world_to_level0
from wsi_scale_napari.removal import remove_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Shapes

NAME = "wsi-scale sites"
EDGE_SCREEN_PX = 3.0
CHOSEN = 1.7
"""The edge of the chosen site is this many times as wide, and of a colour of its own."""
CHOSEN_COLOUR = (0.0, 0.9, 1.0, 1.0)
WIDEST = 0.2
"""Most of a rectangle's side that its edge takes, so that a small one is not a block."""


class SitesOverlay:
    """A Shapes layer over one image, empty at first; ``remove`` deletes it.

    It is made before a run and kept for the next one, because making and removing a layer block the
    window.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image,
        chosen: Callable[[int], None],
        window: QWidget | None = None,
    ) -> None:
        """chosen: called with the site that is clicked. window: holds the viewer's canvas."""
        self._viewer, self._image, self._chosen = viewer, image, chosen
        self._window = window
        self.layer: Shapes | None = None
        self._fields: Sequence[Field] = ()
        self._common: float | None = None
        viewer.scene.camera.events.zoom.connect(self._set_edges)
        # after napari itself: its layers must handle the change first
        viewer.dims.events.ndisplay.connect(self._paint, position="last")
        self._make()

    def is_over(self, image: Image | None) -> bool:
        """Whether it was made over that image; the layer may have been deleted since."""
        return bool(self._image == image)  # napari may hand out proxies

    @property
    def is_gone(self) -> bool:
        """Whether the user deleted the layer."""
        return self.layer not in self._viewer.layers

    def show(self, fields: Sequence[Field], common: float | None) -> None:
        """Show these fields; colours compare each site's scale with the common one."""
        self._fields, self._common = fields, common
        self._paint()

    @property
    def _paintable(self) -> bool:
        """Whether the layer exists and the view is 2D: napari refuses flat shapes in 3D."""
        return self.layer in self._viewer.layers and self._viewer.dims.ndisplay == 2

    def _paint(self, *_: object) -> None:
        layer, fields = self.layer, self._fields
        if layer is None or not self._paintable:
            return
        boxes = [(box_to_data(field.box), "rectangle") for field in fields]
        features = {"site": range(1, len(fields) + 1), "scale": [_words(x) for x in fields]}
        chosen = {site for site in layer.selected_data if site < len(fields)}
        with layer.events.data.blocker():
            layer.data = boxes
        if boxes:
            layer.features = features  # in the status bar: no text colour is legible on H&E
        self._set_edges()
        layer.selected_data = chosen
        self._colour()

    def _colour(self) -> None:
        """Colour each rectangle by its own answer, and the chosen one apart."""
        layer, fields = self.layer, self._fields
        if layer is None or not fields or len(layer.data) != len(fields):
            return
        colours = np.array([(*site_colour(field.scale, self._common), 1.0) for field in fields])
        for site in layer.selected_data:
            colours[site] = CHOSEN_COLOUR
        layer.edge_color = colours

    def _make(self) -> None:
        from napari.layers import Shapes

        self.layer = Shapes(
            ndim=2,
            face_color="transparent",  # fields overlap: fills would hide the slide
            opacity=1.0,
            name=NAME,
            **placement(self._image),
        )
        self._viewer.add_layer(self.layer)
        self.layer.mode = "pan_zoom"
        self.layer.mouse_drag_callbacks.append(self._clicked)
        self.layer.selected_data.events.items_changed.connect(self._selected)
        self.layer.events.data.connect(self._restore)

    def _restore(self, event: Any) -> None:
        """Undo what the user deletes, adds or moves: these rectangles are not drawings."""
        if str(event.action).endswith("ed"):  # only after napari has finished
            self._paint()

    def _clicked(self, layer: Any, event: Any) -> Generator[None, None, None]:
        """A click that is not a drag chooses the site under it."""
        yield
        if event.type == "mouse_move":
            return
        ((x, y),) = world_to_level0(self._image, np.array([event.position[-2:]]))
        site = field_at(self._fields, x, y)
        if site is not None:
            layer.selected_data = {site}

    def _selected(self, *_: object) -> None:
        if self.layer is not None and len(self.layer.selected_data) == 1:
            (one,) = self.layer.selected_data
            self._colour()
            self._set_edges()
            self.layer.move_to_front()
            self._chosen(int(one))

    def select(self, site: int) -> None:
        """Mark a site, as if it had been clicked."""
        if self.layer is not None and site < len(self._fields):
            self.layer.selected_data = {site}

    def _edge(self) -> float:
        """Width of an edge, in data pixels, that is visible at this zoom."""
        return max(1.0, screen_width(self._viewer, self._image, EDGE_SCREEN_PX))

    def _set_edges(self, *_: object) -> None:
        layer = self.layer
        if layer is not None and self._paintable and len(layer.data) == len(self._fields):
            width = self._edge()
            chosen = layer.selected_data
            wide = [
                min(
                    CHOSEN * width if i in chosen else width,
                    max(WIDEST * field.box.width, width / EDGE_SCREEN_PX),
                )
                for i, field in enumerate(self._fields)
            ]
            before = np.array(layer.edge_width)
            if (abs(np.array(wide) / before - 1) > 0.2).any():
                layer.edge_width = wide
                layer.events.edge_width()  # napari itself does not notify the canvas

    def remove(self) -> None:
        """Remove the layer and all its listeners."""
        self._viewer.scene.camera.events.zoom.disconnect(self._set_edges)
        self._viewer.dims.events.ndisplay.disconnect(self._paint)
        if self.layer is not None and self.layer in self._viewer.layers:
            remove_layer(self._viewer, self.layer, self._window)
            if self._image in self._viewer.layers:
                self._viewer.layers.selection.active = self._image
        self.layer = None


def _words(field: Field) -> str:
    return "" if field.scale is None else number(field.scale)
