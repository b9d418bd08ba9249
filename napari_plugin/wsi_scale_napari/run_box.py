"""Run, Cancel, and how far it is."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from wsi_scale_napari.work import State


class RunBox(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.run, self.cancel = QPushButton("Find the optimal scale"), QPushButton("Cancel")
        self.bar, self.words = QProgressBar(), QLabel()
        self.words.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.run, 0, 0)
        grid.addWidget(self.cancel, 0, 1)
        grid.addWidget(self.bar, 1, 0, 1, 2)
        grid.addWidget(self.words, 2, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self.show_state(None)

    def show_state(self, state: State | None, slide: str = "") -> None:
        """Buttons, bar and words of a run; None before the first.

        An ended run is said with its slide, since another may be chosen by now.
        """
        running = state is not None and not state.ended
        self.run.setEnabled(not running)
        self.cancel.setEnabled(running)
        self.bar.setVisible(running)
        self.words.setVisible(state is not None)
        if state is None:
            return
        self.bar.setRange(0, state.total)  # 0 to 0 moves without end: nobody knows how long
        self.bar.setValue(state.done)
        left = state.seconds_left
        time = "" if left is None or not running else f", about {left:.0f} s left"
        whose = "" if running or not slide else f" · {slide}"
        self.words.setText(f"{state.words}{time}{whose}")
