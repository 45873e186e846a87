"""What audit.json and compare.json hold, as typed records."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from offmanifold._core.reasons import Reason, Value
from offmanifold._core.statistics import Number
from offmanifold.audits import reasons  # noqa: F401 - the words of all codes below

Json = dict[str, Any]
Name = Literal["weak", "bayes-aligned", "excessive", "collapsed", "uncertain"]


@dataclass(frozen=True)
class Difference(Number):
    """Of a measure to its best control, image by image; against: that control."""

    against: str | None = None


@dataclass(frozen=True)
class Measured(Number):
    """A measure: its value, what chance gives, its controls, and the difference to the best.

    title: in English, so that a page can name a measure from outside; better: higher, lower or
    null. ceiling: what the estimate allows at most. zero_gradients: images whose gradient had no
    direction to go by.
    """

    title: str | None = None
    better: Literal["higher", "lower"] | None = None
    chance: float | None = None
    ceiling: Number | None = None
    zero_gradients: int | None = None
    controls: dict[str, Number] = field(default_factory=dict)
    difference: Difference | None = None
    z: float | None = None
    effect: float | None = None

    @property
    def best_control(self) -> tuple[str, Number] | None:
        """The control that comes nearest, by name; None where there is none."""
        name = None if self.difference is None else self.difference.against
        return None if name is None else (name, self.controls[name])

    def __str__(self) -> str:
        """`0.310 [0.256, 0.363] (n = 200); best control class_mean 0.031 […], z 5.4`."""
        said = f"{_written(self)} (n = {self.n}{f', {self.unit}' if self.unit else ''})"
        if self.chance is not None:
            said += f"; chance {self.chance:.3f}"
        if (best := self.best_control) is not None:
            said += f"; best control {best[0]} {_written(best[1])}"
        if self.difference is not None:
            said += f", difference {_written(self.difference)}"
        if self.z is not None:
            said += f", z {self.z:.1f}"
        return said if self.ceiling is None else f"{said}; ceiling {_written(self.ceiling)}"


@dataclass(frozen=True)
class Curved:
    """Numbers along an axis, and the axis's unit."""

    x: list[float]
    x_unit: str
    points: list[Number]
    title: str | None = None


@dataclass(frozen=True)
class ModelRecord:
    """The classifier: where it is from, and what it is."""

    spec: str
    classes: list[str] | None = None
    parameters: int = 0
    objective: Json | None = None
    weights_hash: str | None = None
    input_shape: list[int] | None = None
    licence: str | None = None


@dataclass(frozen=True)
class DataRecord:
    """The images: n of `planned` were seen; told: what was decided about them as they were read."""

    fingerprint: str
    shape: list[int]
    n: int
    planned: int
    split: str = "test"
    spec: str | None = None
    name: str | None = None
    classes: list[str] | None = None
    labels: bool = False
    masks: bool = False
    skipped: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ManifoldRecord:
    """A manifold that judges: what it was fitted on, σ and dimension, and how its gates went."""

    spec: str
    hash: str
    shape: list[int] | None = None
    classes: list[str] | None = None
    data: str | None = None
    sigma: float | None = None
    dimension: float | None = None
    trace_ratio: float | None = None
    asymmetry: float | None = None
    error: float | None = None
    gates: list[Json] = field(default_factory=list)
    pooling: int = 1
    usable: bool = True
    independent: bool = True


@dataclass(frozen=True)
class Regime:
    """A name, why it stands there as a code with values, and the numbers that decided."""

    name: Name
    code: str
    values: dict[str, Value] = field(default_factory=dict)
    inputs: Json = field(default_factory=dict)
    reference: str | None = None
    rule: str = ""

    @property
    def reason(self) -> str:
        """Why it stands there, a sentence for a manager, in English."""
        return str(Reason(self.code, self.values))

    def json(self) -> Json:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class AuditRecord:
    """audit.json, `offmanifold.audit/1`.

    settings: each with its unit beside it (`eps`, `eps_unit`, …). skipped: {measure: why it was not
    measured}. suspicions: what may be behind accuracy at chance. identity_of: what the identity is
    a hash of.
    """

    schema: str
    label: str
    model: ModelRecord
    data: DataRecord
    manifold: ManifoldRecord | None
    settings: Json | None
    measures: dict[str, Measured]
    curves: dict[str, Curved] | None
    skipped: dict[str, Reason]
    regime: Regime
    version: str | None = None
    identity: str | None = None
    identity_of: Json | None = None
    second_manifold: ManifoldRecord | None = None
    suspicions: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class ComparisonRecord:
    """compare.json, `offmanifold.compare/1`: audits, and what of them differs image by image."""

    schema: str
    audits: list[AuditRecord]
    differences: dict[str, list[Json]]
    reference: str | None = None
    credit: list[Json] | Json | None = None


def _written(number: Number) -> str:
    """Return a value with its interval, a dash where it is not known."""
    if number.value is None:
        return "–"
    if number.low is None or number.high is None:
        return f"{number.value:.3f}"
    return f"{number.value:.3f} [{number.low:.3f}, {number.high:.3f}]"
