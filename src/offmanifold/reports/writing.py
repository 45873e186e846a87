"""How a number is written; the saved value always stands beside the written one."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

NONE = "–"
NUMBER = ("value", "low", "high")


def plain(value: float | int | None) -> str:
    """Write a number with three decimals, or in powers of ten where that would hide it.

    >>> plain(0.42), plain(-0.00012), plain(200), plain(None)
    ('0.420', '−1.20e−04', '200', '–')
    """
    if value is None:
        return NONE
    if isinstance(value, int):
        text = str(value)
    elif value == 0 or 1e-3 <= abs(value) < 1e4:
        text = f"{value:.3f}"
    else:
        text = f"{value:.2e}"
    return text.replace("-", "−")


def percent(value: float | None) -> str:
    """Write a share in per cent: 0.975 is "97.5 %"."""
    return NONE if value is None else f"{100 * value:.1f}\N{NO-BREAK SPACE}%".replace("-", "−")


def points(value: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return NONE if value is None else f"{100 * value:+.1f}".replace("-", "−")


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    text = plain(value)
    return f"+{text}" if value is not None and value > 0 else text


def tenths(value: float | None) -> str:
    """Write a multiple of a standard error, of which more decimals say nothing.

    >>> tenths(-15.021)
    '−15.0'
    """
    return NONE if value is None else f"{value:.1f}".replace("-", "−")


def short(value: float) -> str:
    """Write a setting or a step in four significant digits."""
    return f"{value:.4g}".replace("-", "−")


def interval(number: dict[str, Any], write: Callable[[float | None], str] = plain) -> str:
    """Write "0.420 [0.400, 0.440]" as text, each number by `write`.

    >>> interval({"value": 0.42, "low": 0.4, "high": 0.44})
    '0.420 [0.400, 0.440]'
    >>> interval({"value": 0.01, "low": -0.005, "high": 0.02}, points)
    '+1.0 [−0.5, +2.0]'
    """
    if number.get("value") is None:
        return NONE
    if number.get("low") is None or number.get("high") is None:
        return write(number["value"])
    return f"{write(number['value'])} [{write(number['low'])}, {write(number['high'])}]"


def data(value: float | int | None, text: str) -> Markup:
    """Return `<data value="the saved value">the written one</data>`."""
    if value is None:
        return Markup('<span class="none">{}</span>').format(NONE)
    return Markup('<data value="{}">{}</data>').format(repr(value), text)


def value_of(number: Any) -> Any:
    return number.get("value") if isinstance(number, dict) else number


def ends_of(number: Any) -> tuple[Any, Any]:
    return (number.get("low"), number.get("high")) if isinstance(number, dict) else (None, None)


def best_control(number: dict[str, Any]) -> str | None:
    """Return the control a number must beat: the one it was compared with, else the best."""
    controls = {k: v for k, v in (number.get("controls") or {}).items() if value_of(v) is not None}
    against = (number.get("difference") or {}).get("against")
    if against in controls or not controls:
        return against if against in controls else None
    choose = min if number.get("better") == "lower" else max
    return choose(controls, key=lambda k: value_of(controls[k]))
