"""What is found now and what is read back later make the same pages and tables."""

import json

import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from gaussian_data import GaussianManifold, covariance
from offmanifold._core.files import read_json
from offmanifold.audits.compare import save_comparison
from offmanifold.reports import controlled_table, report, sweep_tables, table
from small_training import images

ONLY = ["accuracy.clean", "output.spread", "alignment.on_manifold_fraction", "accuracy.pgd_l2"]


@pytest.fixture(scope="module")
def audits(tmp_path_factory) -> list[om.Audit]:
    folder, data = tmp_path_factory.mktemp("audits"), images(n=160)
    gauss = GaussianManifold(
        torch.full((2, 64), 0.4), covariance(torch.full((64,), 0.04)), (1, 8, 8)
    )
    torch.manual_seed(0)
    return [
        om.audit(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
            data,
            gauss,
            **asked(label=label, folder=folder / label, only=ONLY, show=False),
        )
        for label in ("one", "other")
    ]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_of_an_audit(audits, language, tmp_path):
    live = report(audits, tmp_path / "live.html", language).read_bytes()
    read = report([a.folder for a in audits], tmp_path / "read.html", language).read_bytes()
    assert live == read
    assert b"(1, 8, 8)" not in live
    for of in (table, controlled_table):
        assert of(audits, language) == of([a.folder for a in audits], language)


def test_an_audit_holds_what_is_read_back(audits):
    for one in audits:
        assert one.json == read_json(one.folder / "audit.json")
        assert one.json["manifold"]["shape"] == [1, 8, 8]
        assert one["output.spread"] == om.read_audit(one.folder)["output.spread"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_of_a_comparison(audits, language, tmp_path):
    found = om.compare(audits)
    assert found == json.loads(json.dumps(found))
    place = save_comparison(found, tmp_path / "compare.json")
    live = report(found, tmp_path / "live.html", language).read_bytes()
    assert live == report(place, tmp_path / "read.html", language).read_bytes()


def test_the_tables_of_a_sweep(summary):
    read = json.loads(json.dumps(summary))
    assert read == summary
    assert list(sweep_tables(read, "en")) == list(sweep_tables(summary, "en"))
