"""How near each way comes to images that are known."""

import pytest
import torch

from offmanifold.synthesis.reconstruction import errors_of, scores_of
from offmanifold.synthesis.schema import Numbers
from offmanifold.synthesis.store import Row


def test_the_error_is_the_root_mean_square_per_pixel():
    original = torch.full((1, 2, 2), 0.5)
    off = original.clone()
    off[0, 0, 0] = 0.9
    found = errors_of({"original": original, "mask": off, "bicubic": off, "result": original})
    assert found == {"bicubic": pytest.approx(0.2), "result": 0.0}


def rows(**errors: list[float]) -> list[Row]:
    n = len(next(iter(errors.values())))
    each = [{c: values[i] for c, values in errors.items()} for i in range(n)]
    return [Row(str(i), {}, Numbers(error=one)) for i, one in enumerate(each)]


def lost(**errors: list[float]) -> list[tuple[str, str]]:
    return [(one.way, one.baseline) for one in scores_of(rows(**errors)).lost]


LEVELS = [0.1 + 0.1 * i for i in range(20)]  # images differ more than ways do


def shifted(by: float) -> list[float]:
    return [one + by + 0.001 * (i % 3) for i, one in enumerate(LEVELS)]


def test_a_loss_is_seen_image_by_image_though_images_differ_more():
    scores = scores_of(rows(blur=LEVELS, ascent=shifted(0.02), result=shifted(-0.02)))
    (loss,) = scores.lost
    assert (loss.way, loss.baseline) == ("ascent", "blur")
    assert loss.difference.low > 0.019 and loss.difference.n == 20
    assert scores.errors["blur"].value == pytest.approx(1.05)
    assert scores.errors["blur"].high > scores.errors["ascent"].value


def test_the_best_plain_way_is_named_and_the_denoiser_apart():
    ways = {"given": shifted(0.01), "blur": LEVELS, "denoiser": shifted(-0.05)}
    assert lost(**ways, ascent=shifted(0.02), result=shifted(-0.02)) == [
        ("ascent", "blur"),
        ("ascent", "denoiser"),
        ("result", "denoiser"),
    ]


def test_what_images_do_not_decide_is_no_loss():
    uneven = [one + (0.05 if i % 2 else -0.05) for i, one in enumerate(LEVELS)]
    assert lost(blur=LEVELS, ascent=uneven) == []
    assert lost(blur=LEVELS, result=LEVELS) == []


def test_of_one_image_there_is_no_interval():
    scores = scores_of(rows(blur=[0.1], result=[0.2]))
    assert scores.errors["blur"].low is None and scores.errors["blur"].high is None
    assert scores.lost == () and scores.few == 1


def test_of_a_few_images_nothing_loses():
    def few(n: int) -> dict[str, list[float]]:
        return {"blur": LEVELS[:n], "result": shifted(0.02)[:n]}

    for n in (2, 9):
        scores = scores_of(rows(**few(n)))
        assert scores.lost == () and scores.few == n
        assert scores.errors["blur"].low >= 0
    scores = scores_of(rows(**few(10)))
    assert len(scores.lost) == 1 and scores.few is None
