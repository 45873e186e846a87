"""σ and t of a diffusion model against Gaussian data, of which all predictions are known."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from gaussian_data import SHAPE, D, GaussianManifold, covariance
from offmanifold._core.errors import InputError, MissingExtra
from offmanifold.manifolds.adapters.ddpm import DDPMDenoiser, diffusers_denoiser
from offmanifold.manifolds.adapters.functions import CallableManifold

STEPS = 1000
ALPHAS = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.double).neg().add(1).cumprod(0)  # Ho et al.
SIGMAS = ((1 - ALPHAS) / ALPHAS).sqrt() / 2  # of each t, per pixel in [0, 1]
MEANS = torch.stack([torch.linspace(0.2, 0.8, D), torch.linspace(0.9, 0.1, D)]).double()
C = covariance(torch.cat([torch.linspace(0.1, 0.3, 5), torch.full((D - 5,), 1e-3)]))
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))


class ClosedForm(nn.Module):
    """The best network of a DDPM on images x ~ N(m, C), asked as the networks of diffusers are.

    It knows z_t and t alone; ᾱ between steps is that of a signal-to-noise ratio linear in log.
    """

    def __init__(self, prediction: str, wrap: bool = False):
        super().__init__()
        self.prediction, self.wrap = prediction, wrap
        self.asked: list[float] = []

    def forward(self, z, t, class_labels=None):
        self.asked += t.tolist()
        label = torch.zeros_like(t).long() if class_labels is None else class_labels
        found = torch.stack([self.one(*each) for each in zip(z.double(), t, label, strict=True)])
        found = found.to(z)
        return SimpleNamespace(sample=found) if self.wrap else found

    def one(self, z, t, label):
        logit = np.interp(float(t), np.arange(STEPS), (ALPHAS / (1 - ALPHAS)).log().numpy())
        a, b = (float(torch.sigmoid(torch.tensor(v)).sqrt()) for v in (logit, -logit))
        mean, c = 2 * MEANS[int(label)] - 1, 4 * C  # of u = 2x − 1
        flat = z.flatten()
        gain = a * c @ torch.linalg.inv(a**2 * c + b**2 * torch.eye(D))
        u = mean + gain @ (flat - a * mean)
        noise = (flat - a * u) / b
        given = {"epsilon": noise, "v_prediction": a * noise - b * u, "sample": u}
        return given[self.prediction].reshape(z.shape)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.25, 0.5, 1.7])
def test_it_is_the_closed_form_denoiser_of_a_gaussian(prediction, sigma):
    exact = GaussianManifold(MEANS[:1], C)
    denoiser = DDPMDenoiser(ClosedForm(prediction), ALPHAS, prediction)
    found = denoiser(X.double(), torch.tensor(sigma))
    torch.testing.assert_close(found, exact.denoise(X.double(), None, sigma), rtol=0, atol=1e-5)
    single = denoiser(X, torch.tensor(sigma))
    torch.testing.assert_close(single, found.float(), rtol=0, atol=1e-5)


def test_a_noise_level_of_the_schedule_is_seen_at_its_own_step():
    net = ClosedForm("epsilon")
    DDPMDenoiser(net, ALPHAS)(X, SIGMAS[[0, 300, 999]].float()[:, None, None, None])
    assert net.asked == pytest.approx([0, 300, 999], abs=1e-3)


def test_a_network_of_whole_steps_gets_the_nearest():
    net = ClosedForm("epsilon")
    between = (SIGMAS[300] * SIGMAS[301]).sqrt() * 1.001
    found = DDPMDenoiser(net, ALPHAS, nearest=True)(X, between.float())
    assert net.asked == [301, 301, 301]
    exact = GaussianManifold(MEANS[:1], C).denoise(X, None, float(between))
    torch.testing.assert_close(found, exact, rtol=0, atol=5e-3)


@pytest.mark.parametrize("sigma", [1e-4, 100.0])
def test_a_noise_level_outside_the_schedule_is_refused(sigma):
    with pytest.raises(InputError, match=r"outside the network's schedule, 0.005 to 78"):
        DDPMDenoiser(ClosedForm("epsilon"), ALPHAS)(X, torch.tensor(sigma))


def test_a_schedule_that_ends_in_pure_noise_is_used_up_to_there():
    ended = torch.cat([ALPHAS, torch.zeros(1)])
    x, sigma = X.double(), torch.tensor(0.25)
    assert torch.equal(
        DDPMDenoiser(ClosedForm("v_prediction"), ended, "v_prediction")(x, sigma),
        DDPMDenoiser(ClosedForm("v_prediction"), ALPHAS, "v_prediction")(x, sigma),
    )


def test_what_follows_the_prediction_and_what_wraps_it_is_passed_over():
    class Learned(ClosedForm):  # predicts a variance too
        def forward(self, z, t):
            found = super().forward(z, t)
            return SimpleNamespace(sample=torch.cat([found, 9 + found], 1))

    sigma = torch.tensor(0.25)
    plain = DDPMDenoiser(ClosedForm("epsilon"), ALPHAS)(X, sigma)
    assert torch.equal(DDPMDenoiser(Learned("epsilon"), ALPHAS)(X, sigma), plain)
    assert torch.equal(DDPMDenoiser(ClosedForm("epsilon", wrap=True), ALPHAS)(X, sigma), plain)


def test_labels_reach_the_network_and_any_class_is_the_last_label():
    net = ClosedForm("epsilon")
    denoiser = DDPMDenoiser(net, ALPHAS, classes=("a",))  # label 1 stands for any class
    for y, mean in ((torch.zeros(3).long(), MEANS[:1]), (None, MEANS[1:])):
        expected = GaussianManifold(mean, C).denoise(X, None, 0.25)
        torch.testing.assert_close(denoiser(X, torch.tensor(0.25), y), expected, rtol=0, atol=1e-5)


def test_an_unknown_prediction_is_named():
    with pytest.raises(InputError, match=r'unknown prediction "flow"; known: epsilon'):
        DDPMDenoiser(ClosedForm("epsilon"), ALPHAS, "flow")


class StubUNet(nn.Module):
    """The interface of diffusers.UNet2DModel that is used."""

    @classmethod
    def from_pretrained(cls, path, **settings):
        assert settings["local_files_only"]
        assert settings["use_safetensors"]
        return ClosedForm("sample", wrap=True)


class StubScheduler:
    alphas_cumprod = ALPHAS

    @classmethod
    def from_config(cls, config):
        return cls()


UNET = {"_class_name": "UNet2DModel", "sample_size": [4, 5], "in_channels": 1}
SCHEDULER = {"_class_name": "DDIMScheduler", "prediction_type": "sample"}


def write(folder: Path, files: dict[str, dict]) -> str:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return str(folder)


@pytest.fixture
def stub(monkeypatch):
    named = {"UNet2DModel": StubUNet, "DDIMScheduler": StubScheduler, "OddScheduler": None}
    monkeypatch.setitem(sys.modules, "diffusers", SimpleNamespace(**named))


@pytest.mark.parametrize("place", ["", "scheduler/"])
def test_a_network_beside_its_scheduler(stub, tmp_path, place):
    path = write(tmp_path, {"config.json": UNET, f"{place}scheduler_config.json": SCHEDULER})
    denoiser = diffusers_denoiser(path)
    assert denoiser.shape == SHAPE
    assert denoiser.classes is None
    expected = GaussianManifold(MEANS[:1], C).denoise(X, None, 0.25)
    torch.testing.assert_close(denoiser(X, torch.tensor(0.25)), expected, rtol=0, atol=1e-5)


def test_a_pipeline_with_classes(stub, tmp_path):
    index = {"_class_name": "DDPMPipeline", "id2label": {"0": "cat", "1": "dog"}}
    files = {"model_index.json": index, "scheduler/scheduler_config.json": SCHEDULER}
    path = write(tmp_path, {**files, "unet/config.json": {**UNET, "num_class_embeds": 3}})
    assert diffusers_denoiser(path).classes == ("cat", "dog")


LABELS = {**UNET, "num_class_embeds": 10}
BAD = {
    "no config": ({}, "cannot read .*config.json"),
    "no scheduler": ({"config.json": UNET}, "has no scheduler_config.json"),
    "another network": (
        {"config.json": {"_class_name": "UNet2DConditionModel"}},
        "holds a UNet2DConditionModel; it must be a UNet2DModel",
    ),
    "latents": ({"model_index.json": {"vqvae": ["diffusers", "VQModel"]}}, "works on latents"),
    "another schedule": (
        {"config.json": UNET, "scheduler_config.json": {"_class_name": "Karras"}},
        r"schedule that is not a DDPM's \(Karras\)",
    ),
    "labels without names": (
        {"config.json": LABELS, "scheduler_config.json": SCHEDULER},
        "takes class labels: it must have id2label",
    ),
    "no label for any class": (
        {
            "config.json": {**LABELS, "id2label": {str(i): f"c{i}" for i in range(10)}},
            "scheduler_config.json": SCHEDULER,
        },
        "one embedding more than names, for images of any class (it has 10",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_folders_that_cannot_be_used(stub, tmp_path, case):
    files, said = BAD[case]
    with pytest.raises(InputError, match=said if "\\" in said or "*" in said else None) as caught:
        diffusers_denoiser(write(tmp_path, files))
    if "\\" not in said and "*" not in said:
        assert said in str(caught.value)


def test_a_folder_that_is_not_there_is_not_downloaded(stub):
    with pytest.raises(InputError, match="there is no folder google/ddpm; .* nothing is download"):
        diffusers_denoiser("google/ddpm")


def test_without_diffusers_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtra, match=r'pip install "offmanifold\[diffusers\]"'):
        diffusers_denoiser(str(tmp_path))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of diffusers' own imports
class TestOfDiffusers:
    """A small network with attention and class labels, as diffusers saves it."""

    @pytest.fixture
    def saved(self, tmp_path) -> str:
        diffusers = pytest.importorskip("diffusers")
        torch.manual_seed(0)
        net = diffusers.UNet2DModel(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(16, 16),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=4,
            num_class_embeds=3,
        )
        net.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        write(tmp_path, {"config.json": {**config, "id2label": {"0": "cat", "1": "dog"}}})
        scheduler = diffusers.DDIMScheduler(prediction_type="v_prediction", clip_sample=False)
        scheduler.save_pretrained(tmp_path / "scheduler")
        return str(tmp_path)

    def test_it_denoises_as_its_scheduler_would(self, saved):
        from diffusers import DDIMScheduler, UNet2DModel

        denoiser = diffusers_denoiser(saved)
        scheduler = DDIMScheduler.from_pretrained(saved, subfolder="scheduler")
        net = UNet2DModel.from_pretrained(saved, low_cpu_mem_usage=False).eval()
        t, x, y = 200, torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
        alpha = scheduler.alphas_cumprod[t]
        z = alpha.sqrt() * (2 * x - 1)
        with torch.no_grad():
            for label, asked in ((y, y), (torch.tensor([2, 2]), None)):
                v = net(z, t, class_labels=label).sample
                scheduler.set_timesteps(1000)
                u = scheduler.step(v, t, z, eta=0.0).pred_original_sample
                sigma = ((1 - alpha) / alpha).sqrt() / 2
                found = denoiser(x, sigma, asked)
                torch.testing.assert_close(found, (u + 1) / 2, rtol=0, atol=1e-4)

    def test_its_derivatives_agree_with_finite_differences(self, saved):
        from offmanifold.manifolds import ManifoldCard

        card = ManifoldCard("diffusers", "0" * 12, (1, 8, 8), ("cat", "dog"))
        manifold = CallableManifold(diffusers_denoiser(saved).double(), card, (0, 1))
        x, v, u = torch.rand(3, 2, 1, 8, 8, dtype=torch.double)
        step = 1e-5
        with torch.no_grad():
            ends = [manifold.denoise(x + s * step * v, None, 0.25) for s in (1, -1)]
        pushed = manifold.push(x, torch.stack([v, u]), 0.25)
        torch.testing.assert_close(pushed[0], (ends[0] - ends[1]) / (2 * step), rtol=0, atol=1e-6)
        pulled = manifold.pull(x, u[None], 0.25)[0]
        torch.testing.assert_close((u * pushed[0]).sum(), (pulled * v).sum())
