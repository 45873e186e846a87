"""A callable as a manifold, against Gaussian data of which all is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import offmanifold as om
from gaussian_data import SHAPE, D, GaussianManifold, covariance
from offmanifold._core.errors import InputError
from offmanifold.audits.plan import check_independence
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import (
    DDPMDenoiser,
    Pooled,
    Score,
    Tangent,
    as_manifold,
    load_denoiser,
)
from offmanifold.models import Loaded, ModelCard

CLASSES = ("cat", "dog")
MEANS = torch.stack([torch.linspace(0.3, 0.7, D), torch.linspace(0.6, 0.4, D)]).double()
C = covariance(torch.cat([torch.full((4,), 0.05), torch.full((D - 4,), 1e-5)]))
EXACT = GaussianManifold(MEANS, C)
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))
V = torch.rand(2, 3, *SHAPE, generator=torch.Generator().manual_seed(2)) - 0.5


def data_of(pixels: np.ndarray, labels: np.ndarray | None, classes=None) -> Data:
    n = len(pixels)
    source = ArraySource(pixels, labels, [f"{i}.png" for i in range(n)])
    parts = np.array_split(np.arange(n), 3)
    return Data(*(Split(source, rows, classes) for rows in parts), info={"spec": "made"})


def gaussian(n: int = 300, classes=CLASSES) -> Data:
    """Images of the law of EXACT, with labels."""
    generator = np.random.default_rng(0)
    labels = np.arange(n) % 2
    away = generator.multivariate_normal(np.zeros(D), C.numpy(), n, method="cholesky")
    pixels = (MEANS.numpy()[labels] + away).astype(np.float32).reshape(n, *SHAPE)
    return data_of(pixels, labels, classes)


def ideal(x, sigma, y=None):
    """E[x₀ | x̃, y], labels in the order dog, cat."""
    return EXACT.denoise(x, None if y is None else 1 - y, sigma)


def unconditional(x, sigma):
    return EXACT.denoise(x, None, sigma)


def test_an_ideal_denoiser_is_usable_and_its_card_is_measured():
    manifold = as_manifold(unconditional, gaussian(), device="cpu")
    card = manifold.card
    assert isinstance(manifold, Tangent)
    assert isinstance(manifold, Score)
    assert card.usable
    assert card.sigma == 0.25
    assert card.spec == "unconditional"
    assert card.classes is None
    assert card.data is None  # nobody knows what it was made on
    assert [row["sigma"] for row in card.gates] == [0.1, 0.15, 0.25, 0.35, 0.5]
    assert card.trace_ratio == pytest.approx(1, abs=0.1)
    assert card.asymmetry == pytest.approx(0, abs=1e-6)
    low, high = card.dimension_interval
    assert low <= card.dimension <= high


@pytest.mark.parametrize(
    "useless",
    [
        lambda x, sigma: x,
        lambda x, sigma: 0.5 + 0.8 * (x - 0.5),
        lambda x, sigma: unconditional(x, 2 * sigma),  # σ misunderstood
    ],
)
def test_where_no_sigma_passes_it_says_so(useless):
    manifold = as_manifold(useless, gaussian(), device="cpu")
    assert not manifold.card.usable
    with pytest.raises(InputError, match="unusable: no σ passed its gates"):
        manifold.score(X, None)


def test_score_and_tangent_are_those_of_the_denoiser():
    manifold = as_manifold(unconditional, gaussian(), device="cpu")
    expected = GaussianManifold(MEANS, C)
    index = torch.tensor([7, 0, 3])
    for found, wanted in (
        (manifold.score(X, None, index=index), expected.score(X, None, 0.25, index=index)),
        (manifold.tangent(X, V[0], index=index), expected.tangent(X, V[0], index=index)),
        (manifold.energy(X, V, index=index), expected.energy(X, V, index=index)),
        (manifold.dimension(X, index=index), expected.dimension(X, index=index)),
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    projectors = [q.transpose(1, 2) @ q for q in (manifold.basis(X, 4), expected.basis(X, 4))]
    torch.testing.assert_close(*projectors, rtol=0, atol=1e-4)


def test_classes_are_matched_by_name():
    data = gaussian()
    y = torch.tensor([0, 1, 1])
    wanted = EXACT.score(X, y, 0.25)
    given = as_manifold(ideal, data, classes=["dog", "cat"], device="cpu")
    assert given.card.classes == CLASSES
    torch.testing.assert_close(given.score(X, y), wanted)

    class Module(nn.Module):
        classes = ("dog", "cat", "horse")  # one more than the data

        def forward(self, x, sigma, y=None):
            return ideal(x, sigma, y)

    torch.testing.assert_close(as_manifold(Module(), data, device="cpu").score(X, y), wanted)


def test_classes_of_its_own_are_kept_and_match_no_data():
    manifold = as_manifold(ideal, gaussian(), classes=["dog", "wolf"], device="cpu")
    assert manifold.card.classes == ("dog", "wolf")  # audits then skip what needs the posterior
    assert as_manifold(ideal, gaussian(classes=None), device="cpu").card.classes is None


def test_larger_images_are_averaged_to_the_shape_it_takes():
    pixels = np.random.default_rng(0).random((30, 1, 9, 11), dtype=np.float32)
    data = data_of(pixels, None)  # blocks of 2, a crop of 8×10

    def small(x, sigma):
        return EXACT.denoise(x, None, sigma)

    small.shape = SHAPE
    manifold = as_manifold(small, data, device="cpu")
    assert isinstance(manifold, Pooled)
    assert manifold.r == manifold.card.pooling == 2
    assert manifold.card.shape == data.shape
    x = torch.from_numpy(pixels[:2])
    inner = GaussianManifold(MEANS, C).score(manifold.down(x), None, 0.25)
    torch.testing.assert_close(manifold.score(x, None, 0.25), manifold.up(inner))


def test_without_a_shape_images_are_taken_as_they_are_however_large():
    pixels = np.random.default_rng(0).random((12, 1, 70, 66), dtype=np.float32)
    manifold = as_manifold(lambda x, s: x / (1 + s), data_of(pixels, None), device="cpu")
    assert manifold.card.shape == (1, 70, 66)
    assert manifold.card.pooling == 1


def labels_needed(x, sigma, y):
    return EXACT.denoise(x, y + 0, sigma)


def constant(x, sigma):
    return torch.full_like(x, 0.5) + 0 * x


def detached(x, sigma):
    with torch.no_grad():
        return unconditional(x, sigma)


def sized(x, sigma):
    return x


sized.shape = (3, 4, 5)
BAD = {
    "not callable": ("denoiser", r"must be a callable D\(x, sigma\)"),
    "another shape": (lambda x, s: x.flatten(1), r"returned shape \(8, 20\) for .*\(8, 1, 4, 5\)"),
    "NaN": (lambda x, s: x * torch.nan, "gives NaN or infinity"),
    "labels needed": (labels_needed, r"asked for D\(x, sigma, y=None\), for images of any class"),
    "one argument": (lambda x: x, r"raised TypeError: .*asked for D\(x, sigma\)"),
    "no graph": (detached, "cannot be differentiated .*without no_grad and detach"),
    "numpy": (lambda x, s: torch.from_numpy(x.numpy() / 2), "cannot be differentiated .*numpy"),
    "constant": (constant, "same output for all images, and so no tangent space"),
    "size": (sized, r"takes \(3, 4, 5\) and multiples; .*`image_size` 4 5 `channels` 3"),
    "raises": (lambda x, s: 1 / 0, "raised ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_named(case):
    denoiser, said = BAD[case]
    with pytest.raises(InputError, match=said):
        as_manifold(denoiser, gaussian(60), classes=CLASSES, device="cpu")


def test_labels_without_names_are_refused():
    with pytest.raises(InputError, match="ideal takes labels y, but names no classes"):
        as_manifold(ideal, gaussian(60), device="cpu")


def test_values_that_are_not_finite_at_one_noise_level_alone():
    def steep(x, sigma):
        return unconditional(x, sigma) + 0 * (0.4 - sigma).log()  # NaN above .4

    with pytest.raises(InputError, match="steep gives values that are not finite"):
        as_manifold(steep, gaussian(60), device="cpu")


FILE = """
import torch
from torch import nn
CLASSES = ["dog", "cat"]

class Shrink(nn.Module):
    def __init__(self, by, c=1):
        super().__init__()
        self.by = nn.Parameter(torch.full((c, 1, 1), by))
    def forward(self, x, sigma, y=None):
        return self.by * x if y is None else self.by * x + y[:, None, None, None]

def plain():
    return Shrink(0.5)

def fitting(shape, classes, by=0.25):
    assert list(classes) == ["cat", "dog"]
    return Shrink(by, shape[0])

def function():
    return lambda x, sigma: x / 2

def number():
    return 3
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(FILE)
    return f"{tmp_path}/mine.py"


def test_a_function_of_a_file_makes_the_denoiser(mine):
    data = gaussian(60)
    found = load_denoiser(f"{mine}:plain", data, device="cpu")
    assert found.card.spec == f"{mine}:plain"
    assert found.card.classes == CLASSES
    labels = torch.tensor([0, 1, 1])  # cat, dog, dog: the denoiser's 1, 0, 0
    shifted = found.denoise(X, labels, 0.25) - found.denoise(X, None, 0.25)
    torch.testing.assert_close(shifted[:, 0, 0, 0], torch.tensor([1.0, 0, 0]))
    given = load_denoiser(f"{mine}:fitting", data, device="cpu")
    torch.testing.assert_close(given.denoise(X, None, 0.25), X / 4)
    assert load_denoiser(f"{mine}:function", data, device="cpu").card.classes is None


def test_files_that_make_none_are_named(mine):
    data = gaussian(60)
    for spec, said in (
        ("nowhere.py:plain", "there is no file nowhere.py"),
        (f"{mine}:plane", 'unknown function .*did you mean "plain"'),
        (f"{mine}:number", "must be a callable"),
        (f"{mine}:Shrink", r"raised TypeError: .*'by'"),
    ):
        with pytest.raises(InputError, match=said):
            load_denoiser(spec, data, device="cpu")


def test_a_manifold_is_known_by_its_weights_and_is_no_judge_of_what_it_trained(mine):
    data, other = gaussian(60), gaussian(90)
    one, same, another = (
        load_denoiser(f"{mine}:{name}", part, device="cpu")
        for name, part in (("plain", data), ("plain", other), ("fitting", data))
    )
    assert one.card.hash == same.card.hash != another.card.hash
    trained = Loaded(nn.Identity(), ModelCard("pupil", manifold=one.card.hash))
    assert check_independence([trained], another, False)
    with pytest.raises(InputError, match="pupil was trained with this very manifold"):
        check_independence([trained], same, False)


def test_an_edited_file_or_neighbour_makes_another_manifold(tmp_path):
    own = "from torch import nn\nimport parts\nclass Net(nn.Module):\n    def __init__(self):\n"
    own += "        super().__init__()\n        self.linear = nn.Linear(1, 1)\n"
    own += "    def forward(self, x, sigma):\n        return parts.shrunk(x)\n"
    own += "def make():\n    import torch\n    torch.manual_seed(0)\n    return Net()\n"
    parts = "def shrunk(x):\n    return x / 2\n"
    data, hashes = gaussian(60), []
    for place, files in (
        ("a", {"net.py": own, "parts.py": parts}),
        ("b", {"net.py": own, "parts.py": parts}),
        ("b", {"net.py": own.replace("shrunk(x)", "shrunk(x) + 0 * sigma")}),
        ("b", {"net.py": own, "parts.py": parts.replace("2", "3")}),
    ):
        (tmp_path / place).mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / place / name).write_text(text)
        made = load_denoiser(f"{tmp_path}/{place}/net.py:make", data, device="cpu")
        hashes.append(made.card.hash)
    assert hashes[0] == hashes[1]
    assert len({*hashes}) == 3


def test_a_diffusion_model_is_a_manifold_and_its_prediction_is_part_of_its_identity():
    class Closed(nn.Module):
        def forward(self, z, t):
            a = alphas[t.round().long()].float().sqrt()[:, None, None, None]
            sigma = ((1 - a**2) / a**2).sqrt() / 2  # of the nearest step
            u = z / a
            return torch.cat([one(*each) for each in zip(u.split(1), sigma, strict=True)])

    def one(u, sigma):
        return 2 * EXACT.denoise((u + 1) / 2, None, float(sigma)) - 1

    alphas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.double).neg().add(1).cumprod(0)
    manifold = as_manifold(DDPMDenoiser(Closed(), alphas, "sample"), gaussian(120), device="cpu")
    assert manifold.card.usable
    torch.testing.assert_close(
        manifold.score(X, None, 0.25), EXACT.score(X, None, 0.25), rtol=0, atol=0.05
    )
    wrong = as_manifold(DDPMDenoiser(Closed(), alphas, "epsilon"), gaussian(60), device="cpu")
    assert not wrong.card.usable  # its gates tell
    assert wrong.card.hash != manifold.card.hash


def test_it_is_public():
    assert om.as_manifold is as_manifold
