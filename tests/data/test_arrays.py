import time

import numpy as np
import torch

from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split


def test_bytes_are_scaled_and_floats_are_left():
    values = np.array([[0, 255], [51, 102]], dtype=np.uint8).reshape(2, 1, 1, 2)
    expected = torch.tensor([[0.2, 0.4], [0.0, 1.0]]).reshape(2, 1, 1, 2)
    index = np.array([1, 0])
    assert torch.equal(ArraySource(values, None, ["a", "b"]).read(index), expected)
    floats = (values / 255).astype(np.float32)
    assert torch.equal(ArraySource(floats, None, ["a", "b"]).read(index), expected)


def test_what_is_read_may_be_changed_without_changing_the_source():
    source = ArraySource(np.full((2, 1, 2, 2), 0.5, np.float32), None, ["a", "b"])
    source.read(np.arange(2)).zero_()
    assert source.read(np.arange(2)).min() == 0.5


def test_equal_images_have_equal_hashes_and_others_do_not():
    pixels = np.zeros((3, 1, 2, 2), np.uint8)
    pixels[2, 0, 0, 0] = 1
    a, b, c = ArraySource(pixels, None, ["a", "b", "c"]).hashes
    assert a == b != c
    assert len(a) == 16


def test_batches_come_at_twenty_thousand_images_a_second():
    source = ArraySource(np.zeros((20_000, 1, 28, 28), np.uint8), None, [""] * 20_000)
    split = Split(source, np.arange(20_000))
    start = time.process_time()
    for _ in split.batches(256, torch.Generator().manual_seed(0)):
        pass
    assert time.process_time() - start < 1
