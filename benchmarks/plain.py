"""Reference implementations as such code is usually written: fp32, NCHW, one thing at a time."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def pgd_l2(model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int) -> Tensor:
    """l2 PGD with `loss.backward()`, which computes the gradients of all weights too."""
    step = 2.5 * eps / steps
    delta = torch.randn_like(x)
    delta = eps * delta / delta.flatten(1).norm(dim=1)[:, None, None, None]
    for _ in range(steps):
        delta = delta.detach().requires_grad_()
        loss = F.cross_entropy(model((x + delta).clamp(0, 1)), y)
        model.zero_grad()
        loss.backward()
        gradient = delta.grad
        assert gradient is not None
        norm = gradient.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-12)
        delta = delta.detach() + step * gradient / norm
        norm = delta.flatten(1).norm(dim=1)[:, None, None, None]
        delta = delta * (eps / norm).clamp(max=1)
        delta = (x + delta).clamp(0, 1) - x
    return (x + delta).detach()


def generate(model: nn.Module, start: Tensor, y: Tensor, eps: float, steps: int) -> Tensor:
    """Ascent of log p(y|x) by momentum on normalised gradients, in a ball around `start`."""
    step, x, velocity = 2.5 * eps / steps, start.clone(), torch.zeros_like(start)
    for i in range(steps):
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(model(x), y, reduction="sum")
        model.zero_grad()
        loss.backward()
        gradient = x.grad
        assert gradient is not None
        norm = gradient.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-12)
        velocity = 0.5 * velocity - gradient / norm
        length = velocity.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-12)
        moved = x.detach() + step * (1 + math.cos(math.pi * i / steps)) / 2 * velocity / length
        delta = moved.clamp(0, 1) - start
        norm = delta.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-12)
        x = start + delta * (eps / norm).clamp(max=1)
    return x.detach()


def pgd_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor, eps: float, steps: int
) -> Tensor:
    """A step of adversarial training: attack in train mode, loss, update; returns the loss."""
    moved = pgd_l2(model, x, y, eps, steps)
    loss = F.cross_entropy(model(moved), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def gradient_norm_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor, weight: float
) -> Tensor:
    """A step with a penalty on ‖∇ₓℓ‖², by double backward, image by image; returns the loss."""
    x = x.clone().requires_grad_()
    loss = F.cross_entropy(model(x), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    total = loss / len(x) + weight * gradient.flatten(1).norm(dim=1).square().mean()
    optimiser.zero_grad()
    total.backward()
    optimiser.step()
    return total.detach()


def tangent_energies(denoise, x: Tensor, v: Tensor, sigma: float, draws: list[Tensor]) -> Tensor:
    """vᵀJv by the full Jacobian of each image: one backward pass an output pixel."""
    result = []
    for i in range(len(x)):
        total = torch.zeros(())
        for z in draws:
            noisy = (x[i : i + 1] + sigma * z[i : i + 1]).requires_grad_()
            out = denoise(noisy, None, sigma).flatten()
            rows = [
                torch.autograd.grad(out[p], noisy, retain_graph=True)[0].flatten()
                for p in range(len(out))
            ]
            jacobian = torch.stack(rows)
            flat = v[i].flatten()
            total = total + flat @ jacobian @ flat
        result.append(total / len(draws))
    return torch.stack(result)


def decoder_tangent(decoder: nn.Module, code: Tensor) -> Tensor:
    """Orthonormal columns (d, k) of the decoder's Jacobian at one code (1, k).

    One backward pass an output pixel, then a singular value decomposition.
    """
    code = code.clone().requires_grad_()
    out = decoder(code).flatten()
    rows = [torch.autograd.grad(pixel, code, retain_graph=True)[0].flatten() for pixel in out]
    return torch.linalg.svd(torch.stack(rows), full_matrices=False)[0]


def on_off_changes(
    model: nn.Module, x: Tensor, tangents: list[Tensor], z: Tensor, steps: list[float]
) -> Tensor:
    """Mean L1 change of softmax on and off the tangent space, (2, len(steps), n).

    Image by image, direction by direction, step by step. tangents: (d, k) an image, orthonormal
    columns; z: (directions, n, c, h, w).
    """
    result = torch.zeros(2, len(steps), len(x))
    with torch.no_grad():
        for i in range(len(x)):
            clean = model(x[i : i + 1]).softmax(1)
            for direction in z[:, i]:
                on = tangents[i] @ (tangents[i].T @ direction.flatten())
                for side, v in enumerate((on, direction.flatten() - on)):
                    v = (v / v.norm()).reshape(x[i : i + 1].shape)
                    for j, step in enumerate(steps):
                        moved = model(x[i : i + 1] + step * v).softmax(1)
                        result[side, j, i] += (moved - clean).abs().sum() / len(z)
    return result
