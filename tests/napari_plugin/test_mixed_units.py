"""Slides with and without µm lie in one window without napari's warning about it."""


def test_a_window_opened_later_is_not_warned_of_mixed_units_either(app):
    from napari.utils.notifications import (
        Notification,
        NotificationSeverity,
        notification_manager,
    )

    from wsi_scale_napari.mixed_units import WARNING, allow_mixed_units

    heard = []

    def listen(notification):
        heard.append(notification.message)

    def tell(message):
        notification_manager.dispatch(Notification(message, NotificationSeverity.WARNING))

    ready = notification_manager.notification_ready
    allow_mixed_units()
    ready.connect(listen, position="first")  # as napari's windows do
    try:
        tell(f"{WARNING}: without a dock in that window")
        assert len(heard) == 1
        allow_mixed_units()
        tell(f"{WARNING}: pixel, micrometer")
        tell("something else")
    finally:
        ready.disconnect(listen)
    assert heard[1:] == ["something else"]
