"""The command line's way in.

``run`` takes its name, makes the pty and binds its sockets before anything heavy is imported, so that a client can
connect while the rest still loads: what it sends meanwhile waits in the kernel.  For that the arguments are read here
once, roughly; whatever is not plain, or may be wrong, is left to :mod:`uartsim.commands`, which reads all of them
properly: nothing is made or removed for a command line that is wrong.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any

from uartsim.errors import UartsimError, UsageError
from uartsim.standard_streams import abandon, guard_streams
from uartsim.unexpected import STATUS as SOFTWARE_ERROR
from uartsim.unexpected import catch_the_rest, innermost, tell, traceback_of, wants_debug

if TYPE_CHECKING:
    from uartsim.access.station import Reservation

#: The options of ``run``: whether each takes a value.
_RUN_OPTIONS = {
    "--name": True,
    "--link": True,
    "--set": True,
    "--record": True,
    "--trace": True,
    "--vcd": True,
    "--uart": True,
    "--flow": True,
    "--fault": True,
    "--registers": False,
    "--no-registers": False,
    "--restore": True,
    "--rate": True,
    "--line-policy": True,
    "--strict-line": False,
    "--no-attach": False,
    "--clock": True,
    "--for": True,
}

#: Those whose values can be checked here: the values that there are, or None where it takes a look at the file system.
#: With any other option that takes a value the name is taken later, when all of them have been checked.
_CHECKED_EARLY = {
    "--name": None,
    "--link": None,
    "--record": None,
    "--trace": None,
    "--vcd": None,
    "--uart": ("8250", "16450", "16550", "16550A", "16750"),
    "--flow": ("none", "rtscts"),
    "--rate": ("line", "unlimited"),
    "--line-policy": ("refuse", "take-over"),
    "--clock": ("real",),  # in virtual time there is no pty
}
_OUTPUTS = ("--record", "--trace", "--vcd")

#: With fewer descriptors not even the imports succeed, and some fail in ways that hide why.
_FEWEST_FILES = 14
#: What the system may run out of at any place, and what to do about it.
_SHORTAGES = {
    errno.EMFILE: "raise the limit with 'ulimit -n'",
    errno.ENFILE: "end what has many files open, or raise fs.file-max",
    errno.ENOSPC: "make room on the disk, or set UARTSIM_RUNTIME_DIR to another one",
    errno.EDQUOT: "remove files of yours, or have your quota raised",
    errno.EFBIG: "raise the limit with 'ulimit -f'",
    errno.ENOMEM: "end what uses much memory",
    errno.ENOBUFS: "end what uses many sockets",
    errno.EAGAIN: "end some of this user's processes, or raise the limit with 'ulimit -u'",
}


def main(*arguments: Any, **options: Any) -> Any:
    """Run the command line; leaves with its exit status."""
    # Ctrl-C, SIGTERM and SIGHUP end us with everything put away; once the machine runs, trio has them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _terminated)
    guard_streams()
    catch_the_rest()
    try:
        status = _status_of(arguments, options)
    except SystemExit as leaving:
        status = leaving.code
    sys.exit(_finish_output(status))


def _status_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Run the command line; whatever is raised becomes a sentence and an exit status."""
    reservation = None
    try:
        try:
            if not arguments:
                reservation = _reserve_for_run(sys.argv[1:])
            from uartsim.commands import commands

            if reservation is not None:
                reservation.device.look()
            return commands(*arguments, obj=reservation, prog_name="uartsim", **options)
        finally:
            if reservation is not None:
                reservation.release()
    except Exception as error:
        cause = innermost(error)
        if isinstance(cause, UartsimError):
            sys.stderr.write(f"uartsim: {cause}\n")
            return 2 if isinstance(cause, UsageError) else 1
        if isinstance(cause, BrokenPipeError):  # whoever read has seen enough
            return 1
        if (sentence := _shortage(cause)) is not None:
            if wants_debug():
                sys.stderr.write(traceback_of(error))
            sys.stderr.write(f"uartsim: {sentence}\n")
            return 1
        tell(error)
        return SOFTWARE_ERROR


def _shortage(error: BaseException) -> str | None:
    """The sentence for an error that is the system's and not ours, or None."""
    if isinstance(error, MemoryError):
        return f"the system has run out of something: memory; {_SHORTAGES[errno.ENOMEM]}"
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"the system has run out of something: threads; {_SHORTAGES[errno.EAGAIN]}"
    if isinstance(error, OSError) and error.errno in _SHORTAGES:
        return f"the system has run out of something: {error.strerror}; {_SHORTAGES[error.errno]}"
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


def _reserve_for_run(arguments: list[str]) -> Reservation | None:
    """The reservation for ``run``, where the arguments are of that command and plain."""
    if arguments[:1] == ["--debug"]:
        arguments = arguments[1:]
    if arguments[:1] != ["run"]:
        return None
    _check_files()
    return _reserve_early(arguments[1:])


def _check_files() -> None:
    """UartsimError if this process may have too few files open to start at all."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < _FEWEST_FILES:
        raise UartsimError(
            f"Too many open files: {limit} are allowed, a machine needs more; {_SHORTAGES[errno.EMFILE]}"
        )


def _terminated(number: int, frame: object) -> None:
    """End at once: an exception could come up in the middle of an import, and be taken for something else there."""
    try:
        station = sys.modules.get("uartsim.access.station")
        for reservation in list(getattr(station, "RESERVED", ())):  # the import may be under way
            reservation.release()
    finally:
        os._exit(128 + number)


def _reserve_early(arguments: list[str]) -> Reservation | None:
    """The reservation that ``run`` with these arguments wants; None where they are not plain."""
    values: dict[str, str] = {}
    guests = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            guests.append(argument)
            continue
        option, equals, value = argument.partition("=")
        if option not in _RUN_OPTIONS or (equals and not _RUN_OPTIONS[option]):
            return None
        if _RUN_OPTIONS[option]:
            values[option] = value if equals else next(rest, "")
    guest = (guests[0] if guests else "demo").removesuffix("/guest.toml")
    if len(guests) > 1 or not _are_right(values) or not _is_guest(guest):
        return None
    name = values.get("--name") or os.path.basename(os.path.abspath(guest))
    from uartsim.access.runtime import is_name
    from uartsim.access.station import reserve

    if not is_name(name):
        return None  # it may be no guest either, and that is to be said first

    return reserve(name, values.get("--link"))


def _are_right(values: dict[str, str]) -> bool:
    """Whether nothing is wrong with the options' values: nothing is made or removed before that is known."""
    for option, value in values.items():
        if option not in _CHECKED_EARLY or not value:
            return False
        choices = _CHECKED_EARLY[option]
        if choices is not None and value not in choices:
            return False
    outputs = [os.path.abspath(values[option]) for option in _OUTPUTS if option in values]
    if len(set(outputs)) < len(outputs) or any(map(os.path.lexists, outputs)):
        return False
    return all(os.path.isdir(os.path.dirname(path)) for path in outputs)


def _is_guest(name_or_path: str) -> bool:
    """Whether there is a manifest where this names one; :func:`uartsim.guest.catalogue.find_guest` reads it later."""
    package = os.path.dirname(os.path.abspath(__file__))
    folders = [name_or_path]
    if os.sep not in name_or_path:
        folders += [os.path.join(base, name_or_path) for base in (f"{package}/_guests", f"{package}/../guests")]
    return any(os.path.isfile(os.path.join(folder, "guest.toml")) for folder in folders)


if __name__ == "__main__":
    main()
