import torch

from gaussian_data import D, Linear, probe_of
from offmanifold.measures.accuracy import Accuracy, correct


def test_correct_is_the_largest_logit_and_nan_is_wrong():
    logits = torch.tensor([[1.0, 2.0], [2.0, 1.0], [torch.nan, 1.0], [torch.inf, 1.0]])
    assert correct(logits, torch.tensor([1, 1, 0, 0])).tolist() == [1, 0, 0, 0]
    assert correct(torch.tensor([[1.0, -torch.inf]]), torch.tensor([0])).tolist() == [1]


def test_a_model_that_always_says_one_class_has_its_share():
    probe = probe_of(Linear(torch.zeros(3, D), torch.tensor([0.0, 5.0, 0.0])))
    column = Accuracy().columns(probe)
    number = Accuracy().reduce({k: v.numpy() for k, v in column.items()}, 12)
    assert number["value"] == 4 / 12
    assert number["method"] == "wilson"
