"""The numbers of an image from those of its pieces."""

from offmanifold.synthesis.numbers import of_the_whole
from offmanifold.synthesis.schema import Numbers


def test_of_one_piece_all_numbers_are_kept():
    one = Numbers(target="3", norm=2.0, steps=5)
    assert of_the_whole([one]) == one
    assert of_the_whole([one], {"result": 0.5}).error == {"result": 0.5}


def test_of_several_pieces_the_norms_alone_add_up():
    pieces = [Numbers(target="3", norm=3.0), Numbers(target="4", norm=4.0)]
    assert of_the_whole(pieces) == Numbers(pieces=2, norm=5.0)
