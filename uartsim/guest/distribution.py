"""A distribution: its serial console, how that is set up, and how a machine that does not come up is recovered.

    [distribution]                         # in a guest.toml
    title = "Red Hat Enterprise Linux"
    image = "where a user gets such an image, in words"
    menu = "any key"                       # how GRUB's menu is caught: "any key", "Esc" or "hold Esc"

    [[distribution.console]]               # for each range of versions: is the serial console on by default?
    versions = "6.9 and later"
    on_by_default = true

    [[distribution.set_up]]                # commands for root's shell, in order
    name = "serial-console"
    title = "GRUB and the kernel on the serial line"
    steps = [
        { set = "GRUB_TIMEOUT=5", file = "/etc/default/grub" },
        { run = "grub2-mkconfig -o /boot/grub2/grub.cfg" },
    ]

    [[distribution.recovery]]              # from GRUB's menu on
    name = "rescue"
    title = "Rescue mode"
    stand_in = "debian-12-dracut"          # on which guest of ours it was run; without the key it was not
    steps = [
        { catch = "menu" },
        { append = "systemd.unit=rescue.target" },
        { boot = "Ctrl-X" },
        { login = "root" },
    ]

``based_on = "rhel"`` in ``[distribution]`` takes over the procedures of the guest in the folder ``rhel`` beside this one.

A step is a table with one of the keys of :data:`VERBS`.  ``uartsim.console.recovery`` plays procedures on a console, and
:meth:`Step.sentence` says what a step is to a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from uartsim.errors import UsageError
from uartsim.guest.manifest_field import Field

#: How GRUB's menu is caught.
MENU_KEYS: Final = ("any key", "Esc", "hold Esc")
#: The line of an entry that loads the kernel; RHEL 7 calls the command ``linux16``, UEFI ones ``linuxefi``.
KERNEL_LINE: Final = r"^\s*linux(?:16|efi)?\s"
#: The verbs of a step, and what a person does for each.
VERBS: Final[Mapping[str, str]] = {
    "catch": "Start the machine again; to get GRUB's menu, {menu}.",
    "select": "Highlight the entry that has {text} in its title.",
    "append": "Press e, find {line}, go to its end with Ctrl-E, and type a space and {text}.",
    "replace": "Press e, find {line}, and replace {text} in it by {by}.",
    "remove": "Press e, find {line}, and delete {text} from it.",
    "boot": "Press {key} to boot.",
    "login": "Log in as {text}; where only root's password is asked for, type that.",
    "shell": "A shell comes that asks for no password (if it wants Enter, press it); its prompt looks like {text}.",
    "expect": "Wait for {text}.",
    "run": "Type {text}",
    "type": "Type {text}",
    "passwd": "Type {command}, and the new password twice.",
    "set": "In {file} set {text}",
    "ensure": "In {file} have the line {text}",
    "comment": "In {file} put a # before the line that sets {text}, if there is one.",
    "by_hand": "{key}",
}
#: The verbs that change a file.
FILE_VERBS: Final = ("set", "ensure", "comment")
#: The keys that may go with a verb, besides itself.
_COMPANIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "append": ("in_line", "every"),
    "replace": ("by", "in_line"),
    "remove": ("in_line",),
    "set": ("file",),
    "ensure": ("file",),
    "comment": ("file",),
}
#: The companions without which a verb means nothing.
_REQUIRED: Final = ("by", "file")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"catch": ("menu",), "boot": ("Ctrl-X", "Enter")}

_STEP: Final = {
    **{verb: Field(str, choices=_CHOICES.get(verb, ())) for verb in VERBS},
    "by": Field(str),
    "in_line": Field(str),
    "every": Field(bool),
    "file": Field(str),
}
_PROCEDURE: Final = {
    "name": Field(str, required=True),
    "title": Field(str, required=True),
    "versions": Field(str),
    "note": Field(str),
    "stand_in": Field(str),
    "steps": Field(list, required=True, fields=_STEP),
}
#: The keys of the table ``[distribution]``.
DISTRIBUTION_FIELDS: Final[Mapping[str, Field]] = {
    "title": Field(str, required=True),
    "image": Field(str, required=True),
    "menu": Field(str, required=True, choices=MENU_KEYS),
    "console": Field(
        list,
        required=True,
        fields={
            "versions": Field(str, required=True),
            "on_by_default": Field(bool, required=True),
            "note": Field(str),
        },
    ),
    "set_up": Field(list, fields=_PROCEDURE),
    "recovery": Field(list, fields=_PROCEDURE),
    "based_on": Field(str),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a procedure.

    Attributes:
        verb: a key of :data:`VERBS`.
        text: its value: an argument of the kernel, a word, a command, a regular expression, a user's name, ...
        by: what ``replace`` puts in place of the word.
        in_line: the line of GRUB's entry that is edited, as a regular expression.
        every: whether all lines that match are edited.
        file: the file that is changed.
    """

    verb: str
    text: str
    by: str = ""
    in_line: str = KERNEL_LINE
    every: bool = False
    file: str = ""

    def sentence(self, menu: str) -> str:
        """What a person does, who catches GRUB's menu with ``menu``; what is typed or looked for is between backticks."""
        line = "the line that begins with `linux`"
        if self.in_line != KERNEL_LINE:
            line = f"{'each' if self.every else 'the'} line that has `{self.in_line.replace(chr(92), '')}` in it"
        return VERBS[self.verb].format(
            text=f"`{self.text}`",
            by=f"`{self.by}`",
            file=f"`{self.file}`",
            command=f"`passwd {self.text}`",
            key=self.text,
            line=line,
            menu="hold Esc while it starts" if menu == "hold Esc" else f"press {menu} while it starts",
        )


@dataclass(frozen=True, slots=True)
class Procedure:
    """A set-up or a recovery.

    Attributes:
        name: by which it is called, such as ``"rd.break"``.
        title: what it does.
        versions: for which versions of the distribution it is; empty: all.
        note: what else a person should know.
        stand_in: the guest of ours on which it was run, or empty: it was not run here.
        steps: in order.
    """

    name: str
    title: str
    versions: str
    note: str
    stand_in: str
    steps: tuple[Step, ...]

    def uses(self, verb: str) -> bool:
        """Whether a step has this verb."""
        return any(step.verb == verb for step in self.steps)


@dataclass(frozen=True, slots=True)
class ConsoleDefault:
    """Whether the serial console is on by default, in a range of versions."""

    versions: str
    on_by_default: bool
    note: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution.

    Attributes:
        title: its full name.
        image: where a user gets an image, in words.
        menu: how GRUB's menu is caught, one of :data:`MENU_KEYS`.
        console: whether the serial console is on by default, for each range of versions.
        set_up: how the console is set up, by name.
        recovery: how a machine is recovered, by name.
        based_on: the guest beside this one whose procedures are those of this one, too; empty: none.
    """

    title: str
    image: str
    menu: str
    console: tuple[ConsoleDefault, ...]
    set_up: Mapping[str, Procedure]
    recovery: Mapping[str, Procedure]
    based_on: str = ""

    @property
    def procedures(self) -> Mapping[str, Procedure]:
        """All procedures, by name."""
        return {**self.set_up, **self.recovery}

    def on(self, base: Distribution) -> Distribution:
        """This distribution with the procedures of another one besides its own; its own replace those of the same name."""
        return replace(self, set_up={**base.set_up, **self.set_up}, recovery={**base.recovery, **self.recovery})


def distribution_of(table: Mapping[str, Any], fail: Callable[[tuple[str | int, ...], str], NoReturn]) -> Distribution:
    """The distribution that a table describes, which has the keys of :data:`DISTRIBUTION_FIELDS`.

    Args:
        table: the table ``[distribution]``.
        fail: raises the error about a place in the manifest.

    Raises:
        UsageError: a step or a name is wrong.
    """
    found: dict[str, dict[str, Procedure]] = {"set_up": {}, "recovery": {}}
    names: set[str] = set()
    for kind, procedures in found.items():
        for index, item in enumerate(table.get(kind, ())):
            path = ("distribution", kind, index)
            name = item["name"]
            if name in names:
                fail((*path, "name"), f"two procedures are called {name!r}")
            names.add(name)
            try:
                steps = tuple(_step(step) for step in item["steps"])
            except UsageError as error:
                fail((*path, "steps"), str(error))
            extras = {key: item.get(key, "") for key in ("versions", "note", "stand_in")}
            procedures[name] = Procedure(name, item["title"], steps=steps, **extras)
    return Distribution(
        title=table["title"],
        image=table["image"],
        menu=table["menu"],
        console=tuple(
            ConsoleDefault(item["versions"], item["on_by_default"], item.get("note", "")) for item in table["console"]
        ),
        set_up=found["set_up"],
        recovery=found["recovery"],
        based_on=table.get("based_on", ""),
    )


def _step(table: Mapping[str, Any]) -> Step:
    verbs = [key for key in table if key in VERBS]
    if len(verbs) != 1:
        raise UsageError(f"a step has one of {', '.join(VERBS)}; here: {' and '.join(verbs) or 'none'}")
    verb = verbs[0]
    allowed = _COMPANIONS.get(verb, ())
    for key in table:
        if key != verb and key not in allowed:
            raise UsageError(f"{key!r} does not go with {verb!r} in a step")
    for key in allowed:
        if key in _REQUIRED and key not in table:
            raise UsageError(f"a step with {verb!r} lacks the key {key!r}")
    text = table[verb]
    for what in ([text] if verb in ("expect", "select") else []) + ([table["in_line"]] if "in_line" in table else []):
        try:
            re.compile(what)
        except re.error as error:
            raise UsageError(f"{what!r} is not a regular expression: {error}") from None
    if not text.isprintable() or (verb == "set" and not re.fullmatch(r"\w+=.*", text)):
        raise UsageError(f"{verb} = {text!r}: " + ("give NAME=VALUE" if verb == "set" else "give printable characters"))
    return Step(verb, text, **{key: value for key, value in table.items() if key != verb})
