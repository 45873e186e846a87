import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError, RunError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import (
    Denoiser,
    DenoiserManifold,
    LocalPCA,
    ManifoldCard,
    Pooled,
    estimators,
    fit_manifold,
    load_manifold,
)
from offmanifold.manifolds.estimators import denoiser
from offmanifold.manifolds.fit import precision_of

TINY = Denoiser(width=8, depth=1, steps=12, batch_size=8)
QUICK = {"precision": "fp32", "device": "cpu", "show": False}


def data_of(shape=(1, 6, 5), labels: bool = True, pixels: np.ndarray | None = None) -> Data:
    n = 24
    if pixels is None:
        pixels = np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)
    source = ArraySource(
        pixels, np.arange(n) % 2 if labels else None, [f"{i}.png" for i in range(n)]
    )
    bounds = ((0, 16), (16, 20), (20, 24))
    names = ("a", "b") if labels else None
    return Data(*(Split(source, np.arange(*b), names) for b in bounds))


def fit(data: Data, out: Path | None, estimator: Denoiser = TINY, **options):
    return fit_manifold(data, estimator, out=out, **{**QUICK, **options})


def answer(manifold) -> torch.Tensor:
    x = torch.rand(2, *manifold.card.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return manifold.denoise(x, None, 0.25)


def test_what_is_saved_is_what_was_fitted(tmp_path):
    saved = fit(data_of(), tmp_path / "m")
    unsaved = fit(data_of(), None, save=False)
    assert torch.equal(answer(saved), answer(unsaved))
    assert torch.equal(answer(load_manifold(tmp_path / "m")), answer(saved))
    untrained = DenoiserManifold(saved.card, float(saved.sigma_data), 8, 1)
    assert not torch.equal(answer(untrained), answer(saved))
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "config.json",
        "metrics.json",
        "model.safetensors",
        "provenance.json",
    ]
    assert saved.card.hash == unsaved.card.hash
    assert saved.card.gates == json.loads(json.dumps(unsaved.card.gates))
    assert saved.card.classes == ("a", "b")
    assert not any(p.requires_grad for p in saved.parameters())


def test_a_second_call_only_loads(tmp_path, monkeypatch):
    first = fit(data_of(), tmp_path / "m")
    monkeypatch.setattr(Denoiser, "fit", lambda *_: pytest.fail("fitted again"))
    assert torch.equal(answer(fit(data_of(), tmp_path / "m")), answer(first))


def test_without_out_it_lies_under_its_hash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifold = fit(data_of(), None)
    assert (tmp_path / "runs" / f"manifold-{manifold.card.hash}" / "model.safetensors").exists()


def test_the_seed_and_the_data_change_the_numbers():
    one = fit(data_of(), None, save=False)
    other_seed = fit(data_of(), None, save=False, seed=1)
    other_data = fit(data_of(labels=False), None, save=False)
    assert len({m.card.hash for m in (one, other_seed, other_data)}) == 3
    assert not torch.equal(answer(one), answer(other_seed))


def test_fitting_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    fit(data_of(), None, save=False)
    assert torch.equal(torch.get_rng_state(), before)


def interrupt_at(monkeypatch, step: int) -> None:
    """Send Ctrl-C while the denoiser is asked for the n-th time."""
    denoise, asked = DenoiserManifold.denoise, []

    def interrupted(self, noisy, y, sigma):
        asked.append(1)
        if len(asked) == step:
            signal.raise_signal(signal.SIGINT)
        return denoise(self, noisy, y, sigma)

    monkeypatch.setattr(DenoiserManifold, "denoise", interrupted)


def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            fit(data_of(), tmp_path / "m")
    step = torch.load(tmp_path / "m" / "resume.pt", weights_only=True)["step"]
    assert 0 < step < TINY.steps
    with pytest.raises(InputError, match="not finished; run its fit-manifold again"):
        load_manifold(tmp_path / "m")
    with pytest.MonkeyPatch.context() as patch:
        asked, denoise = [], DenoiserManifold.denoise
        patch.setattr(
            DenoiserManifold, "denoise", lambda self, *a: (asked.append(1), denoise(self, *a))[1]
        )
        patch.setattr("offmanifold.manifolds.gates.measure_gates", lambda *_: [])
        resumed = fit(data_of(), tmp_path / "m")
        assert len(asked) == 2 * (TINY.steps - step) + 1  # steps left, each watched, and the end
    assert torch.equal(answer(resumed), answer(fit(data_of(), None, save=False)))
    assert not (tmp_path / "m" / "resume.pt").exists()


def test_a_folder_of_another_run_is_left_alone(tmp_path):
    fit(data_of(), tmp_path / "m")
    with pytest.raises(InputError, match="another run"):
        fit(data_of(), tmp_path / "m", seed=1)
    (tmp_path / "m" / "metrics.json").unlink()  # and so is an unfinished one
    before = (tmp_path / "m" / "config.json").read_text()
    with pytest.raises(InputError, match="another run"):
        fit(data_of(), tmp_path / "m", seed=1)
    assert (tmp_path / "m" / "config.json").read_text() == before


def test_what_is_no_manifold_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        load_manifold(tmp_path)
    (tmp_path / "config.json").write_text('{"kind": "classifier"}')
    with pytest.raises(InputError, match="no fitted manifold"):
        load_manifold(tmp_path)


def test_constant_images_carry_no_manifold(tmp_path):
    grey = data_of(pixels=np.full((24, 1, 6, 5), 99, np.uint8))
    with pytest.raises(InputError, match="same grey"):
        fit(grey, tmp_path / "m")


def test_too_few_images():
    data = data_of()
    empty = Split(data.val.source, np.arange(0), data.classes)
    with pytest.raises(InputError, match="give more images"):
        fit(Data(data.train, empty, data.test), None, save=False)


def test_images_of_another_size_are_refused():
    manifold = fit(data_of(), None, save=False)
    with pytest.raises(InputError, match=r"\(1, 6, 6\).*fitted at \(1, 6, 5\); refit"):
        manifold.score(torch.rand(1, 1, 6, 6), None, 0.25)


def test_rgb_without_labels_is_unconditional(tmp_path):
    manifold = fit(data_of((3, 6, 5), labels=False), tmp_path / "m")
    assert manifold.card.classes is None
    assert manifold.card.shape == (3, 6, 5)
    assert answer(manifold).shape == (2, 3, 6, 5)


def test_large_images_are_pooled(tmp_path):
    manifold = fit(data_of((1, 66, 9)), tmp_path / "m", Denoiser(width=4, depth=1, steps=3))
    assert isinstance(manifold, Pooled)
    assert (manifold.r, manifold.card.shape) == (2, (1, 66, 9))
    assert manifold.estimator.card.shape == (1, 33, 4)
    again = load_manifold(tmp_path / "m")
    assert torch.equal(answer(again), answer(manifold))
    assert again.card == manifold.card
    assert again.tangent(*[torch.rand(1, 1, 66, 9)] * 2, 0.25).shape == (1, 1, 66, 9)


def test_the_gates_are_measured_on_validation_images_alone(monkeypatch):
    seen = []

    def gates(manifold, x, index):
        seen.extend(index.tolist())
        return []

    monkeypatch.setattr("offmanifold.manifolds.gates.measure_gates", gates)
    fit(data_of(), None, save=False)
    assert seen == [16, 17, 18, 19]


def test_training_reads_training_images_alone(monkeypatch):
    read, seen = Split.read, set()

    def recorded(self, index):
        seen.update(np.asarray(index).tolist())
        return read(self, index)

    monkeypatch.setattr(Split, "read", recorded)
    fit(data_of(), None, save=False)
    assert seen == set(range(20))  # training, and validation for the end of the fit and the gates


@pytest.mark.parametrize("kill", [1, 9, 17, 24])
def test_a_killed_fit_goes_on_to_the_same_numbers(tmp_path, monkeypatch, kill):
    class Killed(Exception):
        pass

    optimise = denoiser.optimise
    monkeypatch.setattr(
        denoiser, "optimise", lambda *a, **k: optimise(*a, **k, checkpoint_seconds=0)
    )
    with pytest.MonkeyPatch.context() as patch:
        denoise, asked = DenoiserManifold.denoise, []

        def killed(self, *a):
            asked.append(1)
            if len(asked) == kill:
                raise Killed
            return denoise(self, *a)

        patch.setattr(DenoiserManifold, "denoise", killed)
        with pytest.raises(Killed):
            fit(data_of(), tmp_path / "m")
    assert (tmp_path / "m" / "resume.pt").exists() == (kill > 1)
    resumed, whole = fit(data_of(), tmp_path / "m"), fit(data_of(), None, save=False)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor)
    assert resumed.card.gates == whole.card.gates


def test_the_fit_ends_where_the_held_out_error_is_least(tmp_path):
    """A learning rate that ruins what was learnt: the end is the best that was watched."""
    hasty = Denoiser(width=8, depth=1, steps=24, batch_size=8, lr=0.06)
    manifold = fit(data_of(), tmp_path / "m", hasty)
    log = json.loads((tmp_path / "m" / "metrics.json").read_text())["log"]
    watched = [row["held_out"] for row in log if "held_out" in row]
    assert watched[-1] > 1.01 * min(watched)
    batch = data_of().val.read(np.arange(16, 20))
    noisy = next(manifold.noisy(batch.x, 0.25, batch.index))
    error = manifold.denoise(noisy, None, 0.25) - batch.x
    assert float(error.square().sum() / 4) == pytest.approx(min(watched), rel=1e-5)


def test_other_images_for_choosing_are_another_manifold():
    data = data_of()
    one = fit(data, None, save=False)
    other = fit(replace(data, val=data.test, test=data.val), None, save=False)
    assert one.card.hash != other.card.hash
    assert one.card.data == other.card.data == data.train.fingerprint


def test_one_class_only():
    data = data_of()
    source = ArraySource(
        data.train.source._pixels, np.zeros(24, np.int64), [f"{i}.png" for i in range(24)]
    )
    one = Data(*(Split(source, s.rows, ("a",)) for s in (data.train, data.val, data.test)))
    manifold = fit(one, None, save=False)
    assert manifold.card.classes == ("a",)
    y = torch.zeros(2).long()
    x = torch.rand(2, 1, 6, 5)
    assert not torch.equal(manifold.denoise(x, y, 0.25), manifold.denoise(x, None, 0.25))


def test_fewer_images_than_dimensions():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 1, 12, 12), dtype=np.uint8)
    manifold = fit(data_of(pixels=pixels), None, save=False)
    assert all(np.isfinite(row["wiener_error"]) for row in manifold.card.gates)


def test_a_fit_that_diverges_keeps_its_last_good_state(tmp_path, monkeypatch):
    optimise = denoiser.optimise
    monkeypatch.setattr(
        denoiser, "optimise", lambda *a, **k: optimise(*a, **k, checkpoint_seconds=0)
    )
    with pytest.MonkeyPatch.context() as patch:
        denoise, asked = DenoiserManifold.denoise, []

        def broken(self, *a):
            asked.append(1)
            return denoise(self, *a) * (torch.nan if len(asked) > 8 else 1)

        patch.setattr(DenoiserManifold, "denoise", broken)
        with pytest.raises(RunError, match=r"not finite at step \d+ of 12"):
            fit(data_of(), tmp_path / "m")
    state = torch.load(tmp_path / "m" / "resume.pt", weights_only=True)
    kept = [*state["module"].values(), *state["average"], *state["best"]["values"]]
    assert state["step"] > 1
    assert all(tensor.isfinite().all() for tensor in kept)
    assert torch.isfinite(torch.tensor(state["best"]["least"]))
    resumed, whole = fit(data_of(), tmp_path / "m"), fit(data_of(), None, save=False)
    assert torch.equal(answer(resumed), answer(whole))


def test_a_pooled_manifold_of_frames(tmp_path):
    manifold = fit_manifold(data_of((1, 66, 9)), LocalPCA(), out=tmp_path / "m", **QUICK)
    assert isinstance(manifold, Pooled)
    x, v = torch.rand(2, 1, 66, 9), torch.rand(2, 1, 66, 9)
    product = (v * manifold.tangent(x, v, 0.25)).flatten(1).sum(1)
    torch.testing.assert_close(manifold.energy(x, v, 0.25), product)
    again = load_manifold(tmp_path / "m")
    assert torch.equal(again.tangent(x, v, 0.25), manifold.tangent(x, v, 0.25))


def test_it_learns_two_grey_levels():
    pixels = np.where(np.arange(24)[:, None, None, None] % 2, 200, 50) * np.ones((1, 1, 6, 5))
    data = data_of(pixels=pixels.astype(np.uint8))
    manifold = fit(data, None, Denoiser(width=8, depth=1, steps=150, batch_size=16), save=False)
    rows = {row["sigma"]: row for row in manifold.card.gates}
    assert rows[0.25]["error"] < 0.3 * 30 * 0.25**2
    assert rows[0.25]["shrinkage_ratio"] < 0.5


def test_another_estimator_is_one_class(tmp_path):
    from dataclasses import dataclass

    from gaussian_data import GaussianManifold

    @estimators.register("exact_for_a_test")
    @dataclass(frozen=True)
    class Exact:
        variance: float = 0.1

        def resolved(self, train):
            return self

        def fit(self, data, card: ManifoldCard, engine, place):
            return self.rebuild(card, {})

        def rebuild(self, card, tensors):
            manifold = GaussianManifold(
                torch.zeros(1, 30), self.variance * torch.eye(30), (1, 6, 5)
            )
            manifold.card = card
            return manifold

    try:
        manifold = fit_manifold(data_of(), Exact(), out=tmp_path / "m", **QUICK)
        assert torch.equal(answer(load_manifold(tmp_path / "m")), answer(manifold))
    finally:
        estimators.remove("exact_for_a_test")


def test_the_precision_of_the_default_manifold_by_its_hash(monkeypatch):
    monkeypatch.setattr("offmanifold.manifolds.fit.DEFAULT", "local_pca")
    for precision in ("fp32", "bf16"):
        found = fit_manifold(data_of(), save=False, precision=precision, device="cpu", show=False)
        assert precision_of(found.card.hash, data_of()) == precision
    assert precision_of("another", data_of()) is None
    assert precision_of(None, data_of()) is None
