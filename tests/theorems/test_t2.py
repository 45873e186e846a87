import pytest
import torch

from offmanifold.theorems import check_t2
from offmanifold.theorems.base import Draws, share_off
from offmanifold.theorems.t2 import (
    CLASSES,
    Classes,
    D,
    distractor_share,
    own_subspaces,
    shared_subspace,
)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_claim_holds(seed: int):
    claims = check_t2(seed)
    assert len(claims) == 6
    assert [c.claim for c in claims if not c.holds] == []


@pytest.mark.parametrize("make", [shared_subspace, own_subspaces])
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_the_gradient_is_that_of_the_density(make, sigma: float):
    """By autodiff through multivariate normal densities of x̃."""
    g = Draws(5)
    classes: Classes = make(g)
    noisy, y = classes.draw(g, 6, sigma)
    eye = torch.eye(D, dtype=torch.float64)
    laws = [
        torch.distributions.MultivariateNormal(mean, frame @ frame.T + sigma**2 * eye)
        for mean, frame in zip(classes.means, classes.frames, strict=True)
    ]
    noisy = noisy.requires_grad_()
    log_joint = torch.stack([law.log_prob(noisy) for law in laws], 1)
    log_p = log_joint.log_softmax(1)[torch.arange(6), y]
    (expected,) = torch.autograd.grad(log_p.sum(), noisy, retain_graph=True)
    (expected_score,) = torch.autograd.grad(log_joint.logsumexp(1).sum(), noisy)
    gradient, score, _ = classes.gradient(noisy.detach(), y, sigma)
    torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(score, expected_score, rtol=1e-7, atol=1e-9)


def test_a_classifier_that_is_not_bayes_is_seen():
    g = Draws(0)
    classes = shared_subspace(g)
    noisy, y = classes.draw(g, 100, 1.0)
    gradient = classes.gradient(noisy, y, 1.0)[0]
    spoilt = gradient + 1e-6 * gradient.norm(dim=1, keepdim=True) * g.normal(100, D)
    assert float(share_off(spoilt, classes.frames[0]).max()) > 1e-20


def test_means_off_the_subspace_break_it():
    g = Draws(0)
    classes = shared_subspace(g)
    apart = Classes(classes.means + 0.1 * g.normal(CLASSES, D), classes.frames)
    noisy, y = apart.draw(g, 100, 1.0)
    gradient, _, doubt = apart.gradient(noisy, y, 1.0)
    assert float(share_off(gradient[doubt], classes.frames[0]).mean()) > 0.01


def test_more_dependence_gives_the_distractor_more_gradient():
    shares = [distractor_share(0, amount) for amount in (0.0, 0.1, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 1e-12 < shares[1]
