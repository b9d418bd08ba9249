"""Keeps a warning of napari's away that slides with and without µm/px bring up together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import notification_manager

if TYPE_CHECKING:
    from napari.utils.notifications import Notification

WARNING = "Inconsistent units across layers"
"""So napari's warning begins. It comes with every layer that is added, and nobody can help it: a
slide that states no µm/px has no units, and none are invented for it."""


def allow_mixed_units() -> None:
    """Let layers in px lie beside layers in µm without a warning, from now on."""
    ready = notification_manager.notification_ready
    if _drop in ready.callbacks:
        ready.disconnect(_drop)  # the listener of a newer window would hear it before
    ready.connect(_drop, position="first")


def _drop(told: Notification) -> None:
    if told.message.startswith(WARNING):
        told.blocked = True
