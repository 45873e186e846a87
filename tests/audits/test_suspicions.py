from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold._core.reasons import Reason
from offmanifold.audits.suspicions import DEFAULT, suspicions
from offmanifold.data.config import DataConfig
from offmanifold.models import ModelCard
from offmanifold.reports import regime_reason

CPU = torch.device("cpu")
OTHERS = ModelCard("net.py:make")


class Nearest(nn.Module):
    """The nearest class mean, of images brought back from another range of pixels."""

    def __init__(self, data: om.Data, back):
        super().__init__()
        self.means, self.back = nn.Parameter(data.train.class_means.flatten(1)), back

    def forward(self, x):
        return -(self.back(x).flatten(1)[:, None] - self.means).square().sum(2)


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (lambda x: x / 255, "pixels from 0 to 255: given x * 255"),
        (lambda x: 1 - x, "inverted pixels: given 1 - x"),
    ],
)
def test_another_range_of_pixels_is_tried(digits, back, said: str):
    found = suspicions(Nearest(digits, back), OTHERS, digits, CPU)
    assert len(found) == 1
    assert said in str(found[0])
    options = {"limit": 250, "only": ["accuracy.clean"], "show": False}
    audit = om.audit(Nearest(digits, back), digits, **asked(**options))
    assert audit.regime.name == "collapsed"
    assert audit.json["suspicions"] == [asdict(found[0])]
    for language in ("en", "ja"):
        assert str(found[0].values["how"]) in regime_reason(audit.json, language)


def test_a_model_that_is_right_is_not_suspected(digits):
    assert not suspicions(Nearest(digits, lambda x: x), OTHERS, digits, CPU)
    audit = om.audit(
        Nearest(digits, lambda x: x), digits, **asked(limit=60, show=False, only=["accuracy.clean"])
    )
    assert "suspicions" not in audit.json


def test_what_was_not_given_is_named(digits):
    model = Nearest(digits, lambda x: 0 * x)
    (said,) = suspicions(model, replace(OTHERS, untrained=True), digits, CPU)
    assert said == Reason("suspicion.untrained", {"spec": OTHERS.spec})
    data = om.load_data(DEFAULT)
    (said,) = suspicions(Nearest(data, lambda x: 0 * x), OTHERS, data, CPU)
    assert said == Reason("suspicion.default_data", {"spec": DEFAULT})
    trained = replace(OTHERS, config={"data": data.fingerprint})
    assert not suspicions(Nearest(data, lambda x: 0 * x), trained, data, CPU)
    assert DataConfig().data == DEFAULT
