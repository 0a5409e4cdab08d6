"""The consoles of a test that is reported, as values: what each knows, and the text that a report has of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uartsim.console.failure_facts import ConsoleRecord, FailureFacts
    from uartsim.console.session import Session
    from uartsim.pytest_plugin.opened_consoles import OpenedConsole

#: How much of a console's log is in a JUnit file, in lines: its last ones.
JUNIT_LINES: Final = 1000
#: How many lines a report shows of a console that the error does not concern.
BESIDE_LINES: Final = 10


@dataclass(frozen=True)
class ReportedConsole:
    """One console of a test that is reported.

    Attributes:
        name: its machine's name.
        guest: its guest's name.
        facts: what is known of it; None if that could not be asked.
        record: all that it has kept; None likewise.
        trouble: why not, as a sentence.
    """

    name: str
    guest: str
    facts: FailureFacts | None
    record: ConsoleRecord | None
    trouble: str = ""


def ask_console(opened: OpenedConsole, told: str) -> ReportedConsole:
    """Ask a console what it knows, on its own thread if it has one.

    Args:
        opened: a blocking console, or an async one whose loop has ended or is this thread's.
        told: the texts of the errors that the report shows.
    """
    from uartsim.console.failure_facts import ConsoleRecord, FailureFacts
    from uartsim.errors import UartsimError

    name, guest = opened.name, opened.guest
    console: Any = opened.console
    session: Session = getattr(console, "_async", console)._session

    def ask() -> ReportedConsole:
        return ReportedConsole(name, guest, FailureFacts.of(session, told), ConsoleRecord.of(session))

    thread = getattr(console, "_thread", None)
    try:
        answer: ReportedConsole = ask() if thread is None else thread.read(ask)
    except UartsimError as error:
        return ReportedConsole(name, guest, None, None, str(error))
    except Exception as error:  # a report that fails would end the whole session
        trouble = f"what it knows cannot be told: {type(error).__name__}: {error}"
        return ReportedConsole(name, guest, None, None, trouble)
    return answer


def error_texts(error: BaseException | None) -> str:
    """The texts of an error and of those that a report shows with it: causes, contexts, and what is in groups."""
    return "\n".join(str(each) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [error.__cause__, None if error.__suppress_context__ else error.__context__]
            waiting += getattr(error, "exceptions", ())


def section(console: ReportedConsole, files: dict[str, str], *, is_concerned: bool = True) -> str:
    """The section of a console in the report of a failure.

    Args:
        console: what is known.
        files: where the rest is, by what it is.
        is_concerned: whether the error may be about it; if not, only its last lines are said, and what went wrong on it.
    """
    from uartsim.printable import counted, printable

    facts = console.facts
    if facts is None:
        return printable(console.trouble)
    told: list[str] = []
    if not is_concerned:
        told += ["The last lines it sent:", *facts.before[-BESIDE_LINES:]] if facts.before else ["It has sent nothing."]
        told += [*facts.findings, *(f"{what}: {path}" for what, path in files.items())]
        return printable("\n".join(told))
    if facts.before:
        told += ["The lines before these:" if facts.is_told else "The last lines it sent:", *facts.before]
    elif not facts.is_told:
        told.append("It has sent nothing.")
    if facts.since:
        told += ["Since then:", *facts.since]
    if facts.screen:
        told += ["The screen:", *(f"  {row}" for row in facts.screen)]
    told += facts.findings
    if facts.steps:
        earlier = (
            f" (the last {len(facts.steps)}, after {counted(facts.forgotten, 'other')})" if facts.forgotten else ""
        )
        told += [f"Steps{earlier}:", *map(str, facts.steps)]
    told += [f"{what}: {path}" for what, path in files.items()]
    return printable("\n".join(told))


def junit_properties(console: ReportedConsole, files: dict[str, str]) -> list[tuple[str, str]]:
    """What JUnit XML has of a console as properties."""
    from uartsim.printable import printable_line

    told = [("uartsim console", console.name), ("uartsim guest", console.guest)]
    if console.facts is not None:
        facts = console.facts
        told += [("uartsim problem", problem) for problem in facts.problems]
        told += [(f"uartsim {name}", str(count)) for name, count in facts.counters.items()]
    told += [(f"uartsim {what.lower()}", path) for what, path in files.items()]
    return [(name, printable_line(value)) for name, value in told]


def junit_output(console: ReportedConsole) -> str:
    """What JUnit XML has of a console as output: its steps, then its lines, those that an error has told among them."""
    from uartsim.printable import counted, printable

    told = [f"uartsim console: {console.name}"]
    if console.facts is not None and console.record is not None:
        told += [*map(str, console.facts.steps), ""]
        left_out = len(console.record.log) - JUNIT_LINES
        told += [f"({counted(left_out, 'earlier line')} left out)"] if left_out > 0 else []
        told += console.record.log[-JUNIT_LINES:]
    else:
        told.append(console.trouble)
    return printable("\n".join(told))
