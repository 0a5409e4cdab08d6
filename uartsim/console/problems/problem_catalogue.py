"""The catalogue of problems: data about what goes wrong on a console, and how to read it.

The package's own are the files ``*.toml`` beside this module.  Files of the same form, or mappings, can be added; they
replace entries of the same ``id``.  docs/problems.md describes the fields.
"""

from __future__ import annotations

import difflib
import functools
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, TypeAlias

from uartsim.console.problems.problem_lines import bare
from uartsim.console.text.kernel_lines import KernelLifter, Plain
from uartsim.console.text.patterns import required_literals
from uartsim.errors import UsageError
from uartsim.toml_text import TomlMistake, parse_toml

#: From harmless to fatal; a fatal problem ends a wait.
SEVERITIES: Final = ("info", "warn", "error", "fatal")
#: The phases of a guest's life in which problems occur; for the reader only.
PHASES: Final = ("any", "firmware", "loader", "initrd", "kernel", "userspace", "windows")
#: Problems that are not found by an expression but by a watchdog: see ``watchdogs.py``.
WATCHES: Final = ("reboot", "garbage", "silence", "loss")
#: Where a boot is, in order.
STAGES: Final = ("firmware", "loader", "kernel", "userspace")

_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
_GIVEN: Final = {
    "reboot": {"line"},
    "garbage": {"percent", "count"},
    "silence": {"seconds"},
    "loss": {"count", "lost", "where"},
}
_FIELDS: Final = {
    "id": str, "severity": str, "phase": str, "match": list, "watch": str, "cause": str, "advice": str, "unless": str,
    "unless_seen": list, "unless_found": list, "settled_by": list, "next": str, "asked_by": str, "booted_with": str,
    "prompt": bool, "examples": list, "not_examples": list,
}  # fmt: skip
_REQUIRED: Final = ("id", "severity", "cause", "advice")

#: The package's own, beside this module.
_OWN_FILES: Final = ("firmware.toml", "linux.toml", "userspace.toml", "others.toml")

#: What can be added to a catalogue: a file, or one entry with the file's fields.
Source: TypeAlias = "str | Path | Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of problem.

    Attributes:
        id: its name, such as ``linux.panic``.
        severity: one of ``SEVERITIES``.
        phase: one of ``PHASES``.
        match: expressions for a line, of which one must match.
        watch: one of ``WATCHES`` instead of expressions, or "".
        cause: what it means, in one sentence; ``{line}`` is the line, ``{name}`` a group of the expression.
        advice: what to do.
        unless: an expression for lines that are not this problem after all, or None.
        unless_seen: it is ignored if one of these texts came before in this boot.
        unless_found: it is ignored as a consequence if one of these ids was found before in this boot.
        settled_by: texts, of which one that comes later in this boot shows that it has been resolved.
        next: an expression for the next line, whose groups complete the cause, or None.
        asked_by: an expression for a typed line that asks for it, or None.
        booted_with: an expression for a kernel's command line that asks for it, or None.
        prompt: whether it shows as a prompt: then it is reported once in a boot, not at each prompt.
        examples: lines that are this problem.
        not_examples: lines that look like this problem and are not.
    """

    id: str
    severity: str
    cause: str
    advice: str
    phase: str = "any"
    match: tuple[re.Pattern[str], ...] = ()
    watch: str = ""
    unless: re.Pattern[str] | None = None
    unless_seen: tuple[str, ...] = ()
    unless_found: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    next: re.Pattern[str] | None = None
    asked_by: re.Pattern[str] | None = None
    booted_with: re.Pattern[str] | None = None
    prompt: bool = False
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()

    def search(self, line: str) -> re.Match[str] | None:
        """The match of the first of its expressions in ``line``, or None."""
        for regex in self.match:
            if (match := regex.search(line)) is not None:
                return None if self.unless is not None and self.unless.search(line) else match
        return None

    def sentence(self, values: Mapping[str, object]) -> str:
        """The cause with ``values`` inserted; the colon before an empty value is removed."""
        known = {name: values.get(name) for _, name, _, _ in string.Formatter().parse(self.cause) if name}
        text = self.cause.format_map({name: "" if value is None else value for name, value in known.items()})
        return " ".join(text.split()).rstrip(" :")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line looks like that shows how far a boot has come; ``once``: it comes only once in a boot."""

    stage: str
    match: tuple[re.Pattern[str], ...]
    once: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The kinds of problems by their id, and the marks that show how far a boot has come."""

    entries: Mapping[str, Entry]
    marks: tuple[Mark, ...] = field(default=())

    @staticmethod
    @functools.cache
    def standard() -> Catalogue:
        """The package's own catalogue."""
        loaded = [Catalogue.load(Path(__file__).with_name(name)) for name in _OWN_FILES]
        return functools.reduce(Catalogue.__add__, loaded)

    @staticmethod
    def load(path: str | Path) -> Catalogue:
        """The catalogue in a file.

        Raises:
            UsageError: it cannot be read, or something in it is wrong.
        """
        try:
            with open(path, encoding="utf-8") as file:
                data = parse_toml(file.read())
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        except TomlMistake as error:
            raise UsageError(f"{path} is not TOML: line {error.line}: {error}") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not TOML: {error}") from None
        for name, value in data.items():
            if name not in ("problem", "mark") or not isinstance(value, list):
                raise UsageError(f"{path}: {name!r} is unknown here: entries are written as [[problem]] or [[mark]]")
        found: dict[str, Entry] = {}
        for number, item in enumerate(data.get("problem", ()), 1):
            entry = read_entry(item, f"{path}, problem {number}")
            if entry.id in found:
                raise UsageError(f"{path}: there are two problems {entry.id!r}: give each its own id")
            found[entry.id] = entry
        marks = [_read_mark(item, f"{path}, mark {n}") for n, item in enumerate(data.get("mark", ()), 1)]
        return Catalogue(found, tuple(marks))

    def __add__(self, other: Catalogue) -> Catalogue:
        """Both catalogues; for an id that is in both, the entry of ``other``."""
        return Catalogue({**self.entries, **other.entries}, self.marks + other.marks)

    def ids(self, wanted: Iterable[str]) -> frozenset[str]:
        """The ids that ``wanted`` names: each an id, or a pattern such as ``linux.*``.

        Raises:
            UsageError: one of them does not name any.
        """
        found: set[str] = set()
        for name in [wanted] if isinstance(wanted, str) else wanted:
            named = {known for known in self.entries if fnmatchcase(known, str(name))}
            if not named:
                of_others = [
                    known for known in self.entries if known.rpartition(".")[2] == str(name).rpartition(".")[2]
                ]
                near = sorted(of_others)[:4] or difflib.get_close_matches(str(name), self.entries, 1)
                hint = (
                    f"did you mean {' or '.join(map(repr, near))}?" if near else "'uartsim problems --list' shows all"
                )
                raise UsageError(f"there is no problem {name!r}: {hint}")
            found |= named
        return frozenset(found)


def load_catalogue(extra: Source | Sequence[Source] | None = None) -> Catalogue:
    """The package's catalogue with the user's additions.

    Args:
        extra: files, or entries as mappings with the file's fields; or one of them.

    Raises:
        UsageError: one of them cannot be read, or something in it is wrong.
    """
    catalogue = Catalogue.standard()
    sources = [extra] if isinstance(extra, (str, Path, Mapping)) else list(extra or ())
    for number, source in enumerate(sources, 1):
        if isinstance(source, Mapping):
            entry = read_entry(source, f"problem {number}")
            catalogue += Catalogue({entry.id: entry})
        elif isinstance(source, (str, Path)):
            catalogue += Catalogue.load(source)
        else:
            raise UsageError(f"{source!r} is not a catalogue of problems: give a file, or an entry as a mapping")
    return catalogue


def read_entry(item: Any, where: str) -> Entry:
    """An entry from its data.

    Args:
        item: the fields.
        where: where they are, for messages.

    Raises:
        UsageError: a field is missing, unknown or wrong, or an example does not match.
    """
    if not isinstance(item, Mapping):
        raise UsageError(f"{where}: {item!r} is not an entry: give its fields")
    where = f"{where} ({item['id']!r})" if "id" in item else where
    for name, value in item.items():
        if name not in _FIELDS:
            near = difflib.get_close_matches(str(name), _FIELDS, 1)
            raise UsageError(f"{where}: unknown field {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        kind: type = _FIELDS[name]
        texts = value if isinstance(value, list) else []
        if not isinstance(value, kind) or not all(isinstance(text, str) for text in texts):
            wanted = {str: "a text", list: "a list of texts", bool: "true or false"}[kind]
            raise UsageError(f"{where}: {name} is {value!r}: give {wanted}")
    if missing := [name for name in _REQUIRED if name not in item]:
        raise UsageError(f"{where}: {missing[0]} is missing")
    if not _ID.fullmatch(item["id"]):
        raise UsageError(
            f"{where}: {item['id']!r} is not an id: use small letters, digits and dots, such as 'app.crash'"
        )
    _one_of(where, "severity", item["severity"], SEVERITIES)
    _one_of(where, "phase", item.get("phase", "any"), PHASES)
    if bool(item.get("match")) == bool(item.get("watch")):
        raise UsageError(f"{where}: give either match, a list of expressions, or watch")
    if item.get("watch"):
        _one_of(where, "watch", item["watch"], WATCHES)
    for name in item.get("unless_found", ()):
        if not _ID.fullmatch(name):
            raise UsageError(f"{where}: unless_found: {name!r} is not an id, such as 'linux.panic'")
    entry = Entry(
        id=item["id"],
        severity=item["severity"],
        cause=item["cause"],
        advice=item["advice"],
        phase=item.get("phase", "any"),
        match=tuple(_compiled(where, "match", source) for source in item.get("match", ())),
        watch=item.get("watch", ""),
        unless=_optional(where, "unless", item),
        unless_seen=tuple(item.get("unless_seen", ())),
        unless_found=tuple(item.get("unless_found", ())),
        settled_by=tuple(item.get("settled_by", ())),
        next=_optional(where, "next", item),
        asked_by=_optional(where, "asked_by", item),
        booted_with=_optional(where, "booted_with", item),
        prompt=item.get("prompt", False),
        examples=tuple(item.get("examples", ())),
        not_examples=tuple(item.get("not_examples", ())),
    )
    _check_sentence(entry, where)
    _check_examples(entry, where)
    return entry


def _read_mark(item: Any, where: str) -> Mark:
    if not isinstance(item, Mapping) or set(item) - {"stage", "match", "once", "examples"} or not item.get("match"):
        raise UsageError(f"{where}: a mark has the fields stage, match, once and examples")
    _one_of(where, "stage", item.get("stage"), STAGES)
    match = tuple(_compiled(where, "match", source) for source in item["match"])
    return Mark(item["stage"], match, bool(item.get("once", False)), tuple(item.get("examples", ())))


def _one_of(where: str, name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"{where}: {name} is {value!r}: give one of {', '.join(known)}")


def _compiled(where: str, name: str, source: Any) -> re.Pattern[str]:
    try:
        regex = re.compile(source)
    except (re.error, RecursionError, OverflowError, TypeError) as error:
        raise UsageError(f"{where}: {name}: {source!r} is not a regular expression: {error}") from None
    if regex.search("") is not None:
        raise UsageError(f"{where}: {name}: {source!r} matches an empty line, and so every line")
    return regex


def _optional(where: str, name: str, item: Mapping[str, Any]) -> re.Pattern[str] | None:
    return _compiled(where, name, item[name]) if name in item else None


def _check_sentence(entry: Entry, where: str) -> None:
    known = {"line"} if entry.match else _GIVEN[entry.watch]
    for regex in (*entry.match, *([entry.next] if entry.next is not None else [])):
        known |= set(regex.groupindex)
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(entry.cause) if name is not None}
    except ValueError as error:
        raise UsageError(f"{where}: cause: {error}; double each brace that is part of the text") from None
    if unknown := sorted(used - known):
        raise UsageError(f"{where}: cause: there is no group {unknown[0]!r} in match")


def _check_examples(entry: Entry, where: str) -> None:
    for line in entry.examples:
        if not is_problem(entry, line):
            raise UsageError(f"{where}: its example {line!r} does not match")
    for line in entry.not_examples:
        if is_problem(entry, line):
            raise UsageError(f"{where}: {line!r} is in not_examples, and matches")


def is_problem(entry: Entry, line: str) -> bool:
    """Whether a whole line of a console is this problem, regardless of what came before it."""
    texts: list[str] = []
    for piece in KernelLifter().feed(line + "\n"):
        texts += [piece.text] if isinstance(piece, Plain) else [message.text for message in piece.lines]
    return any(entry.search(bare(text.rstrip("\n"))) is not None for text in texts)


@functools.lru_cache(maxsize=1024)
def quick_texts(match: tuple[re.Pattern[str], ...]) -> frozenset[str]:
    """Texts of which every line that matches contains at least one; an empty set if the expressions have none."""
    found: set[str] = set()
    for regex in match:
        texts = required_literals(regex)
        if not texts:
            return frozenset()
        found |= texts
    return frozenset(found)
