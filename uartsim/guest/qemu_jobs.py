"""QEMU's jobs: commands of its monitor that take a while."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import trio

from uartsim.guest.qmp import QmpClient, QmpError

_JOB: Final = "uartsim-job"
_POLL_S: Final = 0.005


async def do_job(qmp: QmpClient, command: str, **arguments: Any) -> None:
    """Let QEMU do a job, and wait until it is done.

    Raises:
        QmpError: the job failed.
    """
    await qmp.execute(command, job_id=_JOB, **arguments)
    job: dict[str, Any] = {}
    try:
        while job.get("status") != "concluded":
            await trio.sleep(_POLL_S)
            (job,) = (job for job in await qmp.execute("query-jobs") if job["id"] == _JOB)
    finally:
        with trio.CancelScope(shield=True), contextlib.suppress(QmpError):
            if job.get("status") != "concluded":
                await qmp.execute("job-cancel", id=_JOB)
            else:
                await qmp.execute("job-dismiss", id=_JOB)
    if "error" in job:
        raise QmpError(f"QMP {command}: {job['error']}")
