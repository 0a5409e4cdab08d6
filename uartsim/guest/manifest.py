"""``guest.toml``, the manifest in a guest's folder: reading and checking it.

    [guest]
    kind = "qemu"                          # or "script", "process", "firmware", "socket", "device"
    description = "Debian's kernel and a real login"
    uart = "16550A"                        # the chip; this is the default

    [[needs]]                              # any number: what this machine must have, and what installs it
    program = "qemu-system-x86_64"         # or: file = GLOB, root = true, python = MODULE
    install = "apt-get install qemu-system-x86"

    [settings]                             # the guest's own defaults, overridden by --set KEY=VALUE
    sysrq = 438

    [qemu]                                 # the table of the kind
    ...

    [image]                                # for kind qemu: the disk that it boots from, see uartsim.images.recipe
    ...

A guest that is another one with other defaults names it, and has neither a table of its kind nor an image:

    [guest]
    kind = "script"
    extends = "demo"                       # a folder beside this one, or a guest of the catalogue
    description = "demo without a password"

    [settings]                             # settings of that guest
    password = ""

Every mistake is reported as ``FILE:LINE: what is wrong, and what is possible``.  tomllib gives line numbers only for
syntax errors; for all others, :class:`uartsim.guest.toml_lines.Lines` finds the line.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from uartsim.errors import UsageError
from uartsim.guest.distribution import DISTRIBUTION_FIELDS, Distribution, distribution_of
from uartsim.guest.manifest_field import Field
from uartsim.guest.toml_lines import KeyPath, Lines
from uartsim.images.recipe import BUILDER_NAMES, FIRMWARE, LAYOUTS, Recipe
from uartsim.registers import VARIANTS
from uartsim.toml_text import TomlMistake, parse_toml

#: The name of the manifest's file.
MANIFEST_NAME: Final = "guest.toml"
#: The default chip.
DEFAULT_UART: Final = "16550A"
#: A larger manifest is refused.
MANIFEST_LIMIT_BYTES: Final = 1 << 16
#: Only names of up to this many characters are compared with a misspelt one.
_LONGEST_NAME: Final = 100
#: The package with the agent that ``agent = true`` speaks of.
AGENT_PACKAGE: Final = "qemu-guest-agent"
#: The kinds of need a manifest can state: ``program``, ``file`` (a glob), ``root`` and ``python`` (a module).
NEED_KINDS: Final = ("program", "file", "root", "python")


_GUEST: Final = {
    "kind": Field(str, required=True, choices=("script", "process", "qemu", "firmware", "socket", "device")),
    "description": Field(str, required=True),
    "uart": Field(str, choices=tuple(VARIANTS)),
    "extends": Field(str),
}
_NEED: Final = {
    "program": Field(str),
    "file": Field(str),
    "root": Field(bool),
    "python": Field(str),
    "install": Field(str),
}
#: The keys of the table ``[image]``, see :class:`uartsim.images.recipe.Recipe`.
_IMAGE: Final = {
    "builder": Field(str, required=True, choices=BUILDER_NAMES),
    "suite": Field(str),
    "packages": Field(list),
    "layout": Field(str, choices=LAYOUTS),
    "firmware": Field(str, choices=FIRMWARE),
    "size_mb": Field(int),
    "files": Field(str, is_folder=True),
    "customize": Field(str, is_file=True),
    "hostname": Field(str),
    "password": Field(str),
    "users": Field(list),
    "cmdline": Field(str),
    "grub": Field(list),
}
#: The keys of the table of each kind.
OPTIONS: Final[Mapping[str, Mapping[str, Field]]] = {
    "script": {"file": Field(str, required=True, is_file=True)},
    "process": {
        "command": Field(list, required=True),
        "controlling_tty": Field(bool),
        "respawn": Field(bool),
        "poweroff_status": Field(int),
        "reboot_status": Field(int),
    },
    "socket": {
        "address": Field(str, required=True),
        "reconnect": Field(bool),
        "qmp": Field(str),
        "chardev": Field(str),
        "reset_command": Field(list),
        "nmi_command": Field(list),
    },
    "device": {
        "path": Field(str, required=True),
        "flow": Field(str, choices=("none", "rtscts", "xonxoff")),
        "reconnect": Field(bool),
        "reset_command": Field(list),
        "nmi_command": Field(list),
    },
    "firmware": {"listing": Field(str, required=True, is_file=True)},
    "qemu": {
        "kernel": Field(str),
        "initrd": Field(str),
        "modules": Field(list),
        "cd": Field(list),
        "append": Field(str),
        "image": Field(str),
        "firmware": Field(str, choices=("auto", "bios", "uefi")),
        "disk": Field(str, choices=("virtio", "ide", "scsi", "nvme")),
        "writable": Field(bool),
        "cores": Field(int),
        "net": Field(str, choices=("none", "user")),
        "memory_mb": Field(int),
        "drives": Field(list),
        "system": Field(str, choices=("x86_64", "aarch64")),
        "machine": Field(str),
        "registers": Field(str, choices=("auto", "require", "off")),
        "port": Field(str, choices=("com1", "com2", "com3", "com4")),
        "agent": Field(bool),
        "display": Field(bool),
        "args": Field(list),
        "press": Field(
            list,
            fields={
                "after": Field(str, required=True),
                "keys": Field(str, required=True),
                "when": Field(str, is_switch=True),
            },
        ),
    },
}
_TYPE_NAMES: Final = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "an array of strings",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that has passed every check.

    Attributes:
        kind: a key of :data:`OPTIONS`.
        description: one line for the list of guests.
        needs: ``(kind, value, install)`` for each need; ``install`` may be empty for root.
        settings: the defaults of the guest's settings.
        options: the table of the kind.
        uart: the chip, a key of :data:`uartsim.registers.VARIANTS`.
        distribution: what the table ``[distribution]`` says, if there is one.
        image: what the disk is built from that the guest boots from, if it is built here.
        extends: the guest that this one is, but for its defaults; or empty.
    """

    kind: str
    description: str
    needs: tuple[tuple[str, str, str], ...]
    settings: dict[str, str | int | float | bool]
    options: dict[str, Any]
    uart: str = DEFAULT_UART
    distribution: Distribution | None = None
    image: Recipe | None = None
    extends: str = ""


def near_matches(wrong: str, possible: Collection[str]) -> str:
    """``"; did you mean X?"`` with the names most similar to ``wrong``, or else the list of possible names."""
    if near := similar_names(wrong, possible):
        return f"; did you mean {' or '.join(near)}?"
    return f"; possible: {', '.join(sorted(possible))}" if possible else ""


def similar_names(wrong: str, possible: Collection[str]) -> list[str]:
    """The names most similar to ``wrong``, at most three; empty if none is similar."""
    # Comparing two names takes time in proportion to the product of their lengths: names that are too long are left out.
    names = [name for name in possible if len(name) <= _LONGEST_NAME] if len(wrong) <= _LONGEST_NAME else []
    return difflib.get_close_matches(wrong, names, n=3, cutoff=0.6)


class _Check:
    """The checks of one manifest.  Every method raises UsageError (``FILE:LINE: what is wrong``) if a check fails."""

    def __init__(self, file: Path, text: str, settings: object) -> None:
        self._file = file
        self._text = text
        self._settings: Mapping[Any, object] = settings if isinstance(settings, dict) else {}

    def fail(self, path: KeyPath, message: str) -> NoReturn:
        line = Lines(self._text).line_of(path)
        raise UsageError(f"{self._file}:{line}: {message}")

    def table(self, path: KeyPath, value: object, fields: Mapping[str, Field]) -> dict[str, Any]:
        """Check that ``value`` is a table with these fields, and return it."""
        name = path[0] if isinstance(path[-1], str) else f"[{path[0]}]" if len(path) == 2 else f"{path[0]}.{path[1]}"
        checked: dict[str, Any] = self._typed(path, value, dict)
        for key, item in checked.items():
            if key not in fields:
                self.fail((*path, key), f"unknown key {key!r} in [{name}]{near_matches(key, fields.keys())}")
            self._field((*path, key), item, fields[key])
        for key, field in fields.items():
            if field.required and key not in checked:
                self.fail(path, f"[{name}] lacks the key {key!r} ({_TYPE_NAMES[field.holds]})")
        return checked

    def _typed(self, path: KeyPath, value: object, wanted: type) -> Any:
        fits = isinstance(value, (float, int) if wanted is float else wanted)
        if wanted is not bool and isinstance(value, bool):
            fits = False
        if not fits:
            name = next(part for part in reversed(path) if isinstance(part, str))
            self.fail(path, f"{name!r} must be {_TYPE_NAMES[wanted]}, not {_type_name(value)}")
        return value

    def _field(self, path: KeyPath, value: object, field: Field) -> None:
        self._typed(path, value, field.holds)
        if isinstance(value, list) and field.fields is not None:
            for index, item in enumerate(value):
                self.table((*path, index), item, field.fields)
        elif isinstance(value, list) and not all(isinstance(item, str) and "\0" not in item for item in value):
            self.fail(path, f"{path[-1]!r} must be an array of strings, without NUL")
        if value == [] and field.required:
            self.fail(path, f"{path[-1]!r} must not be empty")
        if isinstance(value, str) and (not value or (not value.strip() and path[-1] != "keys") or "\0" in value):
            self.fail(path, f"{path[-1]!r} must be a string with some text, not {value!r}")
        if field.choices and value not in field.choices:
            self.fail(path, f"unknown {path[-1]} {value!r}{near_matches(str(value), field.choices)}")
        if field.is_file or field.is_folder:
            self._own_file(path, str(value), is_folder=field.is_folder)
        if field.is_switch and not isinstance(self._settings.get(value), bool):
            self.fail(
                path, f"{path[-1]!r} names a setting that is true or false; [settings] has no such setting {value!r}"
            )

    def _own_file(self, path: KeyPath, name: str, *, is_folder: bool) -> None:
        folder = self._file.parent
        try:
            found = (folder / name).resolve()
            if not found.is_relative_to(folder.resolve()):
                self.fail(path, f"{path[-1]} {name!r} lies outside the guest's folder {folder}")
            is_there = found.is_dir() if is_folder else found.is_file()
        except (OSError, RuntimeError):  # the name is too long, or a symbolic link leads to itself
            is_there = False
        if not is_there:
            self.fail(path, f"{path[-1]} {name!r} is not a {'folder' if is_folder else 'file'} in {folder}")

    def needs(self, value: object) -> tuple[tuple[str, str, str], ...]:
        if not isinstance(value, list):
            self.fail(("needs",), "needs are written as [[needs]], in two pairs of brackets, one for each need")
        return tuple(self._need(("needs", index), item) for index, item in enumerate(value))

    def _need(self, path: KeyPath, item: object) -> tuple[str, str, str]:
        table = self.table(path, item, _NEED)
        kinds = [kind for kind in NEED_KINDS if kind in table]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            self.fail(path, f"[[needs]] names one of {', '.join(NEED_KINDS)}; here: {found}")
        kind = kinds[0]
        value = table[kind]
        if kind == "root" and value is not True:
            self.fail((*path, kind), "root can only be true: leave the need out where root is not needed")
        if kind == "python" and not all(part.isidentifier() for part in value.split(".")):
            self.fail((*path, kind), f"python {value!r} is not the name of a module")
        if kind != "root" and "install" not in table:
            self.fail(path, f"[[needs]] lacks the key 'install': the command that installs {kind} {value!r}")
        return kind, "root" if kind == "root" else value, table.get("install", "")

    def image(self, value: object) -> Recipe:
        table = self.table(("image",), value, _IMAGE)
        recipe = Recipe.from_table(table)
        for key, message in recipe.mistakes(table):
            self.fail(("image", key), message)
        return recipe

    def settings(self, value: object) -> dict[str, str | int | float | bool]:
        checked: dict[str, Any] = self._typed(("settings",), value, dict)
        for key, default in checked.items():
            path = ("settings", key)
            if not key.strip() or "=" in key:
                self.fail(path, f"{key!r} cannot be the name of a setting: --set KEY=VALUE could not name it")
            if not isinstance(default, str | int | float | bool):
                self.fail(path, f"the default of {key!r} must be a string, a number, true or false")
        return checked

    def extension(self, name: str, content: Mapping[str, Any], guest: Mapping[str, Any]) -> None:
        if "/" in name or name.startswith("."):
            self.fail(("guest", "extends"), f"extends is {name!r}: use the name of a guest, such as 'demo'")
        for table in (guest["kind"], "image", "distribution"):
            if table in content:
                self.fail((table,), f"the table [{table}] comes from {name!r}, which this guest extends: leave it out")
        if "uart" in guest:
            self.fail(("guest", "uart"), f"uart comes from {name!r}, which this guest extends: leave it out")

    def agent(self, content: Mapping[str, Any]) -> None:
        """Check that an image that is built here has the agent that the guest is said to have."""
        options, image = content.get("qemu"), content.get("image")
        if isinstance(options, dict) and isinstance(image, dict) and options.get("agent") is True:
            packages = image.get("packages", [])
            if not isinstance(packages, list) or AGENT_PACKAGE not in packages:
                self.fail(
                    ("qemu", "agent"),
                    f"agent is true, but the image is built without the agent: add {AGENT_PACKAGE!r} to its packages",
                )

    def distribution(self, value: object) -> Distribution:
        return distribution_of(self.table(("distribution",), value, DISTRIBUTION_FIELDS), self.fail)


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), f"a {type(value).__name__}") + (f" ({value!r})" if value == "" else "")


def parse_manifest(text: str, file: Path) -> Manifest:
    """Parse and check the text of a manifest.

    Args:
        text: the whole text.
        file: the path of the manifest; files that it names are relative to its folder.

    Raises:
        UsageError: the manifest is wrong (``FILE:LINE: what is wrong``).
    """
    try:
        content = parse_toml(text)
    except TomlMistake as error:
        raise UsageError(f"{file}:{error.line}: {error}") from None

    check = _Check(file, text, content.get("settings"))
    tables = ("guest", "needs", "settings", "image", "distribution", *OPTIONS)
    for name in content:
        if name not in tables:
            check.fail((name,), f"unknown table or key {name!r}{near_matches(name, tables)}")
    if "guest" not in content:
        required = " and ".join(name for name, field in _GUEST.items() if field.required)
        check.fail((), f"a manifest begins with the table [guest]: {required}")
    guest = check.table(("guest",), content["guest"], _GUEST)
    kind: str = guest["kind"]
    for other in OPTIONS:
        if other != kind and other in content:
            check.fail((other,), f"the table [{other}] does not belong to a guest of kind {kind!r}")
    if kind != "qemu" and "image" in content:
        check.fail(("image",), f"the table [image] does not belong to a guest of kind {kind!r}")
    if extends := guest.get("extends", ""):
        check.extension(extends, content, guest)
    check.agent(content)
    if not extends and kind not in content and any(field.required for field in OPTIONS[kind].values()):
        check.fail(("guest", "kind"), f"a guest of kind {kind!r} has a table [{kind}]: {', '.join(OPTIONS[kind])}")
    return Manifest(
        kind=kind,
        description=guest["description"].strip(),
        needs=check.needs(content.get("needs", [])),
        settings=check.settings(content.get("settings", {})),
        options={} if extends else check.table((kind,), content.get(kind, {}), OPTIONS[kind]),
        uart=guest.get("uart", DEFAULT_UART),
        distribution=check.distribution(content["distribution"]) if "distribution" in content else None,
        image=check.image(content["image"]) if "image" in content else None,
        extends=extends,
    )


def read_manifest(file: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        UsageError: it cannot be read, is not UTF-8, is larger than :data:`MANIFEST_LIMIT_BYTES`, or is wrong.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    if len(raw) > MANIFEST_LIMIT_BYTES:
        raise UsageError(f"{file}:1: a manifest may have at most {MANIFEST_LIMIT_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}:{line}: byte {raw[error.start]:#04x} is not valid UTF-8") from None
    return parse_manifest(text, file)
