"""What an audit saves, and how it is read back: `audit.json`, `images.parquet`, panels.

Report, compare, sweep and regime read these and nothing else.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from offmanifold._core.errors import InputError
from offmanifold._core.files import (
    DIGEST,
    content_hash,
    inside,
    make_folder,
    plain,
    read_json,
    target,
    write_atomically,
    write_json,
    write_tensors,
)
from offmanifold._core.records import as_record
from offmanifold._core.runs import ROOT
from offmanifold.audits.audit import Audit
from offmanifold.audits.regime import choose_reference, gather, regime
from offmanifold.audits.schema import AuditRecord
from offmanifold.gradients.variants import VARIANTS
from offmanifold.models import Loaded

SCHEMA = "offmanifold.audit/1"
AUDITS = "audits"  # the folder of those of a run


def read_audit(folder: str | Path) -> Audit:
    """Return a saved audit (panels are left on disk). Raises InputError where it is none."""
    folder = Path(folder)
    saved = read_json(folder / "audit.json")
    if not isinstance(saved, dict) or not str(saved.get("schema", "")).startswith(
        "offmanifold.audit/"
    ):
        raise InputError(f"{folder} is no audit; give a folder that `offmanifold audit` made")
    if saved["schema"] != SCHEMA:
        raise InputError(
            f"{folder} has schema {saved['schema']}, which this version cannot read; update "
            "offmanifold"
        )
    as_record(saved, AuditRecord, folder / "audit.json")
    return Audit(saved, _read_table(folder / "images.parquet"), {}, folder)


def common_images(one: Audit, other: Audit) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the columns of both for the images that both saw, in one order.

    Raises InputError where there is none.
    """
    index, i, j = np.intersect1d(one.columns["index"], other.columns["index"], return_indices=True)
    if not len(index):
        raise InputError(f"{one.label} and {other.label} share no image; audit both alike")
    return {k: v[i] for k, v in one.columns.items()}, {k: v[j] for k, v in other.columns.items()}


def save_audit(audit: Audit, folder: str | Path | None) -> Audit:
    """Write an audit atomically, audit.json last; return it with its folder (None: unsaved)."""
    if folder is None:
        return audit
    folder = Path(folder)
    if (folder / "audit.json").exists():
        kept = read_json(folder / "audit.json")
        same = kept.get("schema") == SCHEMA and kept.get("identity") == audit.json.get("identity")
        if same and kept["data"]["n"] > audit.json["data"]["n"]:
            return read_audit(folder)  # an interrupted audit does not replace a longer one
        (folder / "audit.json").unlink()  # or it would speak of other images for a moment
    make_folder(folder)
    first = ["index", "path", "label", "prediction"]
    order = [*first, *(name for name in audit.columns if name not in first)]
    table = pa.table({name: audit.columns[name] for name in order if name in audit.columns})
    write_atomically(folder / "images.parquet", lambda path: _write_table(table, path))
    write_tensors(folder / "panels.safetensors", audit.panels)
    write_json(
        folder / "audit.json", audit.json, sealed=True
    )  # last: its presence says that all is there
    return replace(audit, folder=folder)


def _write_table(table: pa.Table, path: Path) -> None:
    """Write columns a quarter smaller: floats seldom repeat, and dictionaries of them only add."""
    names: Any = ["path"]  # which the library takes and its annotation leaves out
    pq.write_table(
        table.replace_schema_metadata({DIGEST: _hashed(_columns(table))}),
        path,
        compression="zstd",
        use_dictionary=names,
        write_statistics=False,
        write_page_checksum=True,
    )


def _read_table(path: Path) -> dict[str, np.ndarray]:
    """Return the columns; raises InputError where they cannot be read or are not as written."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        columns = _columns(table)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}; make the audit anew") from error
    written = (table.schema.metadata or {}).get(DIGEST.encode())
    if written is not None and written.decode(errors="replace") != _hashed(columns):
        raise InputError(f"{path} is damaged: it is not what was written; make the audit anew")
    return columns


def _columns(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in table.column_names}


def _hashed(columns: dict[str, np.ndarray]) -> str:
    """Return the sha256 of names, types and values."""
    digest = hashlib.sha256()
    for name, values in columns.items():
        plain = values.dtype != object
        content = values.tobytes() if plain else json.dumps(values.tolist()).encode()
        digest.update(f"{name} {values.dtype} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def of_variant(audit: Audit) -> bool:
    """Whether an audit is of a variant of the gradient."""
    return (audit.json.get("settings") or {}).get("gradient") in VARIANTS


def standard_of(audits: Sequence[Audit], named: str | None) -> str | None:
    """Return the label of the standard model among audits; see `choose_reference`."""
    own = [a for a in audits if not of_variant(a)]
    return choose_reference(
        {a.label: (a.json["model"]["objective"] or {}).get("name") for a in own}, named
    )


def with_regimes(
    audits: Sequence[Audit], reference: str | None, reference_accuracy: float | None
) -> list[Audit]:
    """Return the audits with the regime of each, by the reference that a comparison of them has."""
    labels = [a.label for a in audits]
    if reference is not None and reference not in labels:
        raise InputError(
            f'no audit is labelled "{reference}" (`reference`); known: {", ".join(labels)}'
        )
    chosen = standard_of(audits, reference)
    standard = next((a for a in audits if a.label == chosen), None)
    result = []
    for one in audits:
        columns, labels, pair = one.columns, one.labels, None
        if standard is not None:
            columns, theirs = common_images(one, standard)
            theirs = columns if one is standard else theirs
            labels = None if labels is None else columns["label"]
            pair = (standard.label, theirs)
        spread = one.json["measures"].get("output.spread", {}).get("value")
        evidence = gather(
            columns,
            labels,
            spread,
            reference=pair,
            reference_accuracy=reference_accuracy,
        )
        evidence = replace(evidence, variant=of_variant(one))
        result.append(replace(one, json={**one.json, "regime": regime(evidence).json()}))
    return result


def audit_folder(loaded: Loaded, name: str, out: Path | None = None) -> Path:
    """Return where an audit of this identity lies: below its run, or `runs/<spec>-<hash>`."""
    if out is not None:
        return target(out)
    run = Path(loaded.card.spec)
    if (run / "config.json").is_file():
        return inside(run, AUDITS, name, source=run / "config.json")
    digits, code = loaded.card.weights_hash, loaded.card.code
    digits = digits if code is None else content_hash([digits, code])
    return ROOT / f"{plain(loaded.card.spec)}-{digits}" / AUDITS / name
