import numpy as np
import pytest
import torch
from torch.func import jacfwd, vmap

from offmanifold._core.errors import InputError
from offmanifold.data.glyph_rendering import (
    LATENTS,
    REACH,
    SOFTNESS,
    glyph_splines,
    identity,
    render,
    render_with_jacobian,
)

PAIR = "25"


def test_the_jacobian_is_the_derivative():
    generator = torch.Generator().manual_seed(0)
    z = (2 * torch.rand(20, 7, generator=generator) - 1) * torch.tensor(REACH)
    z, splines = z.double(), glyph_splines(PAIR)
    x, known = render_with_jacobian(splines, z)
    torch.testing.assert_close(x.view(20, 1, 28, 28), render(splines, z))
    by_autodiff = vmap(jacfwd(lambda one: render(splines, one[None]).flatten()))(z)
    torch.testing.assert_close(known, by_autodiff.transpose(1, 2), rtol=1e-10, atol=1e-12)
    for i in range(len(LATENTS)):
        step = torch.zeros(7).double()
        step[i] = 1e-5
        change = render(splines, z + step) - render(splines, z - step)
        torch.testing.assert_close(known[:, i], change.flatten(1) / 2e-5, rtol=1e-5, atol=1e-7)


def test_the_jacobian_has_no_jumps():
    """Across the knots of the splines too: it moves by as little as the latents do."""
    z = torch.zeros(601, 7).double()
    z[:, 1] = torch.linspace(-0.3, 0.3, 601)
    _, jacobian = render_with_jacobian(glyph_splines(PAIR), z)
    moves = (jacobian[1:] - jacobian[:-1]).flatten(1).norm(dim=1)
    assert moves.max() < 3 * moves.median()


def test_each_latent_does_what_its_name_says():
    splines = glyph_splines(PAIR)
    places = torch.arange(28).double() - 13.5

    def moments(**latents: float) -> tuple[torch.Tensor, torch.Tensor]:
        z = torch.zeros(1, 7).double()
        z[0, 0] = -1
        for name, value in latents.items():
            z[0, LATENTS.index(name.replace("_", " "))] = value
        weight = render(splines, z)[0, 0]
        p = torch.stack([places.repeat(28), places.repeat_interleave(28)])
        mean = (p * weight.flatten()).sum(1) / weight.sum()
        away = p - mean[:, None]
        return mean, (away * weight.flatten()) @ away.T / weight.sum()

    mean, spread = moments()
    shift = torch.tensor([1.5, -0.7]).double()
    moved, _ = moments(right=1.5, down=-0.7)
    assert (moved - mean - shift).abs().max() < 0.02

    def relative_error(m: list[list[float]], **latents: float) -> float:
        matrix = torch.tensor(m).double()
        expected = matrix @ spread @ matrix.T
        return float((moments(**latents)[1] - expected).norm() / expected.norm())

    cos, sin = np.cos(0.3), np.sin(0.3)
    assert relative_error([[cos, -sin], [sin, cos]], rotation=0.3) < 0.01
    assert relative_error([[1, 0.3], [0, 1]], shear=0.3) < 0.01
    # the edge is as soft at every scale, hence the tolerance
    assert relative_error([[np.exp(0.16), 0], [0, np.exp(0.16)]], log_scale=0.16) < 0.05

    thin, thick = torch.zeros(2, 1, 7).double()
    thin[0, 6], thick[0, 6] = -0.4, 0.4
    logits = [torch.logit(render(splines, z)) for z in (thin, thick)]
    torch.testing.assert_close(logits[1] - logits[0], torch.full_like(logits[0], 0.8 / SOFTNESS))


def test_the_ends_of_t_are_the_two_characters():
    z = torch.zeros(2, 7).double()
    z[0, 0], z[1, 0] = -1, 1
    two, five = render(glyph_splines("25"), z)
    nine, two_again = render(glyph_splines("92"), z)
    eight = render(glyph_splines("28"), z)[1]
    torch.testing.assert_close(two, two_again, atol=0.15, rtol=0)  # sizes follow the larger box
    assert min((two - a).norm() for a in (five, nine, eight)) > 2


@pytest.mark.parametrize("pair", ["3", "33", "345", "", "3 ", "3\n", "3漢"])
def test_two_different_characters_of_the_font_are_needed(pair):
    with pytest.raises(InputError, match="two different characters"):
        glyph_splines(pair)


def test_identity_tells_constants_apart(monkeypatch):
    before = identity(PAIR)
    assert identity("38") != before
    monkeypatch.setattr("offmanifold.data.glyph_rendering.SOFTNESS", 0.6)
    assert identity(PAIR) != before
