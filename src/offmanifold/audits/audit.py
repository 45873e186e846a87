"""An audit in the hand: its numbers with their controls, its regime, its table of images."""

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.extras import import_extra
from offmanifold._core.reasons import Reason
from offmanifold._core.records import as_record
from offmanifold.audits.schema import AuditRecord, Measured, Regime

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

FIRST = (
    "accuracy.clean",
    "accuracy.pgd_l2",
    "alignment.on_manifold_fraction",
    "alignment.cosine_posterior",
    "robustness.change_ratio",
)


@dataclass(frozen=True, repr=False)
class Audit:
    """What an audit found.

    json: audit.json as plain values; record: the same, typed. columns: one array an image and
    column. folder: where it lies, None if unsaved. `audit["accuracy.clean"]` is a number with its
    interval, controls, chance, difference and z.
    """

    json: dict[str, Any]
    columns: dict[str, np.ndarray] = field(repr=False)
    panels: dict[str, Tensor] = field(repr=False)
    folder: Path | None = None

    def __getitem__(self, measure: str) -> Measured:
        if measure not in self.json["measures"]:
            known = self.json["skipped"].get(measure)
            reason = "no such measure" if known is None else Reason(**known)
            raise InputError(f'this audit has no "{measure}": {reason}')
        return as_record(self.json["measures"][measure], Measured, measure)

    @property
    def record(self) -> AuditRecord:
        """audit.json, typed."""
        return as_record(self.json, AuditRecord, self.folder or self.label)

    @property
    def label(self) -> str:
        """The model's name in tables and figures."""
        return self.json["label"]

    @property
    def regime(self) -> Regime:
        """The regime, by the rule of `offmanifold.audits.regime`."""
        return as_record(self.json["regime"], Regime, "regime")

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of the audited images (n,), or None."""
        labels = self.columns["label"]
        return None if (labels < 0).any() or not len(labels) else labels

    @property
    def images(self) -> dict[str, np.ndarray]:
        """The table an image: index, path, label, prediction, then every column, each (n,)."""
        first = [name for name in ("index", "path", "label", "prediction") if name in self.columns]
        return {name: self.columns[name] for name in dict.fromkeys([*first, *self.columns])}

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the table an image; raises MissingExtra without pandas."""
        return import_extra("pandas", "a table an image").DataFrame(self.images)

    def __repr__(self) -> str:
        return "\n".join([f"Audit of {self.label}: {self._about}", *map(": ".join, self._first)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(said)}</td></tr>"
            for name, said in self._first
        )
        head = html.escape(f"Audit of {self.label}: {self._about}")
        return f"<p>{head}</p><table>{rows}</table>"

    @property
    def _about(self) -> str:
        data, regime = self.json["data"], (self.json["regime"] or {}).get("name", "no regime")
        return f"{regime}, {data['n']} images of {data.get('name') or data.get('spec')}"

    @property
    def _first(self) -> list[tuple[str, str]]:
        """The measures that are read first, written with their best controls."""
        return [(name, str(self[name])) for name in FIRST if name in self.json["measures"]]

    def plot(self) -> "Figure":
        """Draw each measure that has controls beside them, with intervals; return the figure."""
        from matplotlib.figure import Figure  # takes a second

        shown = {n: self[n] for n, m in self.json["measures"].items() if m.get("controls")}
        figure = Figure(figsize=(7, 0.9 + 0.55 * max(1, len(shown))), layout="constrained")
        axes = figure.subplots()
        for row, number in enumerate(shown.values()):
            for control in number.controls.values():
                if control.value is not None:
                    axes.plot([control.value], [row], "|", color="0.5", markersize=12)
            if number.value is None or number.low is None or number.high is None:
                continue
            axes.plot([number.low, number.high], [row, row], color="C0", linewidth=2)
            axes.plot([number.value], [row], "o", color="C0")
        axes.set_yticks(range(len(shown)), list(shown))
        axes.set_xlabel("value with its 95 % interval; controls as ticks")
        axes.set_title(f"{self.label}: {self._about}")
        return figure
