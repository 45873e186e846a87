import os
import subprocess
import sys
from functools import partial

import numpy as np
import torch
from torch import nn

from offmanifold.models.fingerprint import content_of

FACTOR = 2.0


def half(x, sigma):
    return x / FACTOR


def by_helper(x, sigma):
    return half(x, sigma)


def scaled(by):
    return lambda x, sigma: by * x


class Held:
    def __init__(self, by):
        self.by = by

    def __call__(self, x, sigma):
        return self.by * x

    def method(self, x, sigma):
        return x - self.by


class Empty(nn.Module):
    """A module without weights."""

    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, x, sigma):
        return self.by * x


def net(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(2, 2)


def test_equal_content_is_equal_and_other_content_is_not():
    made = {
        "weights": lambda n: net(n),
        "weights held by a closure": lambda n: scaled(net(n)),
        "tensor": lambda n: scaled(torch.tensor([n])),
        "array": lambda n: scaled(np.array([float(n)])),
        "number": scaled,
        "object": Held,
        "method": lambda n: Held(n).method,
        "module without weights": Empty,
        "partial": lambda n: partial(half, sigma=n),
        "nested": lambda n: scaled({"a": [n, (1, 2)]}),
    }
    found = {}
    for name, make in made.items():
        one, same, other = content_of(make(1)), content_of(make(1)), content_of(make(2))
        assert one == same, name
        assert one != other, name
        found[name] = str(one)
    assert len({*found.values()}) == len(made)


def test_globals_and_helpers_of_the_same_file_count(monkeypatch):
    before = content_of(by_helper), content_of(half)
    assert content_of(by_helper) != content_of(half)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert content_of(by_helper) != before[0]
    assert content_of(half) != before[1]


def test_the_mode_of_a_module_and_gradients_do_not_count():
    module = net(1)
    before = content_of(module)
    module.eval().requires_grad_(False)
    assert content_of(module) == before


def test_functions_without_source_are_known_by_their_code():
    spaces: list[dict] = [{}, {}, {}]
    for space, body in zip(spaces, ("x + 1", "x + 1", "x + 2"), strict=True):
        exec(f"def made(x, sigma):\n    return {body}", space)
    one, same, other = (content_of(space["made"]) for space in spaces)
    assert one == same != other


def test_what_holds_itself_ends():
    held = Held(1)
    held.own = held
    assert content_of(held) == content_of(held)


def test_what_a_module_does_counts_beside_its_weights():
    """The same state dict, and other outputs: each time another content."""
    torch.manual_seed(0)
    linear = nn.Linear(2, 2)

    class Net(nn.Module):
        steps = 1

        def __init__(self, scale=1.0):
            super().__init__()
            self.linear, self._scale = linear, scale

        def forward(self, x):
            return self._scale * half(self.linear(x), 0) + self.steps

    class Edited(Net):
        def forward(self, x):
            return self._scale * self.linear(x) + self.steps

    hooked, patched, buffered = Net(), Net(), Net()
    hooked.register_forward_hook(lambda module, args, out: out + 1)
    patched.forward = lambda x: linear(x) - 1
    buffered.register_buffer("mean", torch.ones(1), persistent=False)
    other = Net()
    other.register_buffer("mean", torch.zeros(1), persistent=False)
    counted = type("Net", (Net,), {"steps": 2})()
    made = [Net(), Net(2.0), Edited(), hooked, patched, buffered, other, counted]
    made += [nn.Sequential(linear, nn.LeakyReLU(s)) for s in (0.1, 0.2)]
    made += [nn.Sequential(linear, nn.ReLU()), nn.Sequential(linear, nn.Softplus(2))]
    found = [str(content_of(module)) for module in made]
    assert len({*found}) == len(made)
    assert found == [str(content_of(module)) for module in made]
    assert content_of(Net()) == content_of(Net())


def test_names_in_a_set_have_no_order():
    """Content is the same in every process, whatever the seed of its hashes."""
    script = (
        "from offmanifold.models.fingerprint import content_of\n"
        "def made(x, sigma):\n    return x if x in {'a', 'b', 'c', 'd'} else [y for y in x]\n"
        "print(content_of(made))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(told) == 1
