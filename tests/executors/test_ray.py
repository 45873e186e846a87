"""Runs over a cluster end as they do here; what comes back cannot leave its folder."""

import io
import json
import tarfile
import threading
import time
from pathlib import Path

import pytest

from offmanifold.cli import main
from offmanifold.errors import InputError
from offmanifold.executors.ray import Ray, packed, unpack

SWEEP = ["sweep", "--values", "0.3", "1", "--data", "digits", "--epochs", "2", "--limit", "30"]
SWEEP += ["--manifold", "none", "--precision", "fp32"]


def test_a_folder_comes_back_as_it_was_without_what_is_not_wanted(tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.json").write_text("{}")
    (tmp_path / "a/resume.pt").write_text("large")
    (tmp_path / "a/link").symlink_to("/etc/hostname")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/old").write_text("old")
    unpack(packed(tmp_path / "a"), tmp_path / "c")
    assert [str(p.relative_to(tmp_path / "c")) for p in tmp_path.glob("c/**/*")] == [
        "b",
        "b/x.json",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c"]  # nothing left over


def test_nothing_is_written_outside_the_folder(tmp_path: Path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c/kept").write_text("kept")
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(buffer.getvalue(), tmp_path / "c")
    assert (tmp_path / "c/kept").read_text() == "kept"
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_an_address_without_a_cluster_is_an_input_error_at_once(address, tmp_path):
    pytest.importorskip("ray")
    from offmanifold.executors import Inputs, Job

    started = time.monotonic()
    with pytest.raises(InputError, match="no Ray cluster answers"):
        list(Ray(address).run([Job("a", {})], tmp_path, Inputs()))
    assert time.monotonic() - started < 30


def numbers(folder: Path) -> dict[str, object]:
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return {line["folder"]: (line["state"], line["measures"]) for line in lines}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of ray itself
def test_a_machine_that_dies_in_the_middle_changes_nothing(tmp_path, monkeypatch, capsys):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, "--out", "here", "--jobs", "1", "pgd", "--steps", "2"]) == 0
    capsys.readouterr()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    over = threading.Event()

    def kill() -> None:
        while not (tmp_path / "there/.lock").exists():
            if over.wait(0.1):
                return
        time.sleep(4)  # both tasks are under way
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        cluster_flags = ["--executor", "ray", "--address", cluster.address, "--json"]
        assert main([*SWEEP, "--out", "there", *cluster_flags, "pgd", "--steps", "2"]) == 0
    finally:
        over.set()
        killer.join()
        cluster.shutdown()
    json.loads(capsys.readouterr().out)  # nothing else on stdout
    assert numbers(tmp_path / "there") == numbers(tmp_path / "here")
    assert len(numbers(tmp_path / "here")) == 3
