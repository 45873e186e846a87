"""What tests ask of an audit: settings and all else side by side, as they are told apart here."""

from dataclasses import fields
from typing import Any

from offmanifold.audits.config import AuditConfig

SETTINGS = {field.name for field in fields(AuditConfig)}


def asked(**options: Any) -> dict[str, Any]:
    """Return the same with the fields of `AuditConfig` gathered in one, under `config`."""
    own = {name: options.pop(name) for name in SETTINGS & options.keys()}
    own |= {"only": tuple(own["only"])} if own.get("only") else {}
    return {"config": AuditConfig(**own), **options}
