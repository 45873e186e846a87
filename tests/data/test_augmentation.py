import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import PartNoise, generator_of
from offmanifold.data.augmentation import augment

SHIFTS = [-1, 0, 1]


class Draws:
    """A randomness that gives these numbers: down, right and mirror of each image."""

    def __init__(self, *rows: tuple[float, float, float]):
        self.rows = torch.tensor(rows)

    def uniform(self, shape: tuple[int, ...]) -> torch.Tensor:
        assert shape == (3,)
        return self.rows


def shifted(x: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """An oracle by another way: pad (c, h, w) by reflection and crop."""
    padded = torch.nn.functional.pad(x[None], (2, 2, 2, 2), mode="reflect")[0]
    return padded[:, 2 - down :, 2 - right :][:, : x.shape[1], : x.shape[2]]


def pictures(n: int) -> torch.Tensor:
    return torch.rand(n, 2, 4, 5, generator=generator_of("pictures"))


def test_by_hand():
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).expand(4, 1, 3, 3)
    still, high, low = 0.5, 0.99, 0.0
    draws = Draws((still, high, 0.9), (low, still, 0.9), (still, still, 0.1), (high, low, 0.1))
    right, up, mirrored, all_three = augment(x, 1, True, draws)[:, 0].tolist()  # type: ignore[arg-type]
    assert right == [[2, 1, 2], [5, 4, 5], [8, 7, 8]]
    assert up == [[4, 5, 6], [7, 8, 9], [4, 5, 6]]
    assert mirrored == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]
    assert all_three == [[5, 4, 5], [2, 1, 2], [5, 4, 5]]


def test_nothing_asked_for_changes_nothing():
    x = pictures(7)
    assert augment(x, 0, False, generator_of("a")).equal(x)


def test_every_image_is_one_of_the_shifts_and_all_shifts_come():
    x = pictures(1).expand(400, 2, 4, 5)
    moved = augment(x, 1, False, generator_of("a"))
    candidates = torch.stack([shifted(x[0], d, r) for d in SHIFTS for r in SHIFTS])
    same = (moved[:, None] == candidates).flatten(2).all(2)
    assert (same.sum(1) == 1).all()
    # 400 draws of 9 equal shares: 4 standard deviations of a binomial
    assert (same.sum(0) - 400 / 9).abs().max() < 4 * (400 * 8 / 81) ** 0.5


def test_half_of_the_images_are_mirrored():
    x = pictures(1).expand(400, 2, 4, 5)
    moved = augment(x, 0, True, generator_of("a"))
    mirrored = (moved == x.flip(3)).flatten(1).all(1)
    assert ((moved == x).flatten(1).all(1) ^ mirrored).all()
    assert abs(int(mirrored.sum()) - 200) < 4 * 10


def test_an_image_is_moved_alike_in_any_part_of_its_batch():
    x = pictures(9)
    whole = augment(x, 2, True, generator_of("a"))
    for rank in range(2):
        rows = torch.arange(9)[rank::2]
        part = PartNoise(generator_of("a"), rows, 9)
        assert augment(x[rows], 2, True, part).equal(whole[rows])


def test_the_images_given_are_left_alone():
    x = pictures(3)
    before = x.clone()
    augment(x, 2, True, generator_of("a")).zero_()
    assert x.equal(before)


@pytest.mark.parametrize("shift", [-1, 4])
def test_shifts_that_cannot_be(shift: int):
    with pytest.raises(InputError, match=f"below the images' 4×5 pixels, not {shift}"):
        augment(pictures(1), shift, False, generator_of("a"))
