import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.distractor import letter


@pytest.fixture(scope="module")
def pair():
    return load_data("digits"), load_data("distractor:digits")


def test_every_image_is_the_signal_and_the_letter(pair):
    plain, data = pair
    assert data.shape == (1, 32, 16)
    signal, batch = next(plain.train.batches(200)), next(data.train.batches(200))
    assert torch.equal(signal.index, batch.index)
    on_top = batch.mask[:, 0, 0, 0].bool()
    top, bottom = batch.x.split(16, dim=2)
    choose = on_top[:, None, None, None]
    assert torch.equal(torch.where(choose, top, bottom), signal.x)
    letters = torch.where(choose, bottom, top)
    assert torch.equal(letters, letter(16, 16).expand_as(letters))


def test_masks_are_one_on_the_signal_half(pair):
    batch = next(pair[1].val.batches(100))
    assert batch.mask.shape == batch.x.shape
    upper, lower = batch.mask.split(16, dim=2)
    assert torch.equal(upper + lower, torch.ones_like(upper))
    assert set(upper.mean(dim=(1, 2, 3)).tolist()) == {0.0, 1.0}


def test_the_half_is_a_fair_coin_that_does_not_know_the_class(pair):
    batch = next(pair[1].train.batches(1258))
    on_top = batch.mask[:, 0, 0, 0]
    assert abs(on_top.mean().item() - 0.5) < 3 * 0.5 / 1258**0.5
    by_class = [on_top[batch.y == c].mean().item() for c in range(10)]
    assert all(abs(share - 0.5) < 4 * 0.5 / 120**0.5 for share in by_class)


def test_the_half_depends_on_seed_and_index_alone(pair):
    split = pair[1].train
    whole = next(split.batches(20, torch.Generator().manual_seed(0)))
    for index, x, mask in zip(whole.index, whole.x, whole.mask, strict=True):
        alone = split.read(index[None].numpy())
        assert torch.equal(alone.x[0], x)
        assert torch.equal(alone.mask[0], mask)
    source = load_data("distractor:digits", seed=1).train.source
    rows = np.arange(200)
    assert not torch.equal(source.masks(rows), split.source.masks(rows))


def test_hashes_change_and_labels_do_not(pair):
    plain, data = pair[0].train, pair[1].train
    assert np.array_equal(plain.labels, data.labels)
    assert plain.paths == data.paths
    assert not set(plain.source.hashes) & set(data.source.hashes)


def test_the_letter_fills_the_middle_and_is_symmetric():
    a = letter(28, 28)[0]
    rows, columns = (a > 0.05).any(1).nonzero(), (a > 0.05).any(0).nonzero()
    assert 3 <= rows.min() <= 6
    assert 22 <= rows.max() <= 25
    assert 3 <= columns.min() <= 6
    assert 22 <= columns.max() <= 25
    assert a.max() == 1
    assert (a - a.flip(1)).abs().max() < 0.3


def test_size_is_that_of_a_half():
    assert load_data("distractor:digits", size=20).shape == (1, 40, 20)


def test_colour_is_refused():
    with pytest.raises(InputError, match="grey"):
        load_data("distractor:digits", channels=3)
    with pytest.raises(InputError, match='"distractor:digits"'):
        load_data("distractor:")
