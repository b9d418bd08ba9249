"""The report JSON is a contract: its schema is published and every report keeps to it."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from wsi_scale.report import Report, json_schema

DOCS = Path(__file__).parents[1] / "docs"
SEED = Path(__file__).parent / "fuzz" / "seeds" / "report.json"


def test_the_published_schema_is_the_one_the_code_writes():
    published = json.loads((DOCS / "report.schema.json").read_text())
    assert published == json_schema(), "run `python -m wsi_scale.report > docs/report.schema.json`"


@pytest.mark.parametrize("value", [0, -2.0])
@pytest.mark.parametrize(
    "place", [("scale",), ("mpp",), ("nearest_level", "residual"), ("nearest_level", "downsample")]
)
def test_a_report_whose_sizes_are_not_above_zero_is_refused_when_read(place, value):
    said = json.loads(SEED.read_text())
    Report.from_json(json.dumps(said))
    inner = said
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ValidationError, match="greater than 0"):
        Report.from_json(json.dumps(said))
