"""What is printed of audits."""

from collections.abc import Sequence

from offmanifold._core.log import note
from offmanifold.audits.store import Audit
from offmanifold.cli.base import print_json, print_table


def show(audits: list[Audit], as_json: bool, language: str) -> None:
    """Print audits as JSON, or as the small table and that of what is held against controls."""
    if as_json:
        print_json([a.json for a in audits])
    else:
        from offmanifold.reports import controlled_table, table

        print_table(*table(audits, language))
        controlled = controlled_table(audits, language)
        if controlled.rows:
            print_table(*controlled)


def tell(audits: Sequence[Audit], language: str, thorough: bool) -> None:
    """Say each model's regime, where its audit lies, and what to be careful of."""
    from offmanifold.reports import masked_gradients, regime_reason, skipped_lpips

    for one in audits:
        note(f"{one.label}: {one.regime.name}. {regime_reason(one.json, language)}")
        note(f"  audit in {one.folder}")
    for said in skipped_lpips([one.json for one in audits], language):
        note(said)
    if thorough:
        for said in masked_gradients(audits, language):
            note(said)
