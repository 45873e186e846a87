import pytest
import torch

from offmanifold._core.randomness import (
    ImageNoise,
    PartNoise,
    Randomness,
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


def test_the_noise_of_some_rows_goes_on_from_here():
    noise, x = ImageNoise(torch.tensor([4, 9, 2]), seed=1, name="n"), torch.zeros(3, 1, 2, 2)
    normal_like(x, noise)
    some = at_rows(noise, torch.tensor([2, 0]))
    assert normal_like(x[:2], some).equal(normal_like(x, noise)[[2, 0]])


def draws(n: int, generator: Randomness) -> list[torch.Tensor]:
    """Some draws of each kind for n images, one after the other."""
    x = torch.zeros(n, *SHAPE, dtype=torch.double)
    return [
        normal_like(x, generator),
        uniform_like(x, generator),
        uniform(n, (4,), generator),
        uniform(n, (), generator),
        normal_like(x, generator),
    ]


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_parts_of_a_batch_together_are_the_batch(world: int):
    whole = draws(7, generator_of("a"))
    for rank in range(world):
        rows = torch.arange(7)[rank::world]
        part = draws(len(rows), PartNoise(generator_of("a"), rows, 7))
        assert all(p.equal(w[rows]) for p, w in zip(part, whole, strict=True))


def test_uniform_draws_of_an_image_depend_on_it_alone():
    index = torch.tensor([4, 7, 1, 9])
    whole = draws(4, ImageNoise(index, seed=0, name="a"))
    part = draws(2, ImageNoise(index[[3, 1]], seed=0, name="a"))
    assert all(p.equal(w[[3, 1]]) for p, w in zip(part, whole, strict=True))
    assert not whole[0].equal(whole[4])


@pytest.mark.parametrize(
    "generator",
    [
        generator_of("a"),
        ImageNoise(torch.arange(500), seed=0, name="a"),
        PartNoise(generator_of("a"), torch.arange(500), 1000),
    ],
)
def test_uniform_draws_are_uniform(generator: Randomness):
    drawn = uniform(500, (20,), generator)
    assert drawn.shape == (500, 20)
    assert drawn.dtype == torch.float32
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() < 1
    assert drawn.mean() == pytest.approx(1 / 2, abs=4 / (12 * 10_000) ** 0.5)
    assert drawn.var() == pytest.approx(1 / 12, abs=4 / (180 * 10_000) ** 0.5)
    x = torch.zeros(500, 2, dtype=torch.double)
    assert uniform_like(x, generator).dtype == torch.double


def test_some_rows_of_an_image_s_or_a_part_s_randomness():
    rows, index = torch.tensor([2, 0]), torch.tensor([5, 8, 3])
    for make in (
        lambda: ImageNoise(index, seed=0, name="a"),
        lambda: PartNoise(generator_of("a"), index, 9),
    ):
        some = draws(2, at_rows(make(), rows))
        assert all(s.equal(w[rows]) for s, w in zip(some, draws(3, make()), strict=True))
    plain = generator_of("a")
    assert at_rows(plain, rows) is plain
