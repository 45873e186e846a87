"""The record of a gallery: read back as it was written, and wrong shapes said in one sentence."""

import json

import msgspec
import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_json
from offmanifold._core.reasons import ENGLISH, Reason
from offmanifold._core.statistics import Number
from offmanifold.synthesis.schema import (
    SAVED,
    SCHEMA,
    Diversity,
    GalleryRecord,
    Loss,
    MadeImage,
    Numbers,
    Scores,
    read_gallery,
    write_gallery,
)

NUMBER = Number(0.5, 0.25, None, 12)
RECORD = GalleryRecord(
    schema=SCHEMA,
    use="inpaint",
    config={"mode": "ascent", "class": None},
    planned=2,
    model="robust",
    manifold=None,
    rows=(MadeImage(name="a", columns=("given", "result"), numbers=Numbers(target="3", norm=1.5)),),
    warnings=(Reason("synthesis.weak", {"model": "robust"}),),
    diversity=Diversity(made=1.0, real=2.0, n=5, classes=1),
    scores=Scores(
        errors={"result": NUMBER}, lost=(Loss(way="result", baseline="blur", difference=NUMBER),)
    ),
    altered={},
)


def test_a_record_is_read_as_it_was_written_and_sealed(tmp_path):
    write_gallery(tmp_path, RECORD)
    assert read_gallery(tmp_path) == RECORD
    path = tmp_path / SAVED
    path.write_text(path.read_text().replace('"norm": 1.5', '"norm": 2.5'))
    with pytest.raises(InputError, match="synthesis.json is damaged"):
        read_gallery(tmp_path)


def test_what_does_not_apply_is_absent_and_a_class_is_called_class(tmp_path):
    write_gallery(tmp_path, RECORD)
    saved = json.loads((tmp_path / SAVED).read_text())
    assert saved["rows"][0]["numbers"] == {"class": "3", "norm": 1.5}
    assert saved["altered"] == {} and "few" not in saved["scores"]


def test_keys_of_other_versions_are_passed_over(tmp_path):
    saved = msgspec.to_builtins(RECORD)
    saved["rows"][0]["numbers"]["beauty"] = 1
    write_json(tmp_path / SAVED, {**saved, "more": []})
    assert read_gallery(tmp_path) == RECORD


@pytest.mark.parametrize(
    ("place", "value", "field"),
    [
        (("rows", 0, "numbers", "norm"), "long", "rows[0].numbers.norm"),
        (("rows", 0, "columns"), None, "rows[0].columns"),
        (("rows",), {}, "rows"),
        (("config", "mode"), 3, "mode"),
        (("warnings", 0), "beware", "warnings[0]"),
        (("scores", "lost", 0, "difference"), 0.5, "scores.lost[0].difference"),
        (("planned",), "two", "planned"),
    ],
)
def test_a_wrong_shape_is_one_sentence_that_names_file_and_field(tmp_path, place, value, field):
    saved = msgspec.to_builtins(RECORD)
    inner = saved = json.loads(json.dumps(saved))
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    write_json(tmp_path / SAVED, saved)
    with pytest.raises(InputError) as error:
        read_gallery(tmp_path)
    said = str(error.value)
    assert str(tmp_path / SAVED) in said and field in said and "\n" not in said


@pytest.mark.parametrize("value", [[], 3, {}, {"schema": "offmanifold.audit/1"}])
def test_another_file_is_no_gallery(tmp_path, value):
    write_json(tmp_path / SAVED, value)
    with pytest.raises(InputError, match="holds no made images"):
        read_gallery(tmp_path)


def test_its_schema_can_be_printed():
    schema = msgspec.json.schema(GalleryRecord)
    assert "class" in schema["$defs"]["Numbers"]["properties"]


def test_each_warning_has_words():
    codes = {code for code in ENGLISH if code.startswith("synthesis.")}
    assert codes == {
        f"synthesis.{name}"
        for name in (
            *("weak", "excessive", "collapsed", "chance", "sensitive", "standard", "mistaken"),
        )
    }
