"""Where the command line begins and ends: signals, standard streams, and errors as sentences with an exit status."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

from uartsim.cli.crash_report import STATUS as SOFTWARE_ERROR
from uartsim.cli.crash_report import catch_the_rest, report_crash, traceback_of, wants_debug
from uartsim.cli.early_endpoints import open_for_run
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError, UsageError
from uartsim.standard_streams import abandon, guard_streams

#: What the system may run out of at any place, and what to do about it.
_REMEDIES = {
    errno.EMFILE: "raise the limit with 'ulimit -n'",
    errno.ENFILE: "end programs that have many files open, or raise fs.file-max",
    errno.ENOSPC: "make room on the disk, or set UARTSIM_RUNTIME_DIR to a folder on another one",
    errno.EDQUOT: "remove files of yours, or have your quota raised",
    errno.EFBIG: "raise the limit with 'ulimit -f'",
    errno.ENOMEM: "end programs that use much memory",
    errno.ENOBUFS: "end programs that use many sockets",
    errno.EAGAIN: "end some of this user's processes, or raise the limit with 'ulimit -u'",
}


def main(*arguments: Any, **options: Any) -> Any:
    """Run the command line and exit with its status.

    Args:
        arguments: for click's :meth:`click.Command.main`; the process's own command line if not given.
        options: the same.
    """
    # Ctrl-C, SIGTERM and SIGHUP end the process with everything put away; once the machine runs, trio handles them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _terminated)
    if "_UARTSIM_COMPLETE" in os.environ:
        from uartsim.cli.command_group import commands
        from uartsim.cli.completion_shells import answer_shell

        sys.exit(answer_shell(commands))
    guard_streams()
    catch_the_rest()
    try:
        status = _status_of(arguments, options)
    except SystemExit as leaving:
        status = leaving.code
    sys.exit(_finish_output(status))


def _status_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Run the command line; whatever is raised becomes a sentence and an exit status."""
    endpoints = None
    try:
        try:
            if not arguments:
                endpoints = open_for_run(sys.argv[1:])
            from uartsim.cli.command_group import commands

            if endpoints is not None:
                endpoints.device.look()
            return commands(*arguments, obj=endpoints, prog_name="uartsim", **options)
        finally:
            if endpoints is not None:
                endpoints.release()
    except Exception as error:
        cause = first_error(error)
        if isinstance(cause, UartsimError):
            sys.stderr.write(f"uartsim: {cause}\n")
            return 2 if isinstance(cause, UsageError) else 1
        if isinstance(cause, BrokenPipeError):  # the reader has seen enough
            return 1
        if (sentence := _system_error(cause)) is not None:
            if wants_debug():
                sys.stderr.write(traceback_of(error))
            sys.stderr.write(f"uartsim: {sentence}\n")
            return 1
        report_crash(error)
        return SOFTWARE_ERROR


def _system_error(error: BaseException) -> str | None:
    """The sentence for an error that is the system's and not ours, or None."""
    if isinstance(error, MemoryError):
        return f"the system has run out of something: memory; {_REMEDIES[errno.ENOMEM]}"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"the system has run out of something: threads; {_REMEDIES[errno.EAGAIN]}"
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        return f"the system has run out of something: {error.strerror}; {_REMEDIES[error.errno]}"
    if isinstance(error, FileNotFoundError) and not _has_working_folder():
        return "the working folder has been removed: change to one that exists, such as with 'cd'"
    return None


def _has_working_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _finish_output(status: Any) -> Any:
    """Write what waits in standard output; an error there is a sentence too, and the exit status 1."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)
    except (OSError, ValueError) as error:
        abandon(sys.stdout)
        if not status:
            sys.stderr.write(f"uartsim: {error}\n")
            return 1
    return status


def _terminated(number: int, frame: object) -> None:
    """End at once: an exception could be raised in the middle of an import, which would take it for something else."""
    try:
        module = sys.modules.get("uartsim.access.endpoints")
        for endpoints in list(getattr(module, "OPEN", ())):  # the import may be under way
            endpoints.release()
    finally:
        os._exit(128 + number)
