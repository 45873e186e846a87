"""Jobs in this very process, one after another: for notebooks, tests, and systems without more."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import make_folder, write_json
from offmanifold.sweeps.executors.base import JOB, OUTCOME, Event, Inputs, Job, ended
from offmanifold.sweeps.work import carry_out


class Inline:
    """No process is started; Ctrl-C ends the job under way, which is gone on with later."""

    def run(self, jobs: Sequence[Job], root: Path, inputs: Inputs) -> Iterator[Event]:
        """Yield an event as each job starts and ends."""
        for job in jobs:
            folder = make_folder(root / job.name)
            write_json(folder / JOB, job.config)
            (folder / OUTCOME).unlink(missing_ok=True)
            yield Event(job, "started")
            try:
                carry_out(folder / JOB, folder, inputs)
                code = 0
            except InputError:
                code = 2
            except RunError:
                code = 1
            yield ended(job, folder, code)
