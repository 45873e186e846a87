"""What is printed of fitted manifolds."""

from pathlib import Path
from typing import Any

import torch

from offmanifold._core.files import write_atomically
from offmanifold._core.log import note
from offmanifold.cli.base import print_line, print_table
from offmanifold.manifolds import sample
from offmanifold.manifolds.halves import Halves
from offmanifold.reports.gates import agreement_table, gates_table
from offmanifold.reports.pictures import save_grid

SAMPLES, COLUMNS = 60, 10  # images drawn, and in a row


def tell_manifold(manifold: Any, table: bool) -> None:
    """Print a manifold's gates, say whether it is usable, and draw images from it where it can."""
    card = manifold.card
    if table:
        print_table(*gates_table(card.gates, card.sigma))
    if not card.usable:
        note(
            f"{card.spec} is not usable: at no σ is tr J ÷ (error/σ²) within 0.9 to 1.1, "
            "asymmetry at most 0.1 and error at most 0.9 × shrinkage's; more images, `steps` "
            "or `width` may help"
        )
        return
    note(
        f"at σ = {card.sigma:g}: dimension {card.dimension:.1f} (tr J), {card.rank:.1f} "
        f"directions in which the data vary more than the noise; saved in {card.spec}"
    )
    if getattr(manifold, "scores", False):
        classes = len(card.classes or ())
        y = torch.arange(SAMPLES) % classes if classes else None
        path = Path(card.spec) / "samples.png"
        write_atomically(path, lambda p: save_grid(sample(manifold, SAMPLES, y), p, COLUMNS))
        note(f"images drawn from it: {path}")


def tell_halves(found: Halves, tables: bool) -> None:
    """Print the gates of both halves and their agreement; say where its ceiling is not known."""
    for card in found.cards if tables else ():
        print_line(card.spec)
        print_table(*gates_table(card.gates, card.sigma))
    if tables:
        print_table(*agreement_table(found.by_sigma, {card.sigma for card in found.cards}))
    for card in found.cards:
        if card.sigma not in found.by_sigma:
            note(
                f"{card.spec} judges at σ = {card.sigma:g}, at which the other half fails its "
                "gates: the ceiling of an audit by it is not known"
            )
    note(f"saved as agreement.json in {' and '.join(card.spec for card in found.cards)}")
