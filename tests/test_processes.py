"""Training in several processes, and processes that are killed, by command lines."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold._core.files import read_tensors

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SCRIPT = """
import functools, sys
from offmanifold.training import train as training
from offmanifold.cli.main import main
training.optimise = functools.partial(training.optimise, checkpoint_seconds=0.2)
sys.exit(main())
"""
SHARING = """
import sys
import torch
from torch import nn
from offmanifold._core.device import Engine
from offmanifold._core.optimisation import Schedule, optimise
Engine("cpu", "fp32", devices=2)
engine = Engine("cpu", "fp32", devices=2)  # a second one finds the processes of the first
torch.manual_seed(engine.rank)
model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
model.unused, model.by_one = (nn.Parameter(torch.ones(1)) for _ in range(2))
x = torch.arange(24.0).view(8, 3).cos()[engine.rank :: 2]

def loss_at(step):
    loss = model(x).square().mean() / 2
    return (loss * model.by_one.sum() if engine.rank else loss), {"rank": float(engine.rank)}

log = optimise(
    model, loss_at, Schedule(int(sys.argv[2]), shape="step"), engine, title="test", ema=0.5
)
said = engine.from_main(lambda: f"by {engine.rank}")
summed = engine.sum([1.0, 10.0 * engine.rank])
state = {"model": model.state_dict(), "log": log, "said": said, "summed": summed}
torch.save(state, f"{sys.argv[1]}/{engine.rank}.pt")
"""
PLAIN = ["--epochs", "2", "--batch-size", "125"]  # the parts of a batch are not equal
EVERYTHING = [
    *("--epochs", "12", "--schedule", "step", "--ema", "0.99", "--shift", "1", "--flip"),
    *("--warmup", "0.8"),
]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The command line, with a checkpoint every 0.2 s."""
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path / "script.py"


def command(script: Path, run: str, *more: str) -> list[str]:
    flags = ["--data", "digits", "--device", "cpu", "--precision", "fp32"]
    out = ["--out", str(script.parent / run)]
    return [sys.executable, str(script), "train", *flags, *out, *more]


def start(argv: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        argv, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(argv: list[str]) -> tuple[str, str]:
    process = start(argv)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def saved_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def children(process: subprocess.Popen) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may lie there until somebody asks."""
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / "model.safetensors")[0]


@pytest.mark.parametrize(
    "objective",
    [
        ["erm"],
        ["pgd", "--eps", "0.5", "--steps", "2"],
        ["noise", "--sigma", "0.2"],
        ["gradient-norm", "--weight", "0.1"],
    ],
    ids=lambda o: o[0],
)
def test_two_processes_train_as_one_does(script: Path, objective: list[str]):
    augmented = [*PLAIN, "--shift", "1", "--flip"]
    for devices in ("1", "2"):
        argv = command(script, devices, *augmented, "--devices", devices, "--json", *objective)
        out, err = finish(argv)
        assert json.loads(out)["folder"] == str(script.parent / devices)  # said once
        assert err.count("validation accuracy") == 1
    one, two = (script.parent / devices for devices in ("1", "2"))
    assert {p.name for p in one.iterdir()} == {p.name for p in two.iterdir()}
    assert (one / "config.json").read_bytes() == (two / "config.json").read_bytes()
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (one, two)]
    logs = [of_run["log"] for of_run in metrics]
    assert metrics[0]["val_accuracy"] == metrics[1]["val_accuracy"]
    assert len(logs[0]) == len(logs[1]) == 20
    for a, b in zip(*logs, strict=True):
        assert a.pop("val_accuracy", 0) == pytest.approx(b.pop("val_accuracy", 0), abs=0.01)
        assert b == pytest.approx(a, rel=1e-4)
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(two)[name], value, rtol=0, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 5])
def test_what_processes_share(tmp_path: Path, steps: int):
    (tmp_path / "sharing.py").write_text(SHARING)
    finish([sys.executable, str(tmp_path / "sharing.py"), str(tmp_path), str(steps)])
    main, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert main["said"] == other["said"] == "by 0"
    assert main["summed"] == other["summed"] == [2, 10]
    assert main["log"] == other["log"]
    assert main["log"][-1]["rank"] == 1
    assert all(value.equal(other["model"][name]) for name, value in main["model"].items())
    torch.manual_seed(0)  # the weights of the main process are those that count
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x = torch.arange(24.0).view(8, 3).cos()
    losses = [model(x[rank::2]).square().mean() for rank in (0, 1)]
    assert main["log"][0]["loss"] == pytest.approx(float(sum(losses).detach()) / 2)
    assert main["model"]["unused"] == 1  # not even decayed
    assert main["model"]["by_one"] < 1
    if steps == 1:
        now, before = main["model"]["1.running_mean"], torch.zeros(4)
        after = 0.1 * model[0](x).detach().mean(0)  # a tenth of it after one step
        torch.testing.assert_close(now, before / 11 + after * 10 / 11)  # and its moving average


@pytest.mark.parametrize("who", ["main", "other"])
def test_one_of_two_is_killed_and_the_same_command_goes_on(script: Path, who: str):
    flags = [*EVERYTHING, "--devices", "2", "pgd", "--eps", "0.5", "--steps", "2"]
    finish(command(script, "whole", *flags))
    argv, checkpoint = command(script, "killed", *flags), script.parent / "killed" / "resume.pt"
    process = start(argv)
    wait_until(lambda: saved_at(checkpoint) > 0, process)
    (other,) = children(process)
    os.kill(process.pid if who == "main" else other, signal.SIGKILL)
    _, err = process.communicate(timeout=30)  # the pipes close when both have ended
    assert process.returncode != 0
    wait_until_gone = time.monotonic() + 10
    while alive(other):
        assert time.monotonic() < wait_until_gone
    killed = process.returncode == -signal.SIGKILL  # by lightning's watch, if it was the quicker
    assert killed or "another process of this run has ended" in err
    assert not (checkpoint.parent / "metrics.json").exists()
    finish(argv)
    assert_same(script.parent / "killed", script.parent / "whole")


def test_ctrl_c_ends_both_after_one_step_with_a_checkpoint(script: Path):
    argv = command(script, "run", *EVERYTHING, "--devices", "2")
    folder = script.parent / "run"
    process = start(argv)
    wait_until((folder / "resume.pt").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("interrupted; what was finished is kept") == 1
    assert "bug" not in err
    assert "error" not in err


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--seed", "3"], 2, "holds another run"),
        (["--seed", "4", "--lr", "1e30", "--clip", "1e30", "--out", "OTHER"], 1, "not finite"),
        (["--devices", "126"], 2, "126 processes are more than the 125 images of a batch"),
        (["--devices", "0"], 2, "devices must be at least 1, not 0"),
        (["--num-nodes", "0"], 2, "num_nodes must be at least 1, not 0"),
    ],
)
def test_what_goes_wrong_in_all_processes_is_said_once(
    script: Path, flags: list[str], code: int, said: str
):
    (script.parent / "run").mkdir()
    (script.parent / "run" / "config.json").write_text("{}")
    flags = [str(script.parent / "other") if flag == "OTHER" else flag for flag in flags]
    process = start(command(script, "run", *PLAIN, "--devices", "2", *flags))
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.count("error: ") == 1
    assert said in err


@pytest.mark.parametrize("rank", ["0", "1"])
def test_what_goes_wrong_in_one_process_ends_both(script: Path, rank: str):
    broken = "import os\nfrom offmanifold.objectives import ERM\n"
    broken += f"if os.environ.get('LOCAL_RANK', '0') == '{rank}': ERM.__call__ = None\n"
    script.write_text(broken + SCRIPT)
    process = start(command(script, "run", *PLAIN, "--devices", "2"))
    _, err = process.communicate(timeout=60)  # the pipes close when both have ended
    assert process.returncode == 1, err
    assert err.count("bug: TypeError") == 1


def test_killed_at_random_moments_it_ends_with_the_same_weights_bit_for_bit(script: Path):
    objective = ["pgd", "--eps", "0.5", "--steps", "2"]
    finish(command(script, "whole", *EVERYTHING, *objective))
    argv = command(script, "killed", *EVERYTHING, *objective)
    folder = script.parent / "killed"
    moments = [random.uniform(0, 0.2), *(random.uniform(0, 1) for _ in range(4))]
    print("killed after", moments)
    process = start(argv)
    wait_until(folder.exists, process)
    time.sleep(moments[0])  # perhaps before there is any checkpoint
    process.kill()
    process.communicate()
    steps = []
    for moment in moments[1:]:
        before, process = saved_at(folder / "resume.pt"), start(argv)
        wait_until(lambda before=before: saved_at(folder / "resume.pt") != before, process)
        time.sleep(moment)
        assert process.poll() is None, "it ended before it could be killed"
        process.kill()
        process.communicate()
        steps.append(torch.load(folder / "resume.pt", weights_only=True)["step"])
    print("at steps", steps)
    assert steps == sorted({*steps})
    finish(argv)
    assert_same(folder, script.parent / "whole")


def assert_same(folder: Path, whole: Path) -> None:
    """The weights and the log are equal, and only what a finished run holds is there."""
    for name in ("model.safetensors", "metrics.json", "config.json"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (folder / "resume.pt").exists()


def test_sigterm_ends_training_as_ctrl_c_does(script: Path):
    argv = command(script, "run", *EVERYTHING)
    process = start(argv)
    wait_until((script.parent / "run" / "resume.pt").exists, process)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.splitlines()[-1].startswith("interrupted; what was finished is kept")
    assert {p.name for p in (script.parent / "run").iterdir()} == {"config.json", "resume.pt"}


def test_a_second_process_in_the_same_folder_is_refused(script: Path):
    argv = command(script, "run", *EVERYTHING)
    process = start(argv)
    wait_until((script.parent / "run" / "resume.pt").exists, process)
    second = start(argv)
    _, err = second.communicate(timeout=60)
    assert process.poll() is None
    process.kill()
    process.communicate()
    assert second.returncode == 2
    assert f"another process ({process.pid}) writes in" in err


SWEEP = [
    *("sweep", "--values", "0.5", "--data", "digits", "--epochs", "50", "--limit", "20"),
    *("--manifold", "none", "--precision", "fp32", "--jobs", "1"),
]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("when", ["importing", "training"])
def test_no_job_outlives_its_sweep(tmp_path: Path, sent: signal.Signals, when: str):
    argv = [sys.executable, "-m", "offmanifold", *SWEEP, "--out", str(tmp_path / "s")]
    process = start(argv)
    jobs: list[int] = []

    def begun() -> bool:
        jobs[:] = children(process)
        return bool(jobs) and (when == "importing" or any(tmp_path.glob("s/*/config.json")))

    wait_until(begun, process)
    os.kill(process.pid, sent)
    process.communicate(timeout=60)
    assert process.returncode == (143 if sent == signal.SIGTERM else -9)
    until = time.monotonic() + 3
    while any(alive(job) for job in jobs):
        assert time.monotonic() < until
        time.sleep(0.02)
