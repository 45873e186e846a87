"""What can never be had is refused before the standard model is trained."""

from dataclasses import replace

import pytest

from offmanifold import InputError
from offmanifold.audits.config import AuditConfig
from offmanifold.measures import measures
from offmanifold.measures.lpips import NO_PACKAGE, NO_WEIGHTS
from offmanifold.sweeps import wanted as wanting
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.wanted import check_wanted

LPIPS = "alignment.lpips_posterior"

EVERYTHING = SweepConfig(audit=AuditConfig(explain=True), second="runs/x")


@pytest.fixture
def lpips(monkeypatch):
    """Say what LPIPS lacks here."""

    def lacks(what):
        monkeypatch.setattr(wanting, "lpips_lacks", lambda weights: what)

    return lacks


@pytest.mark.parametrize("wanted", ["accuracy.certified", "accuracy.ensemble_l2", LPIPS])
def test_what_recommend_never_has_is_told_with_what_it_has(wanted, lpips):
    lpips(NO_WEIGHTS)
    with pytest.raises(InputError, match="cannot be had") as told:
        check_wanted(wanted, SweepConfig())
    known = str(told.value).split("want one of ")[1].split(", ")
    assert {"accuracy.clean", "alignment.cosine_posterior"} <= set(known)
    assert wanted not in known
    assert "`lpips`" not in str(told.value)
    for one in known:
        check_wanted(one, EVERYTHING)


def test_lpips_is_had_where_its_package_and_weights_are(lpips):
    lpips(None)
    check_wanted(LPIPS, SweepConfig())
    lpips(NO_PACKAGE)
    with pytest.raises(InputError, match=r"offmanifold\[lpips\]"):
        check_wanted(LPIPS, SweepConfig())


@pytest.mark.parametrize(
    ("wanted", "flag", "given"),
    [
        ("deletion.gap", "explain", {"audit": AuditConfig(explain=True)}),
        ("alignment.on_manifold_fraction_second", "second", {"second": "runs/x"}),
        ("alignment.cosine_posterior", "manifold", {"manifold": "auto"}),
    ],
)
def test_an_option_that_is_lacking_is_named(wanted, flag, given, lpips):
    lpips(None)
    without = SweepConfig(manifold="none") if flag == "manifold" else SweepConfig()
    with pytest.raises(InputError, match=f"needs `{flag}`"):
        check_wanted(wanted, without)
    check_wanted(wanted, replace(without, **given))


def test_the_better_the_lower_is_not_wanted():
    with pytest.raises(InputError, match="the lower"):
        check_wanted("robustness.rho_total", SweepConfig())
    assert measures["robustness.rho_total"].better == "lower"


def test_the_command_says_so_before_it_trains(tmp_path, offmanifold):
    line = ["recommend", "--data", "digits", "--manifold", "none", "--out", tmp_path / "r"]
    code, _, err = offmanifold(*line, "--wanted", "accuracy.certified", "pgd")
    assert code == 2
    assert "accuracy.certified (--wanted) cannot be had" in err
    assert not (tmp_path / "r").exists()
