"""What can stand for an argument or an option's value: the functions that a shell's completion asks.

Each takes what click gives it and returns the possible words.  They read, change nothing, ask no machine and wait for
nobody; what goes wrong in one of them is no answer.  What they need is imported when they are asked.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import click
from click.shell_completion import CompletionItem

from uartsim.cli.completion_shells import BEGUN

#: A word and what it is; the word has only begun if it ends with one of :data:`_GO_ON`.
_Found = tuple[str, str]
_Finder = Callable[[click.Context, str], Iterable[_Found]]
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

#: After these a word goes on.
_GO_ON: Final = ("=", ":", ",", "/")
#: Machines elsewhere that a path leads to.
_SOCKET_SCHEMES: Final = ("unix:", "pty:")
#: The keys of SysRq on Linux (Documentation/admin-guide/sysrq.rst) that are sent most.
_SYSRQ_KEYS: Final = {
    "h": "help: list the keys",
    "b": "reboot at once",
    "c": "crash, and dump if that is set up",
    "e": "SIGTERM to all programs but init",
    "f": "kill the program with the most memory",
    "i": "SIGKILL to all programs but init",
    "l": "backtraces of all processors",
    "m": "memory",
    "o": "power off",
    "p": "registers",
    "r": "take the keyboard from X",
    "s": "sync",
    "t": "tasks",
    "u": "make all file systems read-only",
    "w": "blocked tasks",
    "REISUB": "end everything, sync, reboot",
}


def _completer(find: _Finder) -> Completer:
    """A function for click's ``shell_complete`` that keeps what goes on from the typed word."""

    @functools.wraps(find)
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [
                CompletionItem(word, BEGUN if word.endswith(_GO_ON) else "plain", text)
                for word, text in find(context, incomplete)
                if word.startswith(incomplete)
            ]
        except Exception:  # such as a broken manifest: it is said when the command is run
            return []

    return complete


def _machines() -> list[_Found]:
    from uartsim.access.runtime_folder import running_machines

    return [(name, "a running machine") for name in running_machines()]


def _guests() -> list[_Found]:
    from uartsim.guest.catalogue import list_guests

    return [(guest.name, guest.description) for guest in list_guests()]


def _stored_images() -> list[_Found]:
    from uartsim.images.image_records import name_of, stems
    from uartsim.images.image_store import read_store

    if (store := read_store()) is None:
        return []
    with store:
        return [(name, "an image of the store") for name in sorted({name_of(stem) for stem in stems(store)})]


def _is_path(word: str) -> bool:
    return word.startswith((".", "~")) or os.sep in word


def complete_guest(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A guest of the catalogue, an image of the store, where a machine elsewhere is, or a path if one is begun."""
    for scheme in _SOCKET_SCHEMES:
        if incomplete.startswith(scheme):
            return [CompletionItem(incomplete, "file", before=len(scheme))]
    if _is_path(incomplete):
        return [CompletionItem(incomplete, "file")]
    return _guest_or_image(context, parameter, incomplete)


@_completer
def _guest_or_image(context: click.Context, incomplete: str) -> Iterator[_Found]:
    guests = _guests()
    yield from guests
    names = {name for name, _ in guests}
    yield from (found for found in _stored_images() if found[0] not in names)
    if incomplete:
        yield from ((scheme, "a machine elsewhere") for scheme in (*_SOCKET_SCHEMES, "tcp:", "telnet:"))


@_completer
def complete_built_guest(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A guest whose image is built here."""
    from uartsim.guest.catalogue import list_guests

    return [(guest.name, guest.description) for guest in list_guests() if guest.image is not None]


@_completer
def complete_machine(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A machine that runs."""
    return _machines()


@_completer
def complete_image(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """An image of the store that has not been named yet."""
    given = context.params.get("names") or ()
    return [found for found in _stored_images() if found[0] not in given]


@_completer
def complete_scenario(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A scenario that can be run and has not been named yet."""
    from uartsim.scenarios.scenario_list import list_scenarios

    given = context.params.get("scenario") or ()
    return [
        (scenario.name, scenario.summary)
        for scenario in list_scenarios()
        if scenario.name not in given and not (scenario.not_run and context.info_name == "run")
    ]


@_completer
def complete_setting(context: click.Context, incomplete: str) -> Iterator[_Found]:
    """A setting of the guest that is named, and once ``KEY=`` is typed its default, or true and false."""
    from uartsim.guest.catalogue import find_guest

    # While the value of the last option is missing, click has not assigned the guest yet.
    guest = next(iter(context.args), None) or context.params.get("guest") or "demo"
    settings = find_guest(guest).settings
    key, equals, _ = incomplete.partition("=")
    if not equals:
        yield from ((f"{name}=", f"by default {value}") for name, value in settings.items())
    elif isinstance(settings.get(key), bool):
        yield from ((f"{key}={word}", "") for word in ("true", "false"))
    elif key in settings:
        yield f"{key}={settings[key]}", "the default"


@_completer
def complete_grub(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A setting of GRUB that can be changed offline."""
    from uartsim.images.grub_settings import SETTINGS

    return [(f"{key}=", values) for key, values in SETTINGS.items()]


def complete_seed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``none``, or a file."""
    if incomplete and "none".startswith(incomplete):
        return [CompletionItem("none", help="no seed")]
    return [CompletionItem(incomplete, "file")]


def complete_edit(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A file of this machine's, once ``GUESTPATH=`` is typed."""
    before, equals, path = incomplete.partition("=")
    if not equals or path.startswith(":"):
        return []
    return [CompletionItem(incomplete, "file", before=len(before) + 1)]


@_completer
def complete_fault(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A fault of the line, and the parameters of its kind."""
    return _faults(incomplete)


def _faults(incomplete: str) -> Iterator[_Found]:
    from uartsim.wire.faults import DIRECTIONS, FAULT_KINDS

    name, colon, given = incomplete.partition(":")
    if not colon:
        yield from ((f"{kind.name}:" if kind.parameters else kind.name, kind.help) for kind in FAULT_KINDS.values())
        return
    kind = FAULT_KINDS[name]
    before = incomplete[: len(incomplete) - len(given.rpartition(",")[2])]
    taken = {text.partition("=")[0] for text in given.split(",")[:-1]}
    if given.rpartition(",")[2].startswith("direction="):
        yield from ((f"{before}direction={direction}", "") for direction in DIRECTIONS)
        return
    possible = {each.name: each.help for each in kind.parameters}
    possible |= {"seed": "of the random numbers"} if kind.seeded else {}
    possible["direction"] = "in (to the guest), out or both"
    yield from ((f"{before}{each}=", text) for each, text in possible.items() if each not in taken)


@_completer
def complete_machine_and_key(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A machine, or a SysRq key."""
    words = context.params.get("words") or ()
    machines = _machines()
    names = {name for name, _ in machines}
    keys = [] if any(word not in names for word in words) else list(_SYSRQ_KEYS.items())
    return [*([] if names.intersection(words) else machines), *keys] if len(words) < 2 else []


@_completer
def complete_machine_and_fault(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A machine, and after it a fault."""
    words = context.params.get("words") or ()
    if len(words) > 1:
        return []
    faults = list(_faults(incomplete))
    if context.params.get("clear"):
        faults = [(word.rstrip(":"), text) for word, text in faults]
    return faults if words else [*_machines(), *faults]


def complete_machine_and_folder(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """A machine, and the folder of a snapshot."""
    words = context.params.get("words") or ()
    found = [] if words else complete_machine(context, parameter, incomplete)
    return found + complete_snapshot(context, parameter, incomplete) if len(words) < 2 else []


@_completer
def complete_snapshot(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """The folder of a snapshot, or one in which others may be."""
    from uartsim.guest.snapshot_folder import PORT_FILE

    before, name = incomplete[: incomplete.rfind("/") + 1], incomplete[incomplete.rfind("/") + 1 :]
    snapshots, others = [], []
    with os.scandir(os.path.expanduser(before) or ".") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if (entry.name.startswith(".") and not name.startswith(".")) or not entry.is_dir():
                continue
            if os.path.isfile(os.path.join(entry.path, PORT_FILE)):
                snapshots.append((f"{before}{entry.name}", "a snapshot"))
            else:
                others.append((f"{before}{entry.name}/", "a folder"))
    return snapshots + others


@_completer
def complete_problem(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A problem of the catalogue."""
    from uartsim.console.problems.problem_catalogue import load_catalogue

    return [(entry.id, entry.cause) for entry in load_catalogue(()).entries.values()]


@_completer
def complete_sequence(context: click.Context, incomplete: str) -> Iterable[_Found]:
    """A sequence of the conformance kit."""
    from uartsim.conform.suite import SEQUENCES

    return [(sequence.name, "") for sequence in SEQUENCES]


#: By the words that :data:`uartsim.cli.run_options.RUN_OPTIONS` has for them.
RUN_COMPLETERS: Final = {
    "edit": complete_edit,
    "fault": complete_fault,
    "grub": complete_grub,
    "scenario": complete_scenario,
    "seed": complete_seed,
    "setting": complete_setting,
    "snapshot": complete_snapshot,
}
