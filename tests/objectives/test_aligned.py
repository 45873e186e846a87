import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gaussian_data import SHAPE, GaussianManifold, covariance
from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.objectives import Aligned, Resources
from offmanifold.objectives.aligned import ByScores, ToImages, ToNearest, drawn_classes

D = 20


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def split(n: int = 30, classes=("class 0", "class 1", "class 2")) -> Split:
    pixels = torch.rand(n, *SHAPE, generator=seeded(3)).numpy()
    labels = None if classes is None else np.arange(n) % len(classes)
    source = ArraySource(pixels, labels, [str(i) for i in range(n)])
    return Split(source, np.arange(n), classes)


def linear(k: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(D, k))


@pytest.mark.parametrize("directions", ["class_means", "single_image", "nearest"])
def test_a_linear_classifier_by_hand(directions: str):
    """Its gradient of the logit of class c is the c-th row of its weights."""
    train, model = split(), linear()
    objective = Aligned(weight=0.3, directions=directions).prepare(Resources(train_data=train))
    x, y = torch.rand(6, *SHAPE, generator=seeded(4)), torch.arange(6) % 3
    loss = objective(model, x, y, generator=seeded())
    c = drawn_classes(6, 3, seeded())
    assert len(c.unique()) > 1
    wanted = (objective.guide(x, c, seeded())).flatten(1)
    cosine = F.cosine_similarity(model[1].weight[c], wanted)
    torch.testing.assert_close(loss.parts["one_minus_cosine"], 1 - cosine)
    expected = F.cross_entropy(model(x), y, reduction="none") + 0.3 * (1 - cosine)
    torch.testing.assert_close(loss.per_sample, expected)


def test_directions_by_hand():
    train = split()
    every = train.read(train.rows)
    x, c = torch.rand(4, *SHAPE, generator=seeded(5)), torch.tensor([0, 2, 1, 1])
    means, typical = ToImages.means(train).images, ToImages.typical(train).images
    for k in range(3):
        members = every.x[every.y == k]
        torch.testing.assert_close(means[k], members.mean(0))
        nearest = (members - members.mean(0)).flatten(1).norm(dim=1).argmin()
        assert typical[k].equal(members[nearest])
    torch.testing.assert_close(ToImages(means)(x, c, seeded()), means[c] - x)
    found = ToNearest.of(train)(x, c, seeded())
    for i in range(4):
        ways = every.x[every.y == c[i]] - x[i]
        torch.testing.assert_close(found[i], ways[ways.flatten(1).norm(dim=1).argmin()])


def test_an_image_is_not_its_own_neighbour():
    train = split()
    batch = train.read(train.rows[:5])
    way = ToNearest.of(train)(batch.x, batch.y, seeded())
    assert (way.flatten(1).norm(dim=1) > 0.1).all()


def test_a_bayes_optimal_classifier_is_aligned_with_the_score_difference():
    """Its penalty is the one that noise leaves, far below that of a random classifier."""
    torch.manual_seed(0)
    means = torch.randn(3, D)
    c = covariance(torch.linspace(0.5, 1.0, D))
    manifold = GaussianManifold(means, c)
    precision = torch.linalg.inv(c + 0.25**2 * torch.eye(D)).float()
    bayes, random = linear(), linear()
    with torch.no_grad():
        bayes[1].weight.copy_(means @ precision)
        bayes[1].bias.copy_(-0.5 * (means @ precision * means).sum(1))
    objective = Aligned(directions="score_difference")
    objective = objective.prepare(Resources(manifold=manifold, train_data=split()))
    x, y = torch.rand(64, *SHAPE, generator=seeded(6)), torch.arange(64) % 3
    away = [
        objective(model, x, y, generator=seeded()).parts["one_minus_cosine"].mean()
        for model in (bayes, random)
    ]
    assert away[0] < 0.1
    assert away[1] > 0.5
    other = objective(bayes, x, y, generator=seeded(9)).parts["one_minus_cosine"].mean()
    assert other != away[0]  # new noise each time


def test_it_trains_the_gradient():
    """A few steps raise the cosine of a small network."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(D, 16), nn.SiLU(), nn.Linear(16, 3))
    objective = Aligned().prepare(Resources(train_data=split()))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    x, y = torch.rand(64, *SHAPE, generator=seeded(7)), torch.arange(64) % 3
    seen = []
    for _ in range(40):
        loss = objective(model, x, y, generator=seeded())
        optimiser.zero_grad()
        loss.per_sample.mean().backward()
        optimiser.step()
        seen.append(float(loss.parts["one_minus_cosine"].mean().detach()))
    assert seen[-1] < seen[0] - 0.3


def test_what_it_needs():
    assert Aligned().needs == {"train_data"}
    assert Aligned(directions="score_difference").needs == {"manifold"}
    assert not Aligned().compiles


def test_classes_are_drawn_evenly():
    counts = drawn_classes(30_000, 3, seeded()).bincount()
    assert counts.tolist() == pytest.approx([10_000] * 3, rel=0.05)


def test_what_cannot_be():
    with pytest.raises(InputError, match="unknown directions of aligned"):
        Aligned(directions="up")
    with pytest.raises(InputError, match="finite weight > 0"):
        Aligned(weight=0.0)
    with pytest.raises(InputError, match="needs labelled training images"):
        Aligned().prepare(Resources(train_data=split(classes=None)))
    with pytest.raises(InputError, match="must be prepared"):
        x = torch.rand(2, *SHAPE)
        Aligned()(linear(), x, torch.tensor([0, 1]), generator=seeded())
    means, c = torch.zeros(2, D), covariance(torch.ones(D))
    with pytest.raises(InputError, match="passed its gates at no σ"):
        ByScores.of(GaussianManifold(means, c, sigma=None), split())
    with pytest.raises(InputError, match="knows the classes"):
        ByScores.of(GaussianManifold(means, c), split())
