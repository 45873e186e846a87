import pytest
import torch

from offmanifold.measures.directions import cosine, drawn, is_zero, spectrum_noise, unit


def field(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_unit_is_scale_free(scale):
    torch.testing.assert_close(unit(field(3 * scale, -4 * scale)), field(0.6, -0.8))


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf"), -float("inf")])
def test_what_has_no_direction_is_zero_and_is_counted(bad):
    v = torch.cat([field(bad, bad), field(1, bad) if bad != 0 else field(0, 0), field(3, 4)])
    assert not unit(v)[:2].any()
    assert is_zero(v).tolist() == [True, True, False]
    assert cosine(v, torch.ones_like(v)).tolist() == [0, 0, pytest.approx(7 / 50**0.5)]


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_what_has_no_direction_has_no_gradient_either(bad):
    v = torch.cat([field(bad, bad), field(3, 4)]).requires_grad_()
    unit(v)[:, 0, 0, 0].sum().backward()
    assert v.grad is not None
    torch.testing.assert_close(v.grad, torch.cat([field(0, 0), field(0.128, -0.096)]))


def test_cosine_against_torch():
    u, v = torch.randn(2, 5, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.cosine_similarity(u.flatten(1), v.flatten(1))
    torch.testing.assert_close(cosine(u, v), expected)
    torch.testing.assert_close(cosine(u, -2 * u), -torch.ones(5))


@pytest.mark.parametrize("scale", [1.0, -1e-30, 1e30])
def test_drawn_is_in_thirds_of_the_root_mean_square_and_clipped(scale):
    v = torch.randn(4, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    v[0, 0, 0, 0] = 100.0
    v[3] += 2.0  # of the root mean square about 0: the mean stays in it
    rms = v.square().mean((1, 2, 3), keepdim=True).sqrt()
    expected = (v / (3 * rms)).clamp(-1, 1)
    torch.testing.assert_close(drawn(scale * v), expected if scale > 0 else -expected)
    assert drawn(v)[0, 0, 0, 0] == 1
    assert drawn(v)[3].abs().max() < 1


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_what_has_no_direction_is_drawn_as_nothing(bad):
    found = drawn(torch.cat([field(bad, 0, 0), field(1, 2, -2)]))
    assert found[0].tolist() == [[[0, 0, 0]]]
    assert found[1].flatten().tolist() == pytest.approx([v / 3 / 3**0.5 for v in (1, 2, -2)])


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (5, 9)])
def test_spectrum_noise_has_the_image_s_amplitudes_without_its_mean(size):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, *size, generator=generator, dtype=torch.double)
    noise = torch.randn(x.shape, generator=generator, dtype=torch.double)
    found = spectrum_noise(x, noise)
    assert not found.is_complex()
    amplitude = torch.fft.fft2(x).abs()
    amplitude[..., 0, 0] = 0
    torch.testing.assert_close(torch.fft.fft2(found).abs(), amplitude)
    torch.testing.assert_close(found.mean((2, 3)), torch.zeros(2, 3).double())
    assert cosine(found, x - x.mean((2, 3), keepdim=True)).abs().max() < 0.6  # other phases
    assert (found - spectrum_noise(x, noise.flip(0))).abs().max() > 0.1
