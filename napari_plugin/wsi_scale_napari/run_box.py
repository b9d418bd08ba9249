"""The buttons Run, Cancel, Words and Help, and the progress of the run."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from wsi_scale_napari.help_button import HelpButton
from wsi_scale_napari.words_button import WordsButton
from wsi_scale_napari.work import State


class RunBox(QWidget):
    """Four buttons, a progress bar and a line of text."""

    def __init__(self) -> None:
        super().__init__()
        self.run, self.cancel = QPushButton("Find the optimal scale"), QPushButton("Cancel")
        self.bar, self.words = QProgressBar(), QLabel()
        self.glossary, self.help = WordsButton(), HelpButton()
        self.words.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.run, 0, 0)
        grid.addWidget(self.cancel, 0, 1)
        grid.addWidget(self.glossary, 0, 2)
        grid.addWidget(self.help, 0, 3)
        grid.addWidget(self.bar, 1, 0, 1, 4)
        grid.addWidget(self.words, 2, 0, 1, 4)
        grid.setColumnStretch(0, 1)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing jumps when a run ends
        self.bar.setSizePolicy(policy)
        self.run.setToolTip("Measure the slide; the last answer stays until a new one comes")
        self.cancel.setToolTip("Stop at once and keep what was found")
        self.show_state(None)

    def show_state(self, state: State | None, slide: str = "", kept: bool = False) -> None:
        """Show how far a run is; None before the first.

        After the end the slide is named, because another may be chosen by then. kept: the answer of
        the run before is still shown.
        """
        running = state is not None and not state.ended
        self.run.setEnabled(not running)
        self.cancel.setEnabled(running)
        self.bar.setVisible(running)
        if state is None:
            return
        self.bar.setRange(0, state.total)  # 0 to 0: moves until the total is known
        self.bar.setValue(state.done)
        left = state.seconds_left
        time = "" if left is None or not running else f", about {left:.0f} s left"
        whose = "" if running or not slide else f" · {slide}"
        old = " · the answer below is of the run before" if state.ended and kept else ""
        self.words.setText(f"{state.words}{time}{whose}{old}")
