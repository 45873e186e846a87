"""What makes made images the ones they are, so that others are never given back in their place."""

from collections.abc import Mapping
from pathlib import Path

from offmanifold.audits.identity import model_parts
from offmanifold.models.labels import label_map
from offmanifold.synthesis.schema import Config
from offmanifold.synthesis.session import Session


def identity_of(session: Session, use: str, settings: Mapping[str, object]) -> Config:
    """Return all that changes what is made, as plain JSON; settings: of the use alone."""
    method, how, data = session.method, session.method.ascent, session.data
    mapping = session.mapping
    given = {
        "label_map": label_map(str(mapping)) if isinstance(mapping, str | Path) else mapping,
        "until": how.until,
        "patience": how.patience,
    }
    return {
        "kind": use,
        "weights": session.loaded.card.weights_hash,
        "code": model_parts(session.loaded)["code"],
        "classes": list(session.classes),
        "data": None if data is None else data.train.fingerprint,
        "manifold": None if session.manifold is None else session.manifold.card.hash,
        "mode": method.mode,
        "guidance": method.guidance,
        "variety": method.variety,
        "steps": how.steps,
        "eps": how.eps,
        "rule": how.rule,
        "copies": how.copies,
        "scales": list(how.scales),
        "precision": how.precision,
        "seed": how.seed,
        **{key: value for key, value in given.items() if value is not None},
        **settings,
    }
