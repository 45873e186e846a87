import torch

from gaussian_data import D, GaussianManifold, Linear, covariance, images, probe_of
from offmanifold.measures.resolution import (
    CosinePosteriorCoarse,
    coarse_cosine,
    magnitude_correlation,
)

GENERATOR = torch.Generator().manual_seed(0)


def test_magnitudes_know_no_sign_and_no_scale():
    v = torch.randn(4, 3, 6, 7, generator=GENERATOR)
    sign = torch.randint(0, 2, v.shape, generator=GENERATOR) * 2 - 1
    torch.testing.assert_close(magnitude_correlation(v, -5 * v * sign), torch.ones(4))


def test_the_correlation_of_magnitudes_is_pearson_s_over_pixels():
    a, b = torch.randn(2, 5, 3, 6, 7, generator=GENERATOR)
    for one, other, found in zip(a, b, magnitude_correlation(a, b), strict=True):
        rows = torch.stack([v.square().sum(0).sqrt().flatten() for v in (one, other)])
        torch.testing.assert_close(found, torch.corrcoef(rows)[0, 1])
    independent = torch.randn(2, 400, 1, 8, 8, generator=GENERATOR)
    assert magnitude_correlation(*independent).mean().abs() < 0.03  # chance is 0


def test_coarse_fields_agree_where_only_fine_detail_differs():
    coarse = torch.randn(3, 1, 4, 4, generator=GENERATOR)
    smooth = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4)
    torch.testing.assert_close(coarse_cosine(smooth, smooth + 3 * checks, 2), torch.ones(3))
    assert coarse_cosine(smooth, smooth + 3 * checks, 1).max() < 0.5


def test_the_curve_begins_with_the_cosine_and_holds_the_value():
    means = torch.rand(3, D, generator=GENERATOR).double()
    manifold = GaussianManifold(means, covariance(torch.linspace(0.01, 1, D)))
    probe = probe_of(Linear(torch.randn(3, D, generator=GENERATOR)), manifold, images(6, 3))
    measure = CosinePosteriorCoarse()
    found = measure.columns(probe)
    (curve,) = measure.curves(1.0).values()
    cosine = torch.cosine_similarity(
        probe.gradient().flatten(1), probe.scene.score("posterior").flatten(1)
    )
    torch.testing.assert_close(found[curve.columns[0]], cosine)
    assert torch.equal(found[curve.columns[curve.x.index(2.0)]], found[measure.name])
