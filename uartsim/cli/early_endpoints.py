"""The endpoints of ``uartsim run``, opened before anything heavy is imported.

A client can connect while the rest still loads: what it sends meanwhile waits in the kernel.  For that, the arguments are
read here once, roughly.  Whatever is not plain, or may be wrong, is left to :mod:`uartsim.cli.run_command`, which reads
all of them properly: nothing is made or removed for a command line that is wrong.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from uartsim.cli.run_options import RUN_OPTIONS, RunOption
from uartsim.errors import UartsimError, UsageError
from uartsim.own_files.places import config_file

if TYPE_CHECKING:
    from uartsim.access.endpoints import Endpoints

#: With fewer descriptors not even the imports succeed, and some fail in ways that hide why.
_FEWEST_FILES = 14
#: The options that name an output.
_OUTPUTS = ("--record", "--trace", "--vcd")


def open_for_run(arguments: list[str]) -> Endpoints | None:
    """The endpoints that a command line asks for, or None where it is not a plain one of ``run``.

    Args:
        arguments: the command line without the program's name.

    Raises:
        UsageError: the name or the link is taken.
        UartsimError: too few files may be open, or the system has no pty left.
    """
    if arguments[:1] == ["--debug"]:
        arguments = arguments[1:]
    if arguments[:1] != ["run"]:
        return None
    path, is_named = config_file()
    if path and (is_named or os.path.lexists(path)):
        return None  # it may have a name or a link, or a mistake
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < _FEWEST_FILES:
        raise UartsimError(
            f"Too many open files: {limit} are allowed, a machine needs more; raise the limit with 'ulimit -n'"
        )
    read = _read(arguments[1:])
    if read is None:
        return None
    guest, values = read
    if not _are_right(values) or not _is_guest(guest):
        return None
    name = values.get("--name") or os.path.basename(os.path.abspath(guest))
    from uartsim.access.endpoints import open_endpoints
    from uartsim.access.runtime_folder import is_name

    if not is_name(name):
        return None  # the guest may not exist either, and that is the first thing to say

    return open_endpoints(name, values.get("--link"))


def _read(arguments: list[str]) -> tuple[str, dict[str, str]] | None:
    """The guest and the options' values; None where the arguments are not plain."""
    options = {name: option for option in RUN_OPTIONS for name in option.names.split("/")}
    values: dict[str, str] = {}
    guests = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            guests.append(argument)
            continue
        name, equals, value = argument.partition("=")
        option = options.get(name)
        if option is None or (equals and option.takes == "nothing"):
            return None
        if option.takes != "nothing":
            value = value if equals else next(rest, "")
            if not _is_right(option, value):
                return None
            if name in values and option.repeatable:
                return None
            values[name] = value
    if len(guests) > 1:
        return None
    return (guests[0] if guests else "demo").removesuffix("/guest.toml"), values


def _is_right(option: RunOption, value: str) -> bool:
    """Whether a value can be seen to be right, by itself."""
    return option.early and bool(value) and (not option.choices or value in option.choices)


def _are_right(values: dict[str, str]) -> bool:
    """Whether nothing is wrong with the values together, and this machine gets a pty at all."""
    if values.get("--clock") == "virtual":
        return False
    outputs = {name.removeprefix("--"): values[name] for name in _OUTPUTS if name in values}
    if outputs:
        from uartsim.own_files.outputs import check_outputs

        try:
            check_outputs(outputs)
        except UsageError:
            return False
    return True


def _is_guest(name_or_path: str) -> bool:
    """Whether there is a manifest where this names one; :func:`uartsim.guest.catalogue.find_guest` reads it later."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = [name_or_path]
    if os.sep not in name_or_path:
        folders += [os.path.join(base, name_or_path) for base in (f"{package}/_guests", f"{package}/../guests")]
    return any(os.path.isfile(os.path.join(folder, "guest.toml")) for folder in folders)
