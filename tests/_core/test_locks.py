"""A place is held by one process at a time, and let go of however that one ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.locks import held

HOLDER = """
import sys, time
from pathlib import Path
from offmanifold._core.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process, which holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_refused_by_name_and_a_killed_one_lets_go(tmp_path: Path, holder):
    refused = rf"\({holder.pid}\) writes in .*choose another"
    with pytest.raises(InputError, match=refused), held(tmp_path):
        raise AssertionError
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with held(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
    assert not list(tmp_path.iterdir())


def test_a_process_does_not_pass_its_own_lock_and_leaves_nothing(tmp_path: Path):
    lock = tmp_path / ".made.lock"
    again = held(tmp_path / "made", lock)
    with held(tmp_path / "made", lock), pytest.raises(InputError, match="another process"), again:
        raise AssertionError
    assert not list(tmp_path.iterdir())


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path):
    (tmp_path / "letter").write_text("dear")
    (tmp_path / ".lock").symlink_to("letter")
    with pytest.raises(InputError, match="cannot write"), held(tmp_path):
        raise AssertionError
    assert (tmp_path / "letter").read_text() == "dear"


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path: Path, monkeypatch):
    def unknown(handle, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", unknown)
    with held(tmp_path), held(tmp_path):
        pass
