"""The patterns that a wait looks for, and what must be known of each to find it in a stream.

Regular expressions are meant for complete texts.  On a serial line the text grows, and the answer must not depend on
how its bytes were cut into pieces.  Three kinds of expression are looked for in different ways; the kind follows
from the parse tree:

*closed*
    No later text can lengthen or take back a match: it ends in a character it needs (``login: ``, ``v(\\d+)\\.``,
    ``a.*b``).  It matches at the first character at which it can.  A fixed string is closed.
*open*
    Its end depends on what follows: a trailing repeat (``version (\\S+)``), ``$``, ``\\b``.  It is looked for when the
    line is complete, or when the guest pauses; then ``(\\S+)`` is the whole word, and ``# $`` is a prompt at which the
    guest really waits, not a ``# `` on its way through.
*at a pause only*
    It contains ``\\Z``: the end of everything sent so far.

``^`` and ``$`` are the start and end of a line (``re.MULTILINE``, always); ``\\A`` is the start of the stream.  ``.``
does not match the end of a line unless the expression says ``(?s)``.  ``\\r\\n`` means ``\\n``, because line ends are
normalised before matching.
"""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.printable import quoted

#: The longest match that is guaranteed to be found, in characters.  (Up to twice as much may be.)
MAX_MATCH: Final = 16_384

_CRLF: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\r\\n")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of an expression before any text is seen.

    Attributes:
        fixed: all matches have this length, or None.
        longest: the length of the longest match, in characters; None if it is not bounded, or above ``MAX_MATCH``.
        one_line: no match contains an end of line.
        closed: see the module's docstring.
        steady: an open expression of which a match in complete lines cannot be undone by later lines.
        pause_only: it can match only at the end of everything.
    """

    fixed: int | None
    longest: int | None
    one_line: bool
    closed: bool
    steady: bool
    pause_only: bool


#: Nothing is known: it is looked for line by line, and at pauses.
_UNKNOWN: Final = Shape(None, None, one_line=False, closed=False, steady=False, pause_only=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing to look for: a fixed text (``literal``) or an expression (``regex``).

    Attributes:
        source: as the caller wrote it, for messages.
    """

    source: str
    literal: str | None
    regex: re.Pattern[str]
    shape: Shape

    def __str__(self) -> str:
        return repr(self.source)


def exact(text: str | bytes) -> Pattern:
    """A fixed text; ``\\r\\n`` in it means ``\\n``.

    Raises:
        UsageError: the text is empty, has an escape sequence, or is not text.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise UsageError(f"{quoted(text)} cannot be expected: give text, as str or bytes")
    return _exact(text)


def expression(pattern: str | bytes | re.Pattern[str] | re.Pattern[bytes]) -> Pattern:
    """A regular expression, as text or compiled.

    Raises:
        UsageError: it does not compile, is empty, or needs an escape character, which cleaned text never has.
    """
    if isinstance(pattern, re.Pattern):
        source, flags = pattern.pattern, pattern.flags
        if isinstance(source, bytes):
            return _expression(source.decode("utf-8", "replace"), (flags & ~re.LOCALE) | re.ASCII)
        return _expression(source, flags)
    if isinstance(pattern, bytes):
        pattern = pattern.decode("utf-8", "replace")
    if not isinstance(pattern, str):
        raise UsageError(f"{quoted(pattern)} cannot be expected: give text, a compiled expression, or a list of them")
    return _expression(pattern, 0)


@functools.lru_cache(maxsize=512)
def _exact(text: str) -> Pattern:
    literal = text.replace("\r\n", "\n")
    _check_source(text, "\x1b" in literal)
    return Pattern(text, literal, re.compile(re.escape(literal)), _literal_shape(literal))


@functools.lru_cache(maxsize=512)
def _expression(source: str, flags: int) -> Pattern:
    text = _CRLF.sub(r"\1\\n", source.replace("\r\n", "\n"))
    try:
        regex = re.compile(text, flags | re.MULTILINE)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise UsageError(
            f"{quoted(source)} is not a regular expression: {error}; correct it, or use expect_exact() for a fixed text"
        ) from None
    tree = _parse(regex)
    _check_source(source, tree is not None and _needs_escape(tree))
    if tree is None:
        return Pattern(source, None, regex, _UNKNOWN)
    literal = _as_literal(tree) if not regex.flags & re.IGNORECASE else None
    if literal is not None:
        return Pattern(source, literal, regex, _literal_shape(literal))
    return Pattern(source, None, regex, _shape(tree, regex.flags))


def _check_source(source: str, needs_escape: bool) -> None:
    if not source:
        raise UsageError("an empty pattern matches everything: say what to expect")
    if needs_escape:
        raise UsageError(
            f"{source!r} can never match: it needs an escape character, and matching is on cleaned text, "
            "which has no escape sequences; console.raw has them"
        )


def _literal_shape(literal: str) -> Shape:
    length = len(literal)
    return Shape(length, length if length <= MAX_MATCH else None, "\n" not in literal, True, True, False)


# -- reading the parse tree -----------------------------------------------------------------------------------------
# The tree is what re.compile() itself compiles; its module is private to the standard library, stable from 3.11 on.
# An expression whose tree cannot be read is looked for in the way that is always right (_UNKNOWN), but slower.


def _parse(regex: re.Pattern[str]) -> Any:
    try:
        parser = importlib.import_module("re._parser")
        return parser.parse(regex.pattern, regex.flags & ~re.DEBUG)
    except Exception:  # whatever a future standard library does: the slow way is still right
        return None


def _shape(tree: Any, flags: int) -> Shape:
    try:
        low, high = tree.getwidth()
        names = set(_names(tree))
        unsteady = bool(names & {"ASSERT", "ASSERT_NOT", "ATOMIC_GROUP", "POSSESSIVE_REPEAT", "GROUPREF_EXISTS"})
        pause_only = "AT_END_STRING" in names
        return Shape(
            fixed=low if low == high else None,
            # with a look-ahead, what decides may be any distance behind the match
            longest=high if high <= MAX_MATCH and not unsteady and "GROUPREF" not in names else None,
            one_line=not unsteady and not _takes_newline(tree, bool(flags & re.DOTALL)),
            closed=low > 0 and not unsteady and not pause_only and _closes(tree),
            steady=not unsteady,
            pause_only=pause_only,
        )
    except Exception:  # as above
        return _UNKNOWN


def _children(op: str, value: Any) -> list[Any]:
    if op == "BRANCH":
        return list(value[1])
    if op == "GROUPREF_EXISTS":
        return [part for part in value[1:] if part is not None]
    if op in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return [value[-1]]
    if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return [value[2]]
    if op == "ATOMIC_GROUP":
        return [value]
    return []


def _names(tree: Any) -> list[str]:
    """The name of each operation in the tree: of an assertion the position that it asserts; look-behinds are left out."""
    found: list[str] = []
    for op, value in tree:
        name = str(op)
        if name == "AT":
            name = str(value)
        elif name in ("ASSERT", "ASSERT_NOT") and value[0] < 0:
            name = "BEHIND"
        found.append(name)
        for child in _children(str(op), value):
            found += _names(child)
    return found


def _as_literal(tree: Any) -> str | None:
    if len(tree) and all(str(op) == "LITERAL" for op, _ in tree):
        return "".join(chr(value) for _, value in tree)
    return None


def _needs_escape(tree: Any) -> bool:
    """Whether every match contains the character ESC."""
    for op, value in tree:
        name = str(op)
        if name == "LITERAL" and value == 0x1B:
            return True
        if name == "SUBPATTERN" and _needs_escape(value[-1]):
            return True
        if name in ("MAX_REPEAT", "MIN_REPEAT") and value[0] > 0 and _needs_escape(value[2]):
            return True
        if name == "BRANCH" and all(_needs_escape(branch) for branch in value[1]):
            return True
    return False


def _takes_newline(tree: Any, dotall: bool) -> bool:
    """Whether a match may contain the end of a line (true if in doubt)."""
    for op, value in tree:
        name = str(op)
        if (
            (name == "LITERAL" and value == 10)
            or (name == "NOT_LITERAL" and value != 10)
            or (name == "ANY" and dotall)
            or (name == "IN" and _set_has_newline(value))
            or name in ("GROUPREF", "GROUPREF_EXISTS")
        ):
            return True
        if name in ("ASSERT", "ASSERT_NOT"):
            continue
        # (?s:...) switches for a group: value[1] are the flags it adds
        inner = dotall or (name == "SUBPATTERN" and bool(value[1] & re.DOTALL))
        if any(_takes_newline(child, inner) for child in _children(name, value)):
            return True
    return False


def _set_has_newline(items: Any) -> bool:
    negated = has = False
    for op, value in items:
        name = str(op)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            has |= value == 10
        elif name == "RANGE":
            has |= value[0] <= 10 <= value[1]
        else:
            has |= str(value) in ("CATEGORY_SPACE", "CATEGORY_NOT_DIGIT", "CATEGORY_NOT_WORD")
    return has != negated


def _closes(tree: Any) -> bool:
    """Whether every match ends in a character it needs, and no longer match is preferred to it."""
    for op, value in reversed(list(tree)):
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return True
        if name == "AT":
            if str(value) not in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
                return False
        elif name in ("ASSERT", "ASSERT_NOT"):
            pass  # a look-behind: _shape() has excluded the others
        elif name == "SUBPATTERN":
            return value[-1].getwidth()[0] > 0 and _closes(value[-1])
        elif name == "MIN_REPEAT":  # lazy: takes no more than it must
            if value[0] > 0:
                return value[2].getwidth()[0] > 0 and _closes(value[2])
        elif name == "MAX_REPEAT":
            return value[0] == value[1] > 0 and value[2].getwidth()[0] > 0 and _closes(value[2])
        elif name == "BRANCH":
            return _branches_close(value[1])
        else:
            return False
    return False


def _branches_close(branches: Any) -> bool:
    if not all(branch.getwidth()[0] > 0 and _closes(branch) for branch in branches):
        return False
    if len({branch.getwidth() for branch in branches}) == 1 and branches[0].getwidth()[0] == branches[0].getwidth()[1]:
        return True
    texts = [_as_literal(branch) for branch in branches]
    # "foobar|foo": after "foo" the preferred "foobar" may still come
    return not any(
        a is None or b is None or (a is not b and a.startswith(b)) for i, a in enumerate(texts) for b in texts[i + 1 :]
    )


# -- what a text must contain ---------------------------------------------------------------------------------------


def required_literals(regex: re.Pattern[str]) -> frozenset[str]:
    """Texts of which every match contains at least one, for a quick search before the expression is tried.

    Returns:
        The texts; an empty set if the expression has none, or its tree cannot be read.
    """
    if regex.flags & re.IGNORECASE:
        return frozenset()
    tree = _parse(regex)
    try:
        return _required(tree) or frozenset() if tree is not None else frozenset()
    except Exception:  # a tree of an unknown shape: without a quick search it is slower, not wrong
        return frozenset()


def _required(tree: Any) -> frozenset[str] | None:
    candidates: list[frozenset[str]] = []
    run = ""
    for op, value in tree:
        name = str(op)
        if name == "LITERAL":
            run += chr(value)
            continue
        if name == "AT":
            continue  # takes no character: the run goes on
        if run:
            candidates.append(frozenset([run]))
            run = ""
        found: frozenset[str] | None = None
        if name == "SUBPATTERN":
            # (?i:...) and (?-i:...) switch for a group
            found = None if value[1] & re.IGNORECASE else _required(value[-1])
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] > 0:
            found = _required(value[2])
        elif name == "ATOMIC_GROUP":
            found = _required(value)
        elif name == "BRANCH":
            branches = [_required(branch) for branch in value[1]]
            found = frozenset().union(*(b for b in branches if b)) if all(branches) else None
        if found:
            candidates.append(found)
    if run:
        candidates.append(frozenset([run]))
    return max(candidates, key=lambda texts: (min(map(len, texts)), -len(texts)), default=None)
