"""The optimiser: closed forms of linear classifiers, then what must hold for any."""

import gc
import math
from typing import ClassVar

import pytest
import torch
from torch.nn.functional import normalize

from gaussian_data import SHAPE, D, Linear
from offmanifold._core.errors import InputError
from offmanifold.models import SmallResNet
from offmanifold.synthesis import Ascent, Box, ascend
from offmanifold.synthesis.scales import multi_resolution

GENERATOR = torch.Generator().manual_seed(0)
W = torch.randn(3, D, generator=GENERATOR)
LINEAR = Linear(W)
START = torch.rand(6, *SHAPE, generator=GENERATOR) * 0.2 + 0.4
Y = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module")
def network() -> SmallResNet:
    torch.manual_seed(0)
    return SmallResNet(1, 3)


def images(n: int = 5) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_in_a_ball_a_linear_logit_is_highest_along_its_weights():
    found = ascend(LINEAR, START, Y, Ascent("logit", eps=0.2, steps=20))
    expected = START + 0.2 * normalize(W[Y], dim=1).reshape(START.shape)
    torch.testing.assert_close(found.images, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.norms, torch.full((6,), 0.2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.objective, LINEAR(expected).gather(1, Y[:, None])[:, 0])
    assert found.steps.tolist() == [20] * 6


def test_without_a_tight_ball_it_ends_in_the_corner_of_the_box():
    found = ascend(LINEAR, START, Y, Ascent("logit", eps=900.0, steps=30))
    assert torch.equal(found.images, (W[Y] > 0).float().reshape(START.shape))


def test_other_rules_end_where_their_steps_point():
    flat = W[Y].reshape(START.shape)
    coarse = multi_resolution(flat, (2, 1)).flatten(1)
    ends = {
        Ascent("logit", rule="adam", eps=0.2): flat.flatten(1).sign(),
        Ascent("logit", scales=(2, 1), eps=0.2): coarse,
        Ascent("logit", momentum=0.9, eps=0.2): flat.flatten(1),
    }
    for how, direction in ends.items():
        expected = START + 0.2 * normalize(direction, dim=1).reshape(START.shape)
        found = ascend(LINEAR, START, Y, how)
        torch.testing.assert_close(found.images, expected, atol=1e-4, rtol=0)


def test_every_image_stays_in_its_own_ball_and_in_the_box(network):
    radii = torch.tensor([0.01, 0.1, 0.5, 2.0, 30.0])
    found = ascend(network, images(), torch.zeros(5).long(), Ascent(), radii=radii)
    assert ((found.images - images()).flatten(1).norm(dim=1) <= radii).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert found.norms[0] > 0.0095  # and uses it


@pytest.mark.parametrize(
    "how",
    [
        Ascent(eps=1.0, steps=8),
        Ascent(eps=1.0, steps=8, copies=3, shift=2, scales=(2, 1), rule="adam"),
        Ascent(eps=1.0, steps=8, until=-0.6, patience=2),
    ],
)
def test_an_image_ends_the_same_alone_in_a_batch_and_in_any_order(network, how):
    y = torch.tensor([0, 1, 2, 0, 1])
    together = ascend(network, images(), y, how)
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled = ascend(network, images()[order], y[order], how, index=order)
    torch.testing.assert_close(shuffled.images, together.images[order], atol=1e-4, rtol=0)
    assert torch.equal(shuffled.steps, together.steps[order])
    alone = ascend(network, images()[3:4], y[3:4], how, index=torch.tensor([3]))
    torch.testing.assert_close(alone.images, together.images[3:4], atol=1e-4, rtol=0)


def test_shifts_depend_on_seed_and_index_alone(network):
    how = Ascent(eps=1.0, steps=4, copies=1, shift=3)
    y, x = torch.zeros(2).long(), images(1).expand(2, -1, -1, -1)
    same = ascend(network, x, y, how, index=torch.tensor([7, 7])).images
    other = ascend(network, x, y, how, index=torch.tensor([7, 8])).images
    assert torch.allclose(same[0], same[1], atol=1e-5)
    assert (other[0] - other[1]).norm() > 1e-3


def test_finished_images_leave_the_batch():
    sizes = []
    model = Linear(W)
    model.register_forward_hook(lambda m, a, out: sizes.append(len(a[0])))
    values = LINEAR(START).gather(1, Y[:, None])[:, 0].detach()
    until = float(values.median()) + 0.1
    found = ascend(model, START, Y, Ascent("logit", eps=2.0, steps=40, until=until))
    done = values >= until
    assert found.steps[done].tolist() == [0] * int(done.sum())
    assert torch.equal(found.images[done], START[done])
    assert (found.objective >= until - 1e-5).all()
    assert (found.steps < 40).all()
    assert sizes[1:-1] == sorted(sizes[1:-1], reverse=True)
    assert sizes[-2] < 6 <= sizes[-1]


def test_an_ascent_that_no_longer_rises_is_over():
    found = ascend(LINEAR, START, Y, Ascent("logit", eps=9000.0, steps=200, patience=3))
    assert (found.steps < 150).all()
    assert torch.equal(found.images, (W[Y] > 0).float().reshape(START.shape))


def test_where_nothing_can_be_climbed_nothing_moves():
    found = ascend(Linear(torch.zeros(3, D)), START, Y, Ascent(eps=1.0))
    assert torch.equal(found.images, START)
    assert found.steps.tolist() == [0] * 6


def test_the_model_is_left_as_found(network):
    network.train()
    first = next(network.parameters())
    first.requires_grad_(False)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    ascend(network, images(), torch.zeros(5).long(), Ascent(eps=1.0, steps=3))
    assert [m.training for m in network.modules()] == modes
    assert [p.requires_grad for p in network.parameters()].count(False) == 1
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    first.requires_grad_(True)
    network.eval()


def test_the_start_is_not_written_on(network):
    x = images()
    ascend(network, x, torch.zeros(5).long(), Ascent(eps=1.0, steps=3))
    assert torch.equal(x, images())


def test_memory_does_not_grow_with_the_steps():
    alive = []

    def count(module, given, out):
        alive.append(sum(type(o) is torch.Tensor for o in gc.get_objects()))

    model = Linear(W)
    model.register_forward_hook(count)
    ascend(model, START, Y, Ascent(eps=0.5, steps=12, copies=1))
    assert len(alive) == 14
    assert max(alive[8:13]) <= max(alive[3:6]), alive


def test_in_bf16_inside_the_values_are_those_of_float32(network):
    seen = []
    handle = network.register_forward_hook(lambda m, a, out: seen.append(out.dtype))
    y = torch.tensor([0, 1, 2, 0, 1])
    fast = ascend(network, images(), y, Ascent(eps=1.0, steps=10, precision="bf16"))
    handle.remove()
    assert seen.count(torch.bfloat16) == 10
    assert seen[-1] == torch.float32
    exact = ascend(network, images(), y, Ascent(eps=1.0, steps=10))
    assert fast.images.dtype == torch.float32
    torch.testing.assert_close(fast.objective, exact.objective, rtol=0.02, atol=0.02)
    with torch.no_grad():
        values = network(fast.images).log_softmax(1).gather(1, y[:, None])[:, 0]
    torch.testing.assert_close(fast.objective, values)


def test_a_guide_bends_and_lands():
    class Half(Box):
        def bend(self, x, gradient, index, step):
            gradient = gradient.clone()
            gradient[..., 2:] = 0
            return gradient

        def land(self, x, index, step):
            return x - 0.001 * index[:, None, None, None]

    how = Ascent("logit", eps=0.3, steps=10)
    index = torch.tensor([0, 0, 0, 5, 5, 5])
    found = ascend(LINEAR, START, Y, how, index=index, guide=Half())
    moved = found.images - START
    assert not moved[:3, ..., 2:].any()
    assert (moved[3:, ..., 2:] < 0).all()
    assert moved[:3, ..., :2].abs().max() > 0.05


def test_an_empty_batch_gives_an_empty_result():
    found = ascend(LINEAR, START[:0], Y[:0], Ascent(eps=1.0))
    assert found.images.shape == (0, *SHAPE)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"objective": "logits"}, "logit"),
        ({"rule": "sgd"}, "momentum"),
        ({"steps": 0}, "step"),
        ({"eps": 0.0}, "eps"),
        ({"eps": math.inf}, "eps"),
        ({"step_size": -1.0}, "step_size"),
        ({"scales": ()}, "scales"),
        ({"patience": 0}, "patience"),
    ],
)
def test_settings_that_make_no_sense(settings, word):
    with pytest.raises(InputError, match=word):
        Ascent(**settings)


def test_what_cannot_be_climbed_is_said():
    with pytest.raises(InputError, match="0 to 2"):
        ascend(LINEAR, START, Y + 1, Ascent(eps=1.0))
    with pytest.raises(InputError, match="step_size"):
        ascend(LINEAR, START, Y, Ascent())
    with pytest.raises(InputError, match="shift"):
        ascend(LINEAR, START, Y, Ascent(eps=1.0, copies=1, shift=9))


def test_the_bar_shows_the_mean_over_all_images_finished_ones_too():
    class Shown:
        values: ClassVar[list[float]] = []

        def advance(self, steps=1, /, **numbers):
            self.values += numbers.values()

    start = START.clone()
    start[0] = 0.5 + 0.4 * W[0].reshape(SHAPE).sign()  # of its class at once
    how = Ascent("logit", eps=0.1, steps=6, until=float(LINEAR(start).detach()[0, 0]) - 1e-3)
    found = ascend(LINEAR, start, Y, how, bar=Shown())
    assert found.steps[0] == 0
    first = LINEAR(start).detach().gather(1, Y[:, None]).mean()
    assert Shown.values[0] == pytest.approx(float(first), abs=1e-4)
    assert Shown.values[0] < Shown.values[1] <= float(found.objective.mean()) + 1e-4
