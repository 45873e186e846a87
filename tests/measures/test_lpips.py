"""LPIPS of fields, against its definition, from weights in a file."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexnet import random_alexnet
from offmanifold._core.errors import InputError, MissingExtra
from offmanifold._core.files import write_tensors
from offmanifold.measures.lpips import (
    DOWNLOAD,
    NO_PACKAGE,
    NO_WEIGHTS,
    PUBLISHED,
    find_weights,
    load_lpips,
    lpips_lacks,
    perceptual_similarity,
    seen_size,
)
from offmanifold.reports.catalogue import languages, said

lpips = pytest.importorskip("lpips")
torchvision = pytest.importorskip("torchvision")

WEIGHTS = random_alexnet()
HEADS = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", map_location="cpu")


def fields(n: int, c: int, h: int, w: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, c, h, w, generator=generator) - 1


def similarity_by_definition(a: Tensor, b: Tensor, tensors: dict[str, Tensor] = WEIGHTS) -> Tensor:
    """1 − Σ_l mean_hw w_l · (φ̂_l(a) − φ̂_l(b))², in float64; a, b (n, 3, h, w)."""
    with torch.device("meta"):
        features = torchvision.models.alexnet(weights=None).features
    features.load_state_dict(
        {k.removeprefix("features."): v.double() for k, v in tensors.items()}, assign=True
    )
    shift, scale = (
        torch.tensor(v, dtype=torch.double)[None, :, None, None]
        for v in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450])
    )
    pair = [(v.double() - shift) / scale for v in (a, b)]
    distance, relus = torch.zeros(len(a), dtype=torch.double), 0
    for layer in features[:-1]:  # all but the last pooling
        pair = [layer(v) for v in pair]
        if isinstance(layer, nn.ReLU):
            unit = [v / (v.square().sum(1, keepdim=True).sqrt() + 1e-10) for v in pair]
            head = HEADS[f"lin{relus}.model.1.weight"].double()
            distance += ((unit[0] - unit[1]) ** 2 * head.view(1, -1, 1, 1)).sum(1).mean((1, 2))
            relus += 1
    assert relus == 5
    return 1 - distance


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    path = tmp_path_factory.mktemp("lpips") / "alexnet.pth"
    torch.save(WEIGHTS, path)
    return load_lpips(path)


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder of checkpoints, with nothing in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("size", [(31, 31), (64, 47)])
def test_it_is_lpips_by_its_definition(network, size):
    a, b = fields(4, 3, *size), fields(4, 3, *size, seed=1)
    b[1] = 0.3 * a[1]
    found = perceptual_similarity(network, a.clone().requires_grad_(), b.double())
    assert found.dtype == torch.float32
    assert not found.requires_grad
    expected = similarity_by_definition(a, b)
    assert expected.std() > 0.01
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


def test_the_same_fields_are_alike_and_the_order_is_of_no_matter(network):
    a, b = fields(3, 3, 40, 40), fields(3, 3, 40, 40, seed=1)
    assert perceptual_similarity(network, a, a).tolist() == [1, 1, 1]
    found = perceptual_similarity(network, a, b)
    assert (found < 0.99).all()
    torch.testing.assert_close(found, perceptual_similarity(network, b, a))


@pytest.mark.parametrize(
    ("channels", "seen"), [(1, [0, 0, 0]), (2, [0, 1, 0]), (3, [0, 1, 2]), (5, [0, 1, 2])]
)
def test_three_channels_are_seen(network, channels, seen):
    a, b = fields(2, channels, 33, 35), fields(2, channels, 33, 35, seed=1)
    found = perceptual_similarity(network, a, b)
    expected = similarity_by_definition(a[:, seen], b[:, seen])
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "seen"),
    [((16, 16), (64, 64)), ((30, 45), (64, 96)), ((45, 30), (96, 64)), ((4, 5), (64, 80))],
)
def test_below_31_pixels_the_shorter_side_is_enlarged_to_64(network, size, seen):
    assert seen_size(*size) == seen
    a, b = fields(2, 3, *size), fields(2, 3, *size, seed=1)
    large = [F.interpolate(v.double(), seen, mode="bilinear", align_corners=False) for v in (a, b)]
    torch.testing.assert_close(
        perceptual_similarity(network, a, b).double(),
        similarity_by_definition(*large),
        rtol=0,
        atol=1e-5,
    )
    assert seen_size(31, 200) == (31, 200)


def test_a_field_is_judged_alike_in_any_batch(network):
    a, b = fields(5, 1, 16, 16), fields(5, 1, 16, 16, seed=1)
    whole = perceptual_similarity(network, a, b)
    assert whole.std() > 1e-3
    for rows in ([3], [4, 0]):
        found = perceptual_similarity(network, a[rows], b[rows])
        torch.testing.assert_close(found, whole[rows], rtol=0, atol=1e-6)
    assert perceptual_similarity(network, a[:0], b[:0]).shape == (0,)


def save_plain(path: Path) -> None:
    torch.save({**WEIGHTS, "classifier.1.bias": torch.zeros(4096)}, path)


def save_wrapped(path: Path) -> None:
    state = {f"module.{k}": v for k, v in WEIGHTS.items()}
    torch.save({"epoch": 90, "state_dict": state}, path)


def save_compiled_half(path: Path) -> None:
    torch.save({f"module._orig_mod.{k}": v.half() for k, v in WEIGHTS.items()}, path)


def save_safetensors(path: Path) -> None:
    write_tensors(path, WEIGHTS)


@pytest.mark.parametrize(
    ("save", "name"),
    [
        (save_plain, "a.pth"),
        (save_wrapped, "a.tar"),
        (save_compiled_half, "a.pt"),
        (save_safetensors, "a.safetensors"),
    ],
)
def test_weights_are_read_in_every_form(tmp_path, capfd, save, name):
    save(tmp_path / name)
    assert find_weights(tmp_path / name) == tmp_path / name
    before = torch.get_rng_state()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        network = load_lpips(tmp_path / name)
    assert told == []
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    a, b = fields(2, 3, 32, 32), fields(2, 3, 32, 32, seed=1)
    tensors = {k: v.half() for k, v in WEIGHTS.items()} if "half" in save.__name__ else WEIGHTS
    expected = similarity_by_definition(a, b, tensors)
    found = perceptual_similarity(network, a, b).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


BAD = {
    "damaged": (b"\x80\x02 no weights", "is no file of AlexNet's weights, or is damaged"),
    "no tensors": ({"epoch": 3}, "is no file of AlexNet's weights"),
    "a module": (nn.Linear(1, 1), "is no file of AlexNet's weights"),
    "of another network": ({"fc.weight": torch.zeros(2, 2)}, "features.0.weight is missing"),
    "without a layer": (
        {k: v for k, v in WEIGHTS.items() if k != "features.8.bias"},
        "features.8.bias is missing",
    ),
    "of other shapes": (
        {**WEIGHTS, "features.3.weight": torch.zeros(192, 96, 5, 5)},
        "features.3.weight has shape (192, 96, 5, 5) instead of (192, 64, 5, 5)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_alexnet_is_one_sentence_with_its_mend(tmp_path, case):
    content, words = BAD[case]
    path = tmp_path / "bad.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    for use in (find_weights, load_lpips):
        with pytest.raises(InputError) as caught:
            use(path)
        said = str(caught.value)
        assert words in said
        assert str(path) in said
        assert "`lpips`" in said
        assert "\n" not in said
        assert "`allow_pickle`" not in said  # no such mend here


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(InputError, match=f"there is no file {path} .*`lpips`"):
            find_weights(path)


def test_without_a_path_torch_hub_s_own_file_is_taken(empty_hub):
    assert find_weights(None) is None
    cached = empty_hub / PUBLISHED
    torch.save(WEIGHTS, cached)
    assert find_weights(None) == cached
    other = empty_hub / "own.pth"
    torch.save(WEIGHTS, other)
    assert find_weights(other) == find_weights(str(other)) == other
    cached.write_bytes(b"half of it")
    with pytest.raises(InputError, match="delete it, and run python"):
        load_lpips(cached)


def test_the_published_name_is_torchvision_s():
    assert torchvision.models.AlexNet_Weights.DEFAULT.url.endswith(f"/{PUBLISHED}")
    assert "torchvision.models.alexnet(weights='DEFAULT')" in DOWNLOAD


def test_what_is_lacking_has_its_reason(tmp_path, monkeypatch):
    path = tmp_path / "alexnet.pth"
    torch.save(WEIGHTS, path)
    assert lpips_lacks(path) is None
    assert lpips_lacks(None) == NO_WEIGHTS
    for language in languages():
        assert DOWNLOAD in said(NO_WEIGHTS, language)
        assert "--lpips FILE" in said(NO_WEIGHTS, language)
    monkeypatch.setitem(sys.modules, "lpips", None)
    for weights in (path, None):
        assert lpips_lacks(weights) == NO_PACKAGE
    for language in languages():
        assert 'pip install "offmanifold[lpips]"' in said(NO_PACKAGE, language)
    with pytest.raises(MissingExtra, match=r"needs lpips.*offmanifold\[lpips\]"):
        load_lpips(path)


def test_a_broken_package_is_lacking_too(tmp_path, monkeypatch):
    (tmp_path / "lpips.py").write_text("raise RuntimeError('operator torchvision::nms')")
    monkeypatch.delitem(sys.modules, "lpips")
    monkeypatch.syspath_prepend(tmp_path)
    torch.save(WEIGHTS, tmp_path / "alexnet.pth")
    assert lpips_lacks(tmp_path / "alexnet.pth") == NO_PACKAGE


def test_importing_it_imports_no_extra():
    script = (
        "import sys, offmanifold.measures.lpips; print({'lpips', 'torchvision'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
