"""The CSV beside a batch: what people ask for, safe in a spreadsheet."""

import csv
import io

from wsi_scale.batch.row import columns
from wsi_scale.batch.row_table import COLUMNS, rows_csv


def read(rows):
    return list(csv.DictReader(io.StringIO(rows_csv(rows))))


def test_each_slide_has_a_line_with_both_ends_of_its_interval(row_of):
    good = row_of("/s/b.svs") | {"scale": 2.0, "scale_interval": [1.5, 2.5], "slide.mpp": None}
    bad = row_of("/s/a.svs", error="torn")
    first, second = read([good, bad])
    assert (first["path"], first["error"]) == ("/s/a.svs", "torn")
    assert (second["scale"], second["scale_low"], second["scale_high"]) == ("2.0", "1.5", "2.5")
    assert second["stated_mpp_x"] == ""


def test_a_spreadsheet_computes_nothing(row_of):
    (line,) = read([row_of("=HYPERLINK(1).svs", "@cohort") | {"reason": "-1+1"}])
    assert line["path"].startswith("'=")
    assert line["cohort"].startswith("'@")
    assert line["reason"].startswith("'-")


def test_every_column_comes_from_a_column_of_the_rows():
    for name in COLUMNS.values():
        assert name.removesuffix(".0").removesuffix(".1") in columns()
