"""Runs over a cluster end as they do here, whatever becomes of its machines."""

import json
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from offmanifold._core.errors import InputError, MissingExtra
from offmanifold.cli.main import main
from offmanifold.data import load_data
from offmanifold.objectives import ERM
from offmanifold.sweeps.executors import Inputs, Job
from offmanifold.sweeps.executors import ray as module
from offmanifold.sweeps.executors.ray import Ray
from offmanifold.sweeps.runs import make_job, run_jobs

SWEEP = ["sweep", "--values", "0.3", "1", "--data", "digits", "--epochs", "2", "--limit", "30"]
SWEEP += ["--manifold", "none", "--precision", "fp32"]


class FakeTask:
    """A task that is compared by identity, as Ray's are."""

    def __init__(self, work, given):
        self.work, self.given = work, given


class FakeRay:
    """A cluster in this process: tasks are done when they are waited for, or given up."""

    class GivenUp(Exception):
        pass

    def __init__(self, *, connected: bool = False, given_up: bool = False, gpus: int = 0):
        self.connected, self.given_up, self.gpus = connected, given_up, gpus
        self.exceptions = SimpleNamespace(RayError=self.GivenUp)
        self.asked, self.cancelled, self.down, self.puts = {}, [], False, 0

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, *args, **options) -> None:
        self.connected = True

    def shutdown(self) -> None:
        self.down = True

    def put(self, value: bytes) -> bytes:
        self.puts += 1
        return value

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0, "GPU": self.gpus} if self.gpus else {"CPU": 2.0}

    def remote(self, **asked):
        self.asked = asked
        return lambda work: SimpleNamespace(remote=lambda *given: FakeTask(work, given))

    def wait(self, tasks, num_returns: int = 1, timeout: float = 0):
        return tasks[:num_returns], tasks[num_returns:]

    def get(self, task):
        if self.given_up:
            raise self.GivenUp("a long story\nthe node died")
        return task.work(*task.given)

    def cancel(self, task) -> None:
        self.cancelled.append(task.given[0])


@pytest.fixture
def jobs(monkeypatch) -> Iterator[list[Job]]:
    """Three jobs whose command lists the folder of the judge, and ends without an outcome."""

    def listed(config: Path, folder: Path, inputs: Inputs) -> list[str]:
        return ["sh", "-c", f"touch '{folder}/resume.pt'; ls '{inputs.judge or folder}'"]

    monkeypatch.setattr(module, "command", listed)
    config = {"train": {"objective": {"name": "erm"}, "recipe": {"seed": 0}}, "device": "auto"}
    yield [Job(name, config) for name in "abc"]


def use(fake: FakeRay, monkeypatch) -> FakeRay:
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def test_the_judge_travels_once_and_each_job_comes_back(jobs, tmp_path, monkeypatch):
    fake = use(FakeRay(), monkeypatch)
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge/config.json").write_text("{}")
    events = list(Ray().run(jobs, tmp_path / "s", Inputs(judge=tmp_path / "judge")))
    states = [(e.job.name, e.state) for e in events]
    assert states[:2] == [("a", "started"), ("b", "started")]
    assert sorted(states) == sorted((n, s) for n in "abc" for s in ("started", "failed"))
    assert "its process ended with code 0: config.json" in (events[-1].error or "")
    assert (tmp_path / "s/a/log.txt").read_text() == "config.json\n"
    assert sorted(p.name for p in (tmp_path / "s/a").iterdir()) == ["job.json", "log.txt"]
    assert (fake.puts, fake.down, fake.cancelled) == (1, True, [])
    assert fake.asked["num_gpus"] == 0
    assert fake.asked["max_retries"] >= 1


def test_weights_travel_under_their_own_name(jobs, tmp_path, monkeypatch):
    use(FakeRay(), monkeypatch)

    def read(config: Path, folder: Path, inputs: Inputs) -> list[str]:
        assert inputs.weights is not None
        assert not inputs.weights.is_relative_to(tmp_path / "here")
        return ["sh", "-c", f"basename '{inputs.weights}'; cat '{inputs.weights}'"]

    monkeypatch.setattr(module, "command", read)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/content").write_text("the weights\n")
    link = tmp_path / "here/best.safetensors"
    link.symlink_to("content")
    list(Ray().run(jobs[:1], tmp_path / "s", Inputs(weights=link)))
    assert (tmp_path / "s/a/log.txt").read_text() == "best.safetensors\nthe weights\n"


def test_a_task_has_a_gpu_where_there_are(jobs, tmp_path, monkeypatch):
    fake = use(FakeRay(gpus=1), monkeypatch)
    first = [e.state for e in Ray().run(jobs, tmp_path, Inputs())][:2]
    assert first == ["started", "failed"]  # one at once, though there are two cores
    assert fake.asked["num_gpus"] == 1
    on_cpu = [Job("d", {**jobs[0].config, "device": "cpu"})]
    list(Ray().run(on_cpu, tmp_path, Inputs()))
    assert fake.asked["num_gpus"] == 0


def test_a_job_that_ray_gives_up_is_told_and_the_others_go_on(jobs, tmp_path, monkeypatch):
    use(FakeRay(given_up=True), monkeypatch)
    events = [e for e in run_jobs(jobs, tmp_path, Ray(), Inputs()) if e.state != "started"]
    assert [e.state for e in events] == ["failed"] * 3
    assert events[0].error == "Ray gave it up: the node died"
    lines = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines] == ["failed"] * 3
    assert "a long story" in (tmp_path / "a/log.txt").read_text()
    assert not jobs[0].done(tmp_path)


@pytest.mark.parametrize("connected", [False, True])
def test_closed_early_it_cancels_and_ends_only_what_it_began(
    connected, jobs, tmp_path, monkeypatch
):
    fake = use(FakeRay(connected=connected), monkeypatch)
    events = Ray("127.0.0.1:1" if connected else None).run(jobs, tmp_path, Inputs())
    next(events), next(events)
    events.close()  # type: ignore[attr-defined]
    assert sorted(fake.cancelled) == ["a", "b"]
    assert fake.down is not connected


def test_without_ray_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r'pip install "offmanifold\[ray\]"'):
        list(Ray().run([Job("a", {})], tmp_path, Inputs()))
    assert list(Ray().run([], tmp_path, Inputs())) == []


def test_a_port_of_another_program_is_an_input_error_soon(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    assert 2 * module.REACH < 30
    monkeypatch.setattr(module, "REACH", 3)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(InputError, match="no Ray cluster answers"):
            list(Ray(address).run([Job("a", {})], tmp_path, Inputs()))
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "x"])
def test_an_address_without_a_cluster_is_an_input_error_at_once(address, tmp_path):
    pytest.importorskip("ray")
    started = time.monotonic()
    with pytest.raises(InputError, match="no Ray cluster answers"):
        list(Ray(address).run([Job("a", {})], tmp_path, Inputs()))
    assert time.monotonic() - started < 30


def numbers(folder: Path) -> dict[str, object]:
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return {line["folder"]: (line["state"], line["measures"]) for line in lines}


def descendants(pid: int) -> list[int]:
    """Return the processes below one, by /proc."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:  # it has just ended
        return []
    return [*children, *(one for child in children for one in descendants(child))]


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def jobs_below(pid: int) -> list[int]:
    """Return the processes below one that run a job's command."""
    found = []
    for one in descendants(pid):
        try:
            line = Path(f"/proc/{one}/cmdline").read_bytes()
        except OSError:
            continue
        found += [one] if b"offmanifold.sweeps.job" in line else []
    return found


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):
    """Two machines of one core each on this one, and functions that tell the jobs on them."""
    pytest.importorskip("ray")
    if not Path("/proc/self/task").exists():
        pytest.skip("reads children from /proc")
    from ray.cluster_utils import Cluster

    # pytest's own folders have names too long for the sockets that Ray makes in them
    place = Path(tempfile.mkdtemp(prefix="om-"))
    monkeypatch.setenv("TMPDIR", str(place))
    one = {"num_cpus": 1}
    made = Cluster(initialize_head=True, head_node_args=one)
    second = made.add_node(**one)
    made.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in (made.head_node, second)]
    yield SimpleNamespace(
        address=made.address,
        folders=lambda: list(place.glob(".offmanifold-job.*")),
        kill_second=lambda: made.remove_node(second, allow_graceful=False),
        jobs=lambda: [job for raylet in raylets for job in jobs_below(raylet)],
        jobs_on_second=lambda: jobs_below(raylets[1]),
    )
    made.shutdown()
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of ray itself
def test_a_machine_that_dies_in_the_middle_changes_nothing(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as on the machines of one core: sums round alike
    assert main([*SWEEP, "--out", "here", "--jobs", "1", "pgd", "--steps", "2"]) == 0
    capsys.readouterr()
    over, cut_off = threading.Event(), []

    def kill() -> None:
        while not over.wait(0.1):
            if cluster.jobs_on_second():
                time.sleep(1)  # it is in the middle of its work
                cut_off.extend(cluster.jobs_on_second())
                cluster.kill_second()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        cluster_flags = ["--executor", "ray", "--address", cluster.address, "--json"]
        assert main([*SWEEP, "--out", "there", *cluster_flags, "pgd", "--steps", "2"]) == 0
    finally:
        over.set()
        killer.join()
    assert cut_off, "no job was under way on the machine that was killed"
    json.loads(capsys.readouterr().out)  # nothing else on stdout
    assert numbers(tmp_path / "there") == numbers(tmp_path / "here")
    assert len(numbers(tmp_path / "here")) == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of ray itself
def test_closed_early_nothing_is_left_on_the_machines(cluster, tmp_path):
    data = load_data("digits").fingerprint
    recipe = {"epochs": 1000}
    keys = ("weights", "audit", "judge", "second", "coach", "randomised", "measures")
    shared = dict.fromkeys(keys) | {"audit": {"limit": 20, "manifold": "none"}, "recipe": recipe}
    shared |= {"model": "small-resnet", "precision": "fp32", "data": data}
    shared["images"] = {"data": "digits", "image_size": None}
    job = make_job(shared, ERM(), 0, "cpu")
    events = Ray(cluster.address).run([job], tmp_path, Inputs())
    next(events)
    until = time.monotonic() + 60
    while not (running := cluster.jobs()):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert cluster.folders()
    events.close()  # type: ignore[attr-defined]
    assert not [pid for pid in running if alive(pid)]
    assert not cluster.folders()
