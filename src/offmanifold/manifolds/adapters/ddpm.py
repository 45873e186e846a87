"""Networks of diffusion models as denoisers, as `diffusers` keeps them: `diffusers:PATH`.

With u = 2x − 1, an image x̃ in [0, 1] with noise σ per pixel is ũ = u + σ_u z, σ_u = 2σ. A DDPM
(Ho et al. 2020) sees z_t = √ᾱ_t u + √(1 − ᾱ_t) z = √ᾱ_t ũ at the t where σ_u = √((1 − ᾱ_t)/ᾱ_t).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.extras import first_line, import_extra
from offmanifold._core.files import read_json

PREDICTIONS = ("epsilon", "v_prediction", "sample")
LATENT = ("vae", "vqvae", "movq")  # parts of pipelines whose network never sees pixels


class DDPMDenoiser(nn.Module):
    """D(x̃; σ | y) by a network (z_t, t[, class_labels]) → prediction, or an object with `.sample`.

    alphas_cumprod: ᾱ_t (T,), falling. prediction: of PREDICTIONS (Salimans & Ho 2022 for v). t is
    interpolated in log σ_u; nearest: rounded, for networks that look up t in a table. shape:
    (c, h, w) the network takes. classes: what its class labels name; with them it must have one
    label more, the last, for images of any class. Raises InputError for σ outside the schedule.
    """

    log_sigmas: Tensor  # ln σ_u at t = 0, 1, …

    def __init__(
        self,
        net: nn.Module,
        alphas_cumprod: Tensor,
        prediction: str = "epsilon",
        *,
        shape: tuple[int, int, int] | None = None,
        classes: tuple[str, ...] | None = None,
        nearest: bool = False,
    ):
        super().__init__()
        if prediction not in PREDICTIONS:
            raise InputError(f'unknown prediction "{prediction}"; known: {", ".join(PREDICTIONS)}')
        self.net, self.shape, self.classes, self.nearest = net, shape, classes, nearest
        alphas = alphas_cumprod.double()
        alphas = alphas[alphas > 0]  # 0 is pure noise, σ = ∞
        self.register_buffer("log_sigmas", ((1 - alphas) / alphas).log().float() / 2)
        # among the tensors, which are the identity of a module
        self.register_buffer("prediction", torch.tensor(PREDICTIONS.index(prediction)))
        self._predicts = prediction

    def forward(self, noisy: Tensor, sigma: Tensor, y: Tensor | None = None) -> Tensor:
        n = len(noisy)
        s = 2 * sigma.reshape(-1).expand(n)
        t = self.time(s)
        named = {}
        if self.classes is not None:
            named["class_labels"] = torch.full_like(t, len(self.classes)).long() if y is None else y
        s = s[:, None, None, None]
        signal, noise = (1 + s.square()).rsqrt(), s * (1 + s.square()).rsqrt()  # √ᾱ, √(1 − ᾱ)
        z = signal * (2 * noisy - 1)
        found = self.net(z, t, **named)
        found = getattr(found, "sample", found)[:, : z.shape[1]]  # a learned variance may follow
        if self._predicts == "epsilon":
            u = (z - noise * found) / signal
        elif self._predicts == "v_prediction":
            u = signal * z - noise * found
        else:
            u = found
        return (u + 1) / 2

    def time(self, sigma_u: Tensor) -> Tensor:
        """Return the t (n,) at which the schedule has these σ_u (n,), by interpolation in log σ."""
        table, asked = self.log_sigmas, sigma_u.log().float()
        if asked.min() < table[0] or asked.max() > table[-1]:
            low, high = (float(end.exp()) / 2 for end in (table[0], table[-1]))
            raise InputError(
                f"σ = {float(sigma_u[0]) / 2:.3g} is outside the network's schedule, "
                f"{low:.3g} to {high:.3g} per pixel"
            )
        above = torch.searchsorted(table, asked.contiguous()).clamp(min=1)
        low, high = table[above - 1], table[above]
        t = above - 1 + (asked - low) / (high - low)
        return t.round().long() if self.nearest else t


def diffusers_denoiser(path: str) -> DDPMDenoiser:
    """Return the denoiser of a local folder: a pipeline, or a UNet2DModel beside its scheduler.

    Classes are named by `id2label` in model_index.json or in the config of the network. Weights
    are safetensors. Raises InputError for another network, one of latents, and a schedule without
    ᾱ_t.
    """
    spec = f"diffusers:{path}"
    diffusers = import_extra("diffusers", f'the manifold "{spec}"')
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"there is no folder {path}; {spec} is a local one, nothing is downloaded")
    pipeline = read_json(folder / "model_index.json") if _has(folder, "model_index.json") else {}
    latent = [part for part in LATENT if part in pipeline]
    if latent:
        raise InputError(f"{spec} works on latents ({latent[0]}); it must take images")
    place = folder / "unet" if pipeline else folder
    config = read_json(place / "config.json")
    if config.get("_class_name") != "UNet2DModel":
        raise InputError(f"{spec} holds a {config.get('_class_name')}; it must be a UNet2DModel")
    alphas, prediction = _schedule(diffusers, spec, folder)
    try:
        net = diffusers.UNet2DModel.from_pretrained(
            str(place), local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
    except Exception as error:  # a damaged folder can fail in many ways
        raise InputError(f"cannot load {spec} ({first_line(error)})") from error
    names = pipeline.get("id2label") or config.get("id2label")
    classes = tuple(names[key] for key in sorted(names, key=int)) if names else None
    embeddings = config.get("num_class_embeds")
    if embeddings is None and config.get("class_embed_type") is None:
        classes = None
    elif classes is None or embeddings != len(classes) + 1:
        raise InputError(
            f"{spec} takes class labels: it must have id2label in its config.json, and one "
            f"embedding more than names, for images of any class (it has {embeddings} embeddings)"
        )
    size = config.get("sample_size")
    h, w = (size, size) if isinstance(size, int) else size or (0, 0)
    return DDPMDenoiser(
        net.eval(),
        alphas,
        prediction,
        shape=(config["in_channels"], h, w) if size else None,
        classes=classes,
        nearest=config.get("time_embedding_type") == "learned",
    )


def _schedule(diffusers: Any, spec: str, folder: Path) -> tuple[Tensor, str]:
    """Return ᾱ_t and what the network predicts, by the scheduler's own config."""
    name = "scheduler_config.json"
    found = next((p for p in (folder / "scheduler", folder) if _has(p, name)), None)
    if found is None:
        raise InputError(f"{spec} has no {name}; save the scheduler beside the network")
    config = read_json(found / name)
    kind = str(config.get("_class_name"))
    scheduler = getattr(diffusers, kind).from_config(config) if kind.endswith("Scheduler") else None
    alphas = getattr(scheduler, "alphas_cumprod", None)
    if not isinstance(alphas, Tensor):
        raise InputError(f"{spec} has a schedule that is not a DDPM's ({kind})")
    return alphas, config.get("prediction_type", "epsilon")


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file()
