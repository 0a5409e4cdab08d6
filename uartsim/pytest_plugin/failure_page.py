"""One HTML page about a failed test, complete in itself: no script, no file and no address from outside.

It has what the test's report says, and of each console the steps with the screen at the end of each, the screen now, and the
whole log.  Everything is escaped, and what a terminal would obey is a picture of it.  The page is light or dark as the
reader's system is.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from uartsim.printable import counted, printable
from uartsim.pytest_plugin.reported_consoles import ReportedConsole

if TYPE_CHECKING:
    from uartsim.console.failure_facts import ConsoleRecord, SeenScreen
    from uartsim.console.text.screen import Screen

#: How many of the last steps have their screen on the page, and how much of the log is on it, in lines.
SHOWN_SCREENS: Final = 200
SHOWN_LINES: Final = 20_000

_STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --page: #fff; --soft: #57606a; --line: #d0d7de; --paper: #f6f8fa;
  --bad: #b3261e; --screen: #10141a; --glow: #e6edf3; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --page: #0d1117; --soft: #9198a1; --line: #3d444d;
  --paper: #161b22; --bad: #ff8f87; --screen: #010409; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; color: var(--text); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0; color: var(--soft); }
pre { margin: .25rem 0; padding: .75rem; overflow-x: auto; font: .8125rem/1.35 ui-monospace, monospace; border-radius: 6px;
  background: var(--paper); border: 1px solid var(--line); }
pre.error { border-left: 4px solid var(--bad); white-space: pre-wrap; overflow-wrap: anywhere; }
pre.log { max-height: 32rem; overflow-y: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  display: flex; flex-direction: column-reverse; }
pre.screen { background: var(--screen); color: var(--glow); width: fit-content; max-width: 100%; }
pre.screen b { font-weight: inherit; background: var(--glow); color: var(--screen); }
pre.screen i { font-style: normal; outline: 1px solid var(--glow); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .25rem 0; padding: .1rem .6rem; }
summary { cursor: pointer; font: .8125rem/1.6 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
summary .bad { color: var(--bad); font-weight: 600; }
""".strip()


def page(
    test: str,
    when: str,
    failure: str,
    sections: Sequence[tuple[str, str]],
    consoles: Sequence[ReportedConsole],
) -> str:
    """The page.

    Args:
        test: the test's name.
        when: the phase that failed: ``setup``, ``call`` or ``teardown``.
        failure: the report's text: the traceback with the error.
        sections: the report's sections; those of consoles are left out, because the page has more.
        consoles: what is known of the consoles.
    """
    phase = "" if when == "call" else f" in its {when}"
    body = [f"<h1>{_shown(test)}</h1>", f"<p>This test has failed{phase}.</p>", _pre(failure, "error")]
    for console in consoles:
        body += _console(console)
    for title, text in sections:
        if not title.startswith("uartsim console"):
            body += [f"<h2>{_shown(title)}</h2>", _pre(text)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # nothing is loaded or run, whatever a guest has sent
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_shown(test)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _console(console: ReportedConsole) -> list[str]:
    facts, record = console.facts, console.record
    told = [f"<h2>Console of {_shown(console.name)}</h2>"]
    told += [f"<p>Its guest is {_shown(console.guest)}.</p>"] if console.guest != console.name else []
    if facts is None or record is None:
        return [*told, f"<p>{_shown(console.trouble)}</p>"]
    if facts.findings:
        told += ["<h3>What was found</h3>", _pre("\n".join(facts.findings))]
    told += ["<h3>Steps, with the screen at the end of each</h3>"] if record.screens else []
    if (left_out := len(record.screens) - SHOWN_SCREENS) > 0:
        told.append(f"<p>{counted(left_out, 'earlier step')} {_are(left_out)} left out.</p>")
    shown = record.screens[-SHOWN_SCREENS:]
    told += [_step(each, is_open=each is shown[-1]) for each in shown]
    if record.last is not None:
        told += ["<h3>The screen when the test had failed</h3>", _screen(record.last)]
    return [*told, *_log(record)]


def _log(record: ConsoleRecord) -> list[str]:
    told = ["<h3>Log</h3>"]
    if record.lost:
        told.append(f"<p>{counted(record.lost, 'byte')} before these lines {_are(record.lost)} not kept.</p>")
    if (left_out := len(record.log) - SHOWN_LINES) > 0:
        told.append(
            f"<p>{counted(left_out, 'earlier line')} {_are(left_out)} left out: the file beside this page has all.</p>"
        )
    log = "\n".join(record.log[-SHOWN_LINES:])
    return [*told, _pre(log, "log") if log else "<p>The guest has sent nothing.</p>"]


def _step(seen: SeenScreen, *, is_open: bool) -> str:
    step = seen.step
    took = "under way" if step.seconds is None else f"{step.seconds:.3f} s"
    bad = f'  <span class="bad">{_shown(step.outcome)}</span>' if step.outcome else ""
    summary = f"<summary>{step.at:+9.3f} s  {took:>10}  {_shown(step.what)}{bad}</summary>"
    if seen.screen is None:
        screen = "<p>The bytes that drew this screen are not kept.</p>"
    else:
        screen = _screen(seen.screen)
    return f"<details{' open' if is_open else ''}>{summary}{screen}</details>"


def _screen(screen: Screen) -> str:
    """A screen: rows that have anything in reverse video are marked, and so is the place of the cursor."""
    row_of_cursor, column = screen.cursor
    last = max(row_of_cursor, len(screen.shown()) - 1)
    rows = []
    for number, line in enumerate(screen.lines[: last + 1]):
        if number == row_of_cursor:
            at = min(column, len(line) - 1)
            row = f"{_shown(line[:at])}<i>{_shown(line[at : at + 1])}</i>{_shown(line[at + 1 :].rstrip())}"
        else:
            row = _shown(line.rstrip())
        rows.append(f"<b>{row}</b>" if number in screen.reverse else row)
    return '<pre class="screen">\n' + "\n".join(rows) + "</pre>"


def _pre(text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<pre{named}>\n{_shown(text)}</pre>"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _shown(text: str) -> str:
    return html.escape(printable(text))
