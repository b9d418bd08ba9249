"""The report JSON is a contract: its schema is published and every report keeps to it."""

import json
from pathlib import Path

from wsi_scale.report import json_schema

DOCS = Path(__file__).parents[1] / "docs"


def test_the_published_schema_is_the_one_the_code_writes():
    published = json.loads((DOCS / "report.schema.json").read_text())
    assert published == json_schema(), "run `python -m wsi_scale.report > docs/report.schema.json`"
