import itertools

import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.glyph_rendering import (
    REACH,
    glyph_splines,
    render_with_jacobian,
)
from offmanifold.data.glyphs import IMAGES, PAIR, TAU, Glyphs

MANY = np.arange(1000)
SIGMA = 0.25  # per pixel, the usual noise of a manifold


@pytest.fixture(scope="module")
def glyphs() -> Glyphs:
    return Glyphs(20_000)


def jacobian(glyphs: Glyphs, index: np.ndarray) -> torch.Tensor:
    return torch.cat(glyphs.tangents(index), 1)


def test_tangents_are_the_derivatives_of_the_images(glyphs):
    class_part, nuisances = glyphs.tangents(MANY[:100])
    assert class_part.shape == (100, 1, 784)
    assert nuisances.shape == (100, 6, 784)
    _, known = render_with_jacobian(glyph_splines(PAIR), glyphs.latents(MANY[:100]))
    assert torch.equal(torch.cat([class_part, nuisances], 1), known)


def test_images_are_those_of_the_latents(glyphs):
    exact, _ = render_with_jacobian(glyph_splines(PAIR), glyphs.latents(MANY))
    x = glyphs.read(MANY)
    assert x.dtype == torch.float32
    assert x.shape == (1000, 1, 28, 28)
    assert (x.flatten(1) - exact).abs().max() < 1e-5


def test_an_image_depends_on_seed_and_index_alone(glyphs):
    few = Glyphs(50)
    assert torch.equal(few.read(MANY[:50]), glyphs.read(MANY[:50]))
    assert np.array_equal(few.labels, glyphs.labels[:50])
    assert few.hashes == glyphs.hashes[:50]
    alone = torch.cat([glyphs.read(np.array([i])) for i in MANY[:200]])
    assert torch.equal(alone, glyphs.read(MANY[:200]))
    assert torch.equal(alone[[7, 3, 7]], glyphs.read(np.array([7, 3, 7])))
    other = Glyphs(50, seed=1)
    assert not set(other.hashes) & set(few.hashes)
    assert (other.read(MANY[:50]) - few.read(MANY[:50])).flatten(1).norm(dim=1).min() > 0.5


def test_hashes_tell_pairs_apart_and_every_image():
    glyphs = Glyphs(5000)
    assert len(set(glyphs.hashes)) == 5000
    assert not set(glyphs.hashes) & set(Glyphs(5000, pair="38").hashes)


def test_pixels_lie_in_range_and_the_glyph_inside_the_image(glyphs):
    x = glyphs.read(np.arange(5000))[:, 0]
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.amax((1, 2)).min() > 0.5
    border = torch.cat([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], 1)
    assert border.max() < 0.02


def test_latents_fill_their_reach(glyphs):
    parts = glyphs.latents(np.arange(20_000)).numpy() / REACH
    assert abs(parts).max() <= 1
    assert abs(parts.mean(0)).max() < 4 * 3**-0.5 / 20_000**0.5
    assert np.abs(np.corrcoef(parts.T) - np.eye(7)).max() < 4.5 / 20_000**0.5


def test_labels_follow_the_posterior(glyphs):
    posterior = glyphs.posterior(np.arange(20_000)).numpy()
    assert abs(posterior.sum(1) - 1).max() < 1e-15
    t = glyphs.latents(np.arange(20_000))[:, 0].numpy()
    p = posterior[:, 1]
    assert np.allclose(np.log(p / (1 - p)), t / TAU)
    edges = np.array([-1, -0.3, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.3, 1])
    for low, high in itertools.pairwise(edges):
        here = (low <= t) & (t < high)
        error = np.sqrt((p[here] * (1 - p[here])).sum()) / here.sum()
        assert abs(glyphs.labels[here].mean() - p[here].mean()) < 4 * error


def test_the_tangent_is_well_conditioned_everywhere(glyphs):
    """Columns of norm 1: every latent, t among them, moves the image in a way of its own."""
    columns = jacobian(glyphs, MANY)
    unit = columns / columns.norm(dim=2, keepdim=True)
    values = torch.linalg.svdvals(unit)
    assert (values[:, 0] / values[:, -1]).max() < 4
    # by half its reach, the direction that moves images least still moves them beyond the noise
    reach = torch.tensor(REACH).double()[:, None]
    assert (torch.linalg.svdvals(columns * reach)[:, -1] / 2).min() > SIGMA
    assert (2 * (columns * reach).norm(dim=2).mean(0) / SIGMA).min() > 15


def test_the_default_pair_is_better_conditioned_than_others():
    z = Glyphs(400).latents(MANY[:400])
    reach = torch.tensor(REACH).double()[:, None]

    def worst(pair: str) -> float:
        columns = render_with_jacobian(glyph_splines(pair), z)[1] * reach
        return float(torch.linalg.svdvals(columns)[:, -1].min())

    others = ["17", "23", "28", "38"]
    assert max(map(worst, others)) < worst(PAIR)


def test_tangent_spaces_turn_little_within_the_noise(glyphs):
    """A move of SIGMA (l2) along any direction keeps 99 % of the energy in the tangent space."""
    splines, z = glyph_splines(PAIR), glyphs.latents(MANY[:200])
    columns = jacobian(glyphs, MANY[:200]).transpose(1, 2)
    basis, r = torch.linalg.qr(columns)
    kept = []
    for k in range(7):
        unit = torch.eye(7).double()[k].expand(len(z), 7)
        step = SIGMA * torch.linalg.solve(r, unit)
        moved = render_with_jacobian(splines, z + step)[1].transpose(1, 2)
        overlap = basis.transpose(1, 2) @ torch.linalg.qr(moved)[0]
        kept.append(overlap.square().sum((1, 2)) / 7)
    kept = torch.stack(kept)
    assert kept.mean() > 0.99
    assert kept.min() > 0.95


def test_masks_hold_almost_all_that_depends_on_the_latents():
    masked = load_data("glyphs:100::mask").train
    batch = masked.read(masked.rows)
    assert batch.mask.shape == batch.x.shape
    assert set(batch.mask.unique().tolist()) == {0.0, 1.0}
    assert 0.2 < batch.mask.mean() < 0.5
    energy = torch.cat(masked.source.tangents(masked.rows), 1).square().sum(1)
    inside = (energy * batch.mask.flatten(1)).sum(1) / energy.sum(1)
    assert inside.min() > 0.99
    assert load_data("glyphs:100").train.source.masks(MANY[:3]) is None


def test_specs():
    assert len(load_data("glyphs").train.source) == IMAGES
    data = load_data("glyphs:200:AB", seed=3)
    assert data.classes == ("A", "B")
    assert data.info["name"] == "glyphs"
    assert len(data.train) + len(data.val) + len(data.test) == 200
    assert torch.equal(data.train.source.read(MANY[:9]), Glyphs(9, "AB", 3).read(MANY[:9]))
    assert load_data("glyphs:200").fingerprint != data.fingerprint
    assert load_data("glyphs:200", size=14).shape == (1, 14, 14)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        *((rest, "glyphs:IMAGES:CHARACTERS") for rest in ("x", "-4", "99:38:x", "99:38:mask:x")),
        *((n, "10 to 10,000,000 images") for n in ("9", "0", "99999999999")),
        *((f"99:{pair}", "two different characters") for pair in ("3", "33", "3 ", "345", "3漢")),
    ],
)
def test_bad_specs_are_refused_in_one_sentence(rest, said):
    with pytest.raises(InputError, match=said) as error:
        load_data(f"glyphs:{rest}")
    assert "\n" not in str(error.value)


def test_beside_a_distractor_tangents_lie_on_the_signal():
    plain, data = load_data("glyphs:100"), load_data("distractor:glyphs:100")
    assert data.shape == (1, 56, 28)
    rows = data.train.rows
    masks = data.train.source.masks(rows).flatten(1)[:, None].bool()
    assert 0 < masks[:, 0, 0].float().mean() < 1
    parts = data.train.source.tangents(rows)
    assert [part.shape for part in parts] == [(len(rows), 1, 1568), (len(rows), 6, 1568)]
    for part, inner in zip(parts, plain.train.source.tangents(rows), strict=True):
        on = masks.expand_as(part)
        assert torch.equal(part[on].view_as(inner), inner)
        assert not part[~on].any()
    assert not hasattr(load_data("distractor:digits").train.source, "tangents")


def test_tangents_that_come_whole_stay_whole_beside_a_distractor():
    data = load_data("distractor:subspace:3:50")
    rows = data.train.rows
    tangents = data.train.source.tangents(rows)
    assert tangents.shape == (len(rows), 3, 1568)
    inner = load_data("subspace:3:50").train.source.tangents(rows)
    torch.testing.assert_close(tangents.norm(dim=2), inner.norm(dim=2))
