import torch

from gaussian_data import D, Linear, images, probe_of
from offmanifold.measures.accuracy import Accuracy
from offmanifold.measures.robust_accuracy import RobustAccuracy

WEIGHT = torch.randn(2, D, generator=torch.Generator().manual_seed(0))


def test_on_a_linear_binary_model_it_is_the_margin_over_the_norm():
    """Far from the box, an image is robust where f_y − f_other > ε‖w_y − w_other‖."""
    split = images(120, 2)
    split.source._pixels[:] = 0.45 + 0.1 * split.source._pixels  # type: ignore[attr-defined]
    w = WEIGHT[1] - WEIGHT[0]
    x = split.read(split.rows).x
    offset = (x.flatten(1) @ w).median()
    model = Linear(WEIGHT, torch.stack([offset, torch.tensor(0.0)]))
    for eps in (0.01, 0.03):
        probe = probe_of(model, split=split, eps=eps)
        f = probe.logits.double()
        margin = torch.where(probe.y == 1, f[:, 1] - f[:, 0], f[:, 0] - f[:, 1])
        clear = (margin / (eps * w.norm()) - 1).abs() > 0.1  # ten steps come nearer
        found = RobustAccuracy().columns(probe)["accuracy.pgd_l2"].bool()
        expected = margin > eps * w.norm()
        assert found[expected].all()  # an attack stays in its ball: an upper bound
        assert torch.equal(found[clear], expected[clear])
        assert 3 < expected.sum() < (margin > 0).sum() - 3
        clean = Accuracy().columns(probe)["accuracy.clean"]
        assert (found.float() <= clean).all()


def test_an_image_is_attacked_alike_in_any_batch():
    model, split = Linear(20 * WEIGHT), images(20, 2)
    whole = RobustAccuracy().columns(probe_of(model, split=split, eps=0.2))["accuracy.pgd_l2"]
    for rows in ([7], [3, 1, 19]):
        part = RobustAccuracy().columns(probe_of(model, split=split, rows=rows, eps=0.2))
        assert torch.equal(part["accuracy.pgd_l2"], whole[rows])
