"""A button that shows what the words of an answer mean."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from wsi_scale.render.glossary import MORE, WORDS


class WordsButton(QPushButton):
    """Opens a window with the glossary. The window belongs to the button and closes with it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Words", parent)
        self.setToolTip("What scale, octave, interval, tolerance and the verdicts mean")
        self.window_of_words = QDialog(self)
        self.window_of_words.setWindowTitle("What the words mean")
        self.window_of_words.resize(460, 560)
        self.browser = QTextBrowser()
        self.browser.setHtml(words_html())
        QVBoxLayout(self.window_of_words).addWidget(self.browser)
        self.clicked.connect(self.window_of_words.show)


def words_html() -> str:
    """Every word and its meaning, as HTML."""
    words = (f"<p><b>{escape(word)}</b>: {escape(text)}</p>" for word, text in WORDS.items())
    return "".join([*words, f"<p>{escape(MORE)}</p>"])
