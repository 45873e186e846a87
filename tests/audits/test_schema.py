"""Saved documents: read as typed records, and refused with file and field where they are not."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offmanifold import InputError
from offmanifold._core.files import read_json
from offmanifold._core.records import as_record, read_record, schema_of
from offmanifold.audits.schema import AuditRecord, ComparisonRecord

GOLDEN = Path(__file__).parents[1] / "golden"
AUDIT = GOLDEN / "audit/audit.json"
FREE = ("settings", "identity_of", "inputs", "objective", "gates")  # plain JSON within


def places(value: Any, at: tuple = ()) -> list[tuple]:
    """Return the path of every value that the schema types."""
    if at and at[-1] in FREE:
        return [at]
    if isinstance(value, dict):
        return [at, *(p for k, v in value.items() for p in places(v, (*at, k)))]
    if isinstance(value, list):
        return [at, *(p for i, v in enumerate(value[:1]) for p in places(v, (*at, i)))]
    return [at]


def test_an_audit_is_a_record_with_its_numbers():
    record = read_record(AUDIT, AuditRecord)
    saved = read_json(AUDIT)
    cosine = record.measures["alignment.cosine_posterior"]
    assert cosine.value == saved["measures"]["alignment.cosine_posterior"]["value"]
    assert cosine.difference is not None and cosine.difference.against in cosine.controls
    assert record.regime.name == saved["regime"]["name"]
    assert "accuracy" in record.regime.reason
    assert (
        str(record.skipped["alignment.unresolved_fraction"]) == "the manifold resolves every pixel"
    )


def test_a_wrong_type_anywhere_names_the_file_and_the_field():
    saved = read_json(AUDIT)
    for at in places(saved)[1:]:
        changed = copy.deepcopy(saved)
        inner = changed
        for key in at[:-1]:
            inner = inner[key]
        was = inner[at[-1]]
        inner[at[-1]] = 7.5 if isinstance(was, dict) else {"no": []}
        try:
            as_record(changed, AuditRecord, "audit.json")
        except InputError as error:
            said = str(error)
        else:
            pytest.fail(f"{at} may be anything")
        assert said.startswith("audit.json is damaged, at "), at
        assert str(at[0]) in said.partition(":")[0], (at, said)


def test_unknown_keys_are_passed_over_and_missing_ones_named():
    saved = read_json(AUDIT)
    assert as_record({**saved, "later": 1}, AuditRecord, "a") == read_record(AUDIT, AuditRecord)
    del saved["data"]["fingerprint"]
    with pytest.raises(InputError, match="at data: object missing required field `fingerprint`"):
        as_record(saved, AuditRecord, "a")


@pytest.mark.parametrize(
    ("kind", "path"), [(AuditRecord, AUDIT), (ComparisonRecord, GOLDEN / "compare.json")]
)
def test_the_printed_schema_takes_what_is_saved(kind, path):
    schema = json.loads(json.dumps(schema_of(kind)))
    jsonschema.validate(read_json(path), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**read_json(path), "schema": 1}, schema)
