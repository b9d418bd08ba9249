"""The chosen kind of file gives the suffix that a name lacks."""

import pytest

pytest.importorskip("qtpy")


@pytest.mark.parametrize(
    ("downs", "typed", "written"),
    [(0, "answer", "answer.json"), (3, "sites", "sites.geojson"), (2, "a.csv", "a.csv")],
)
def test_a_name_without_a_suffix_gets_that_of_the_chosen_kind(app, tmp_path, downs, typed, written):
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QComboBox, QLineEdit, QWidget

    from wsi_scale_napari.export import KINDS
    from wsi_scale_napari.save_dialog import ask_where_to_save

    parent, chosen = QWidget(), []
    dialog = ask_where_to_save(parent, "Export", KINDS, chosen.append)
    kinds, name = dialog.findChild(QComboBox, "fileTypeCombo"), dialog.findChild(QLineEdit)
    if kinds is None:
        pytest.skip("the dialog is the system's own, which a test cannot press")
    for _ in range(downs):
        QTest.keyClick(kinds, Qt.Key.Key_Down)
    name.setText(str(tmp_path / typed))
    QTest.keyClick(name, Qt.Key.Key_Return)
    app.processEvents()
    assert chosen == [tmp_path / written]
    parent.deleteLater()
