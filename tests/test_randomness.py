import pytest
import torch

from offmanifold.randomness import (
    ImageNoise,
    PartNoise,
    at_rows,
    generator_of,
    image_noise,
    normal_like,
    seed_of,
    uniform,
    uniform_like,
)

SHAPE = (2, 3, 5)


def noise(index: list[int], seed=0, name="manifold", draw=0) -> torch.Tensor:
    return image_noise(SHAPE, torch.tensor(index), seed=seed, name=name, draw=draw)


def test_noise_depends_on_the_image_not_on_the_batch_or_the_order():
    whole = noise([4, 7, 1, 9])
    assert noise([9, 1]).equal(whole[[3, 2]])
    for i, index in enumerate([4, 7, 1, 9]):
        assert noise([index])[0].equal(whole[i])


@pytest.mark.parametrize("other", [{"seed": 1}, {"name": "attack"}, {"draw": 1}])
def test_noise_depends_on_seed_name_and_draw(other: dict):
    assert not torch.isclose(noise([3]), noise([3], **other)).any()
    assert noise([3], **other).equal(noise([3], **other))


def test_noise_of_different_images_is_independent_and_standard_normal():
    z = image_noise((1, 16, 16), torch.arange(200), seed=0, name="manifold").flatten(1)
    assert z.mean().abs() < 4 / z.numel() ** 0.5
    assert (z.var() - 1).abs() < 4 * (2 / z.numel()) ** 0.5
    # correlations between images: standard normal over √d, so their squares average to 1/d
    correlation = torch.corrcoef(z)[torch.triu(torch.ones(200, 200), 1) > 0]
    assert correlation.square().mean() * 256 == pytest.approx(1, abs=4 * (2 / 19900) ** 0.5)


def test_no_image_no_noise():
    assert noise([]).shape == (0, *SHAPE)


def test_seeds_are_the_same_on_every_machine():
    assert seed_of("a", 1) == 513298709133990203
    assert seed_of("a", 1) != seed_of("a", 2)
    assert 0 <= seed_of() < 2**63
    assert torch.rand(3, generator=generator_of("a")).equal(
        torch.rand(3, generator=generator_of("a"))
    )


def test_image_noise_draws_anew_each_time_in_the_batch_s_type():
    x = torch.zeros(2, *SHAPE, dtype=torch.double)
    generator = ImageNoise(torch.tensor([5, 8]), seed=0, name="manifold")
    first, second = normal_like(x, generator), normal_like(x, generator)
    assert first.dtype == torch.double
    assert first.float().equal(noise([5, 8]))
    assert second.float().equal(noise([5, 8], draw=1))


def test_the_global_generator_is_left_as_found():
    state = torch.get_rng_state()
    noise([1, 2])
    normal_like(torch.zeros(2, *SHAPE), generator_of("a"))
    assert torch.get_rng_state().equal(state)


def test_uniform_draws_depend_on_the_image_alone():
    def drawn(index: list[int]) -> torch.Tensor:
        noise = ImageNoise(torch.tensor(index), seed=1, name="square")
        return torch.stack([uniform(len(index), (3,), noise) for _ in range(2)])

    whole = drawn([4, 9, 2])
    assert drawn([2, 4]).equal(whole[:, [2, 0]])
    assert not whole[0].equal(whole[1])
    assert 0 <= whole.min() <= whole.max() < 1


def test_the_noise_of_some_rows_goes_on_from_here():
    noise, x = ImageNoise(torch.tensor([4, 9, 2]), seed=1, name="n"), torch.zeros(3, 1, 2, 2)
    normal_like(x, noise)
    some = at_rows(noise, torch.tensor([2, 0]))
    assert normal_like(x[:2], some).equal(normal_like(x, noise)[[2, 0]])


def test_processes_share_the_noise_of_a_batch():
    x = torch.zeros(5, 1, 2, 3)
    whole = torch.Generator().manual_seed(0)
    parts = [
        PartNoise(torch.Generator().manual_seed(0), torch.arange(rank, 5, 2), 5) for rank in (0, 1)
    ]
    for draw in (normal_like, uniform_like, normal_like):
        expected = draw(x, whole)
        assert draw(x[::2], parts[0]).equal(expected[::2])
        assert draw(x[1::2], parts[1]).equal(expected[1::2])
