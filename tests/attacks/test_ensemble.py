import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold.attacks import APGD, ensemble, misclassified, robust_accuracy


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(classes: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, classes)).double()


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_linear_classifier_of_any_number_of_classes(classes: int):
    """What is left is what lies farther than eps from every other class (no box met)."""
    model = linear(classes)
    x = 0.5 + 0.05 * torch.randn(150, 1, 6, 6, generator=seeded(), dtype=torch.double)
    logits = model(x).detach()
    y = logits.argmax(1)
    y[:10] = (y[:10] + 1) % classes
    w = model[1].weight.detach()
    gaps = (logits.gather(1, y[:, None]) - logits) / (w[y][:, None] - w[None]).norm(dim=2)
    distance = gaps.scatter(1, y[:, None], torch.inf).amin(1)  # below 0 where it is wrong
    eps = float(distance[distance > 0].median())
    found = robust_accuracy(model, x, y, eps, generator=seeded(), queries=20)
    sure = (distance - eps).abs() > 0.01 * eps
    assert found.robust[sure].equal((distance > eps)[sure])
    assert found.clean.equal(distance > 0)
    assert 0 < found.accuracy < float(found.clean.double().mean())


def test_each_attack_is_made_on_what_the_ones_before_left():
    model = linear(4)
    x = torch.rand(60, 1, 6, 6, dtype=torch.double)
    found = robust_accuracy(model, x, model(x).argmax(1), 0.05, generator=seeded(), queries=30)
    assert list(found.left) == ["apgd_cross_entropy", "apgd_targeted", "square"]
    before = found.clean
    for left in found.left.values():
        assert (left <= before).all()
        before = left
    assert list(ensemble(1.0, "l2", 2)) == ["apgd_cross_entropy", "apgd_margin", "square"]
    assert ensemble(1.0, "linf", 12)["apgd_targeted"] == APGD(1.0, "linf", targets=9)


def test_the_worst_of_all_is_no_better_than_one_of_them():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.SiLU(), nn.Linear(16, 4))
    x = torch.rand(80, 1, 6, 6)
    y = model(x).argmax(1)
    found = robust_accuracy(model, x, y, 0.15, "l2", generator=seeded(), queries=100)
    for attack in ensemble(0.15, "l2", 4, 100).values():
        alone = ~misclassified(model, attack(model, x, y, generator=seeded(3)), y)
        assert found.accuracy <= float(alone.float().mean()) + 1 / 80


def test_an_image_is_judged_alike_in_any_batch():
    model = linear(3)
    x = torch.rand(12, 1, 6, 6, dtype=torch.double)
    y = model(x).argmax(1)

    def judged(rows: list[int]) -> torch.Tensor:
        noise = ImageNoise(torch.tensor(rows), seed=0, name="robust")
        return robust_accuracy(model, x[rows], y[rows], 0.05, generator=noise, queries=20).robust

    whole = judged(list(range(12)))
    assert torch.cat([judged([i]) for i in range(12)]).equal(whole)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"eps": 0.0}, "eps > 0"), ({"eps": 1.0, "norm": "l7"}, "unknown norm")],
)
def test_what_cannot_be(options: dict, said: str):
    x = torch.rand(2, 1, 6, 6)
    with pytest.raises(InputError, match=said):
        robust_accuracy(linear(2).float(), x, torch.zeros(2).long(), generator=seeded(), **options)
