"""Whatever a sure classifier is asked: float32 finds what float64 finds, at any scale of logits."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import offmanifold as om
from asking import asked
from gaussian_data import SHAPE, D, GaussianManifold, covariance, probe_of
from gaussian_data import images as gaussian_images
from offmanifold._core.randomness import ImageNoise
from offmanifold.attacks import APGD, PGD, Square, robust_accuracy
from offmanifold.gradients.attributions import NAME as ATTRIBUTIONS
from offmanifold.gradients.input_gradient import core_gradient, input_gradient
from offmanifold.gradients.variants import VARIANTS
from offmanifold.manifolds.resolve import resolve_manifold
from offmanifold.models import SmallResNet
from offmanifold.models.adapters import TwoLogits
from offmanifold.models.scalars import SCALARS, log_odds
from offmanifold.objectives import Resources, objectives
from offmanifold.synthesis import Ascent, ascend
from offmanifold.synthesis.guidance import denoise_towards

SCALES = (0.1, 1.0, 10.0, 100.0)
N, K = 8, 5


class Scaled(nn.Module):
    """The same decisions, logits `scale` times as large."""

    def __init__(self, model: nn.Module, scale: float):
        super().__init__()
        self.model, self.scale = model, scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.model(x)


def network(scale: float) -> nn.Module:
    """Return a network whose logits differ by 5 or so times the scale."""
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(D, 32), nn.SiLU(), nn.Linear(32, K)
    return Scaled(nn.Sequential(*layers), 30 * scale).eval()


def images() -> Tensor:
    return torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(3))


def both(scale: float):
    """Return (model, images, predicted labels) in float32, and the same in float64."""
    x = images()
    for dtype in (torch.float32, torch.float64):
        model = network(scale).to(dtype)
        y = model(x.to(dtype)).argmax(1)
        yield model, x.to(dtype), y


def apart(one: Tensor, exact: Tensor) -> float:
    """Return the largest distance of an image to the exact one, over the latter's norm."""
    away = (one.double() - exact.double()).flatten(1).norm(dim=1)
    return float((away / exact.double().flatten(1).norm(dim=1)).max())


def direction(v: Tensor) -> Tensor:
    return F.normalize(v.double().flatten(1), dim=1, eps=1e-300)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", SCALARS)
def test_gradients(name, scale):
    (one, x, y), (exact, fine, _) = both(scale)
    found = input_gradient(one, x, y, name)
    core = core_gradient(exact, fine, y, name)[0]
    assert apart(direction(found), direction(core)) < 1e-3
    if (
        float(log_odds(exact(fine), y).detach().max()) < 60
    ):  # beyond, float32 has no such small numbers
        assert apart(found, input_gradient(exact, fine, y, name)) < 1e-3


@pytest.mark.parametrize("s", [0.3, 17.0, 40.0, 2000.0])
def test_a_single_logit(s):
    """∇u = ±∇s, whatever s is."""
    weight = torch.linspace(-1, 1, D)

    class One(nn.Module):
        def forward(self, x):
            return s + (x.flatten(1) @ weight.to(x))[:, None]

    model, y = nn.Sequential(One(), TwoLogits()), torch.arange(N) % 2
    found = direction(input_gradient(model, images(), y)).flatten(1)
    sign = torch.where(y == 1, 1.0, -1.0)[:, None]
    torch.testing.assert_close(found, (sign * F.normalize(weight, dim=0)).double())


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    "attack",
    [
        PGD(0.3, steps=4),
        PGD(0.05, "linf", steps=4, keep_best=False),
        APGD(0.3, steps=6),
        APGD(0.3, steps=6, loss="margin"),
        APGD(0.3, steps=6, loss="dlr"),
        APGD(0.3, steps=6, targets=2),
        Square(0.3, queries=30),
    ],
    ids=str,
)
def test_attacks(attack, scale):
    (one, x, y), (exact, fine, _) = both(scale)
    found, wanted = (
        attack(m, v, y, generator=torch.Generator().manual_seed(0))
        for m, v in ((one, x), (exact, fine))
    )
    assert apart(found - x, wanted - fine) < 1e-3


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", objectives)
def test_objectives(name, scale):
    """Losses, and their gradients to the weights where float32 has numbers that small."""
    labels = torch.arange(N) % K
    found = []
    for model, x, y in both(scale):
        source = gaussian_images(40, K)
        objective = objectives[name]().prepare(Resources(train_data=source))
        y = torch.where(torch.arange(N) < N // 2, y, labels)  # some sure, some wrong
        model.zero_grad()
        loss = objective(model, x, y, generator=torch.Generator().manual_seed(0)).per_sample
        loss.mean().backward()
        weights = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((loss.detach().double(), weights.double()))
    (loss, weights), (exact, exact_weights) = found
    torch.testing.assert_close(loss, exact, rtol=1e-3, atol=1e-6)
    assert apart(weights[None], exact_weights[None]) < 1e-3


@pytest.mark.parametrize("form", ["exact", "finite"])
def test_the_gradient_norm_of_sure_images_alone(form):
    (one, x, y), (exact, fine, _) = both(20.0)
    u = log_odds(exact(fine), y)
    sure = (u > 17) & (u < 40)  # where 1 − p_y rounds to 0, and its square does not
    assert sure.sum() > 2
    x, fine, y = x[sure], fine[sure], y[sure]
    norms = []
    for model, v in ((one, x), (exact, fine)):
        objective = om.objectives.GradientNorm(weight=1.0, form=form)
        parts = objective(model, v, y, generator=torch.Generator()).parts
        norms.append(parts["gradient_norm_sq"].detach().double())
    assert ((norms[0] - norms[1]).abs() / norms[1]).max() < (1e-3 if form == "exact" else 1e-2)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("objective", ["log_prob", "margin", "logit"])
def test_ascent(objective, scale):
    (one, x, y), (exact, fine, _) = both(scale)
    how = Ascent(objective, eps=0.3, steps=6)
    found, wanted = ascend(one, x, y, how), ascend(exact, fine, y, how)
    assert apart(found.images - x, wanted.images - fine) < 1e-3
    assert ((wanted.images - fine).flatten(1).norm(dim=1) > 0.2).all()  # and it does climb


@pytest.mark.parametrize("scale", SCALES)
def test_guidance(scale):
    means = torch.rand(K, D, generator=torch.Generator().manual_seed(0))
    manifold = GaussianManifold(means, covariance(torch.linspace(0.01, 1, D)))
    (one, x, y), (exact, fine, _) = both(scale)
    y = torch.arange(N) % K
    moves = []
    for model, v in ((one, x), (exact, fine)):
        options = {"guidance": 1.0, "objective": "log_prob"}
        moves.append(
            denoise_towards(model, manifold, v, y, 0.25, **options)
            - denoise_towards(model, manifold, v, y, 0.25, guidance=0.0)
        )
    sure = moves[1].flatten(1).norm(dim=1) < 1e-6  # and rightly not moved
    assert apart(moves[0][~sure], moves[1][~sure]) < 1e-3


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [*SCALARS, *(n for n in VARIANTS if n != ATTRIBUTIONS)])
def test_the_gradients_of_an_audit_do_not_depend_on_the_scale_of_logits(name, scale):
    """At the fitted temperature, which follows it."""
    pytest.importorskip("captum")
    means = torch.rand(K, D, generator=torch.Generator().manual_seed(0))
    manifold = GaussianManifold(means, covariance(torch.linspace(0.01, 1, D)))
    split = gaussian_images(N, K)
    one, scaled = (
        probe_of(network(s), manifold, split, temperature=30 * s).gradient(name)
        for s in (1.0, scale)
    )
    assert apart(direction(scaled), direction(one)) < 1e-3


def test_robust_accuracy_does_not_fall_for_sure_answers():
    """An ensemble breaks at least what the margin's sign says of a linear classifier."""
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(D, 3))
    linear.requires_grad_(False)
    x, y = images(), linear(images()).argmax(1)
    w = linear[1].weight
    away = [
        min(
            (linear(x[i : i + 1])[0, y[i]] - linear(x[i : i + 1])[0, c]) / (w[y[i]] - w[c]).norm()
            for c in range(3)
            if c != y[i]
        )
        for i in range(N)
    ]
    eps = float(torch.stack(away).median()) * 1.02
    survives = {}
    for scale in (1.0, 1e4):
        noise = ImageNoise(torch.arange(N), seed=0, name="x")
        model = Scaled(linear, scale)
        survives[scale] = robust_accuracy(model, x, y, eps, generator=noise, queries=50).robust
    assert survives[1e4].equal(survives[1.0])


@pytest.fixture(scope="module")
def known():
    """Images of a known law, their exact manifold and a network with a third of mistakes."""
    data = om.load_data("mixture:4:1200")
    torch.manual_seed(0)
    batch = data.train.read(data.train.rows)
    model = SmallResNet(1, 4, width=8)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(3):
        for rows in torch.randperm(len(batch.x)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(model(batch.x[rows]), batch.y[rows]).backward()
            optimiser.step()
    return data, resolve_manifold("exact", data, device="cpu"), model.eval()


@pytest.mark.parametrize("scale", [0.1, 10, 100])
def test_every_number_of_an_audit_stays_when_logits_are_scaled(known, scale):
    data, manifold, model = known

    def numbers(s: float) -> dict[str, float | None]:
        options = {"limit": 20, "explain": True, "show": False, "batch_size": 20}
        found = om.audit(Scaled(model, s), data, manifold, **asked(**options)).json
        assert found["settings"]["temperature"] == pytest.approx(s * temperature, rel=1e-3)
        return {name: number["value"] for name, number in found["measures"].items()}

    temperature = om.audit(model, data, manifold, limit=20, show=False).json["settings"][
        "temperature"
    ]
    one, other = numbers(1.0), numbers(float(scale))
    assert 0.4 < one["accuracy.clean"] < 1
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == pytest.approx(value, abs=0.01, rel=0.01), name
