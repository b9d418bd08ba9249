"""The example of docs/adding-an-estimator.md, taken from the page and run."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from wsi_scale import estimators
from wsi_scale.judgement.estimate import estimate

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-estimator.md"


@pytest.fixture
def contrast(tmp_path, monkeypatch):
    """The page's estimator as one more file of the estimators' folder."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "estimators"
    folder.mkdir()
    (folder / "contrast.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(estimators, "__path__", [*estimators.__path__, str(folder)])
    yield estimators.all_estimators()["contrast"]
    sys.modules.pop("wsi_scale.estimators.contrast", None)
    vars(estimators).pop("contrast", None)


def test_the_new_estimator_is_heard_and_can_be_asked_for(contrast, responses_of):
    responses = responses_of(3.0)
    scales = np.array(responses.grid.scales)[responses.scale_index]
    values = {**vars(responses), "contrast": (60 - 9 * np.abs(np.log2(scales / 6))).astype("f4")}
    answer = estimate(type(responses)(**values), estimator="contrast")
    assert answer.voices["contrast"] == pytest.approx(6, rel=0.05)
    assert answer.verdict == "no_evidence"
    assert estimate(type(responses)(**values)).estimator == "fingerprint"
