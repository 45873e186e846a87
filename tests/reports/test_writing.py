"""How numbers are written."""

from offmanifold.reports import writing


def test_numbers():
    assert [writing.plain(v) for v in (0.0, -0.5, 12345.6, 7)] == [
        "0.000",
        "−0.500",
        "1.23e+04",
        "7",
    ]
    assert writing.percent(0.975) == "97.5\xa0%"
    assert writing.points(-0.16) == "−16.0" and writing.signed(0.05) == "+0.050"
    assert writing.plain(None) == writing.percent(None) == writing.interval({}) == "–"
    assert writing.interval({"value": 0.5, "low": None, "high": None}) == "0.500"


def test_the_saved_value_stands_beside_the_written_one():
    assert writing.data(0.1 + 0.2, "0.300") == '<data value="0.30000000000000004">0.300</data>'


def test_best_control_is_the_one_compared_with_or_the_best():
    controls = {"a": {"value": 0.1}, "b": {"value": 0.3}, "c": {"value": None}}
    assert writing.best_control({"controls": controls}) == "b"
    assert writing.best_control({"controls": controls, "better": "lower"}) == "a"
    assert writing.best_control({"controls": controls, "difference": {"against": "a"}}) == "a"
    assert writing.best_control({}) is None
