from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_json
from offmanifold.models.card import Loaded, ModelCard
from offmanifold.models.labels import LabelJoin, adapt_labels, match_labels

ABC = ("cat", "dog", "fish")


def test_join_is_logsumexp_of_each_class_s_outputs():
    logits = torch.randn(4, 5)
    out = LabelJoin(((3,), (0, 4)))(logits)
    expected = torch.stack([logits[:, 3], torch.logsumexp(logits[:, [0, 4]], 1)], 1)
    assert out[:, 0].equal(expected[:, 0])
    torch.testing.assert_close(out, expected)


def test_join_can_be_differentiated_twice():
    logits = torch.randn(2, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(LabelJoin(((3,), (0, 4, 1))), (logits,))


@given(st.permutations(range(5)))
def test_permuted_folders_give_the_permuted_logits(order: list[int]):
    names = [f"class {i}" for i in range(5)]
    model = nn.Linear(3, 5)
    card = ModelCard("x", outputs=5, classes=tuple(names))
    x = torch.randn(2, 3)
    adapted = adapt_labels(Loaded(model, card), [names[i] for i in order])
    assert adapted(x).equal(model(x)[:, order])


def test_same_names_in_the_same_order_leave_the_model_as_it_is():
    model = nn.Linear(3, 3).train()
    adapted = adapt_labels(Loaded(model, ModelCard("x", outputs=3, classes=ABC)), ABC)
    assert adapted is model
    assert not adapted.training


def test_images_without_labels_keep_the_model_s_outputs():
    model = nn.Linear(3, 3)
    assert adapt_labels(Loaded(model, ModelCard("x")), None) is model


def test_first_outputs_of_more_are_a_choice_not_an_identity():
    model = nn.Linear(3, 3)
    adapted = adapt_labels(Loaded(model, ModelCard("x", outputs=3, classes=ABC)), ABC[:2])
    assert adapted(torch.rand(1, 3)).shape == (1, 2)


def test_names_match_whatever_their_case_and_separators():
    assert match_labels(["Great_White shark", "b-C"], None, ["bc", "great-white-shark"]) == (
        (1,),
        (0,),
    )


def test_synonyms_match_where_no_name_does():
    names, synonyms = ["tench, Tinca tinca", "sun, star"], [("n01", "tench"), ("n02", "sun")]
    assert match_labels(names, synonyms, ["n02", "Tench"]) == ((1,), (0,))
    # a name comes before another output's synonym
    assert match_labels(["maillot", "maillot, tank suit"], [(), ("maillot",)], ["maillot"]) == (
        (0,),
    )


def test_outputs_of_one_and_the_same_name_join_and_no_others():
    assert match_labels(["cat", "dog", "cat"], None, ["dog", "cat"]) == ((1,), (0, 2))
    assert match_labels(["cat", "dog", "Cat"], None, ["dog", "cat"]) == ((1,), (0,))


def test_a_sign_is_no_separator():
    assert match_labels(["-1", "0", "1"], None, ["0", "1"]) == ((1,), (2,))
    assert match_labels(["-1", "0", "1"], None, ["1", "0", "-1"]) == ((2,), (1,), (0,))
    with pytest.raises(InputError, match="named like 1;"):
        match_labels(["-1", "0"], None, ["0", "1"])
    mapped = {"-1": "bad", "0": "good", "1": "bad"}
    assert match_labels(["1", "0", "-1"], None, ["bad", "good"], 3, mapped) == ((0, 2), (1,))


def test_names_that_separators_alone_tell_apart_can_be_audited():
    assert match_labels(["C-3", "C3"], None, ["C3", "C-3"]) == ((1,), (0,))
    assert match_labels(["C-3", "C3"], None, ["c3", "c_3"]) == ((1,), (0,))
    with pytest.raises(InputError, match=r'"cat" is like "CAT", "Cat", but not the same'):
        match_labels(["CAT", "Cat"], None, ["cat"])


def test_decomposed_names_are_composed_ones():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert match_labels([composed, "\uff11"], None, ["1", decomposed]) == ((1,), (0,))
    both = [decomposed, composed]
    assert match_labels(both, None, [composed, decomposed]) == ((1,), (0,))


def test_lists_that_look_the_same_say_what_differs():
    with pytest.raises(InputError, match=r'"\\u0441at" is like "cat", but not the same'):
        match_labels(["cat", "dog"], None, ["\u0441at", "dog"])  # a Cyrillic letter
    with pytest.raises(InputError, match=r'"cafe\\u0301" is like "caf\\xe9"'):
        match_labels(["caf\u00e9"], None, ["caf\u00e9", "cafe\u0301"])


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("by-index", ((0,), (1,))),
        (["bad", "good"], ((1,), (0,))),
        ({"0": "bad", "1": "good"}, ((1,), (0,))),
        ({0: "bad", 1: "good"}, ((1,), (0,))),
        ({"good": [1], "bad": [0]}, ((1,), (0,))),
        ({"good": 1, "bad": 0}, ((1,), (0,))),
    ],
)
def test_every_form_of_mapping(mapping, expected):
    assert match_labels(None, None, ["good", "bad"], 2, mapping) == expected


def test_mapping_by_the_outputs_names_joins_several():
    mapping = {"scratch": "bad", "dent": "bad", "fine": "good"}
    names = ["dent", "fine", "scratch"]
    assert match_labels(names, None, ["bad", "good"], 3, mapping) == ((0, 2), (1,))


def test_mapping_in_a_file(tmp_path: Path):
    write_json(tmp_path / "map.json", {"0": "bad", "1": "good"})
    model = nn.Linear(3, 2)
    loaded = Loaded(model, ModelCard("x", outputs=2))
    x = torch.rand(2, 3)
    for path in (tmp_path / "map.json", str(tmp_path / "map.json")):
        assert adapt_labels(loaded, ["good", "bad"], path)(x).equal(model(x)[:, [1, 0]])


def test_equal_counts_without_names_are_no_match():
    with pytest.raises(InputError, match=r"order of folders is no evidence.*`classes` by-index"):
        match_labels(None, None, ABC, 3)


def test_a_class_without_output_shows_both_lists_shortened():
    data = ["bird", *(f"c{i}" for i in range(20))]
    with pytest.raises(InputError) as caught:
        match_labels(ABC, None, data, 3)
    said = str(caught.value)
    assert "cat, dog, fish" in said
    assert "(21 in all)" in said
    assert "c15" not in said
    assert "`classes` map.json" in said


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("by-index", "not 3 and 2"),
        (["a", "b"], "2 names for 3 outputs"),
        ({"7": "good"}, 'no output "7"'),
        ({"0": "godo"}, '"godo" is no class of the data'),
        ({"0": "good"}, "no output of the model is named like bad"),
        ({"good": [0], "bad": [0, 1]}, 'means both "good" and "bad"'),
        (3, "a JSON list or object"),
    ],
)
def test_bad_mappings_are_named(mapping, said: str):
    with pytest.raises(InputError, match=said):
        match_labels(None, None, ["good", "bad"], 3, mapping)


def test_an_output_of_two_classes_is_an_error():
    with pytest.raises(InputError, match="means both"):
        match_labels(["sun, star"], [("sun", "star")], ["sun", "star"])
