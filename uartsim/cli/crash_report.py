"""Unexpected errors: a sentence for the person, and a report with the traceback for the developers.

Reports lie in ``uartsim/reports`` in ``$XDG_STATE_HOME`` (``~/.local/state`` without it), a folder of mode 0700, in files
of mode 0600; the newest :data:`MOST_REPORTS` are kept.  With ``--debug``, or ``UARTSIM_DEBUG=1`` in the environment, the
traceback is printed too.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time
from types import TracebackType
from typing import Any, Final

from uartsim.error_groups import first_error
from uartsim.errors import UsageError
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.places import is_ours, state_place
from uartsim.printable import printable, printable_line

#: EX_SOFTWARE of sysexits(3): an error inside the program.
STATUS: Final = 70
#: Older reports are removed when another is written.
MOST_REPORTS: Final = 20
#: A report is cut to this many characters: a deep recursion repeats the same lines.
LONGEST_REPORT: Final = 200_000

_NAME: Final = re.compile(r"report-\d{8}-\d{6}-\d+(?:-\d+)?\.txt")


def wants_debug() -> bool:
    """Whether tracebacks are to be printed."""
    return os.environ.get("UARTSIM_DEBUG", "").lower() not in ("", "0", "false", "no", "off")


def reports_folder() -> str:
    """Where reports are written."""
    return os.path.join(state_place(), "reports")


def report_crash(error: BaseException, where: str = "") -> None:
    """Write a report of an error, and say on standard error, in one sentence, what happened and where the report is.

    Args:
        error: the error.
        where: where it was raised, such as a thread's name; empty for the command itself.
    """
    text = traceback_of(error)
    error = first_error(error)
    what = printable_line(f"{type(error).__name__}: {_message(error)}".rstrip(": "))
    if len(what) > 300:
        what = f"{what[:300]}..."
    try:
        kept = f"the report is in {write_report(text)}"
    except OSError as why:
        kept = f"no report could be written ({why.strerror or why}): run it again with --debug to see where"
    said = f"uartsim: something unexpected happened{where and f' in {where}'} ({what}); {kept}\n"
    if wants_debug():
        said = text + said
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(printable(said))
        sys.stderr.flush()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error whose message cannot be made either
        return ""


def traceback_of(error: BaseException) -> str:
    """The traceback as text, cut in its middle where it is very long."""
    import traceback

    try:
        text = "".join(traceback.format_exception(error))
    except Exception as why:
        text = f"{type(error).__name__} (its traceback could not be made: {type(why).__name__})\n"
    if len(text) > LONGEST_REPORT:
        half = LONGEST_REPORT // 2
        text = f"{text[:half]}\n[{len(text) - LONGEST_REPORT} characters are left out]\n{text[-half:]}"
    return text


def write_report(text: str) -> str:
    """Write a report; returns its path.

    Raises:
        OSError: the folder is not this user's alone, or the report cannot be written.
    """
    folder = reports_folder()
    stem = time.strftime(f"report-%Y%m%d-%H%M%S-{os.getpid()}")
    head = f"uartsim {_version()}, Python {sys.version.split()[0]}, {sys.platform}\n{_command_line()}\n\n"
    data = (head + text).encode("utf-8", "backslashreplace")
    try:
        if not is_ours(folder):
            raise PermissionError(0, f"{folder} is in another user's folder")
        with open_own(folder, "reports", "give another folder with XDG_STATE_HOME") as own:
            for suffix in ("", *(f"-{number}" for number in range(1, 100))):
                name = f"{stem}{suffix}.txt"
                with contextlib.suppress(FileExistsError):
                    own.write_new(name, data)
                    break
            else:
                raise FileExistsError(0, f"{folder} has too many reports of this process")
            _remove_oldest(own)
            return os.path.join(folder, name)
    except UsageError as error:
        raise PermissionError(0, str(error)) from None


def _version() -> str:
    package = sys.modules.get("uartsim")
    return str(getattr(package, "__version__", "of unknown version"))


def _command_line() -> str:
    """The command and its options, without their values: a setting may hold a password."""
    options = [word.partition("=")[0] for word in sys.argv[2:] if word.startswith("-")]
    return printable_line(" ".join(["uartsim", *sys.argv[1:2], *options]))


def _remove_oldest(own: OwnFolder) -> None:
    """Keep the newest reports; only files with a report's name are removed."""
    with contextlib.suppress(OSError):
        ours = [name for name in own.names() if _NAME.fullmatch(name) and stat.S_ISREG(own.state(name).st_mode)]
        ours.sort(key=lambda name: own.state(name).st_mtime_ns)
        for name in ours[:-MOST_REPORTS]:
            own.remove(name)


def catch_the_rest() -> None:
    """Tell errors that no caller sees, in threads, in destructors and at exit, in the same way, and each only once."""
    import threading

    told: set[str] = set()

    def once(error: BaseException | None, kind: type[BaseException], where: str) -> None:
        key = f"{where} {kind.__name__}: {error}"
        if issubclass(kind, (SystemExit, KeyboardInterrupt, BrokenPipeError)) or key in told or len(told) > 20:
            return
        told.add(key)
        report_crash(error if error is not None else kind(), where)

    def in_thread(arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread is not None else "a thread"
        once(arguments.exc_value, arguments.exc_type, name)

    def unraisable(arguments: Any) -> None:
        once(arguments.exc_value, arguments.exc_type, "its clean-up")

    def at_top(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        once(error, kind, "")

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    sys.excepthook = at_top
