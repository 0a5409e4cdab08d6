"""Write the manual pages of the command line from its help: ``uartsim.1``, and one for each command.

    python tools/man_pages.py --write DIR

A page has what ``--help`` has, in the macros of man(7).  ``build_backend`` has them written for every installation, which
puts them into ``share/man/man1``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from uartsim import __version__  # noqa: E402
from uartsim.cli.command_group import commands  # noqa: E402
from uartsim.cli.help_text import CommandGroup, examples_of  # noqa: E402

#: What only the page of uartsim itself has; the text is roff already.
_CLOSING: Final = """\
.SH EXIT STATUS
.TP
0
Done.
.TP
1
Something went wrong, or a guest has failed.
.TP
2
A mistake on the command line or in the configuration file; one sentence says what to do.
.TP
70
An unexpected error; the sentence names the report.
.TP
128 + N
Ended by signal N.
.SH ENVIRONMENT
.TP
.B UARTSIM_CONFIG
The configuration file; empty for none.
.TP
.B UARTSIM_RUNTIME_DIR
The folder of the running machines.
.TP
.B UARTSIM_DEBUG
1: show the traceback of an unexpected error.
.SH FILES
.TP
.I ~/.config/uartsim/config.toml
Defaults of options; see
.BR uartsim\\-config (1).
"""


def escaped(text: str) -> str:
    """Text as roff takes it, on a line of its own or within one."""
    text = (
        text.replace("\\", "\\(rs")
        .replace("-", "\\-")
        .replace("^", "\\(ha")
        .replace("~", "\\(ti")
        .replace("`", "\\(ga")
    )
    text = text.replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text


def paragraphs(text: str) -> Iterator[str]:
    """A docstring in roff: paragraphs are filled, and those behind a line with \\b stay as they are."""
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        lines = block.strip("\n").splitlines()
        if lines and lines[0].strip() == "\b":
            yield ".PP\n.nf"
            yield from (escaped(line) or ".sp" for line in lines[1:])
            yield ".fi"
        else:
            if number:
                yield ".PP"
            yield escaped(" ".join(" ".join(lines).split()))


def options(context: click.Context) -> Iterator[str]:
    """The options of a command, each as a tagged paragraph."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, text = record
            yield f".TP\n.B {escaped(names)}"
            yield escaped(" ".join(text.split())) or "\\&"


def _title(path: tuple[str, ...]) -> str:
    return "-".join(("uartsim", *path))


def _date() -> str:
    """The day of the build, or that of $SOURCE_DATE_EPOCH, so that a build can be repeated."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _command_list(group: click.Group, path: tuple[str, ...]) -> Iterator[str]:
    tasks = group.tasks if isinstance(group, CommandGroup) and group.tasks else {"": list(group.commands)}
    yield ".SH COMMANDS"
    for title, names in tasks.items():
        if title:
            yield f".SS {escaped(title)}"
        for name in names:
            yield f".TP\n.BR {escaped(_title((*path, name)))} (1)"
            yield escaped(group.commands[name].short_help or "")


def page(path: tuple[str, ...], context: click.Context) -> str:
    """The page of a command.

    Args:
        path: its words, without ``uartsim``.
        context: of the command.
    """
    command, title = context.command, _title(path)
    usage = " ".join(command.collect_usage_pieces(context))
    line = (command.short_help or "").rstrip(".")
    parts = [
        f'.TH {escaped(title.upper())} 1 {_date()} "uartsim {__version__}" "uartsim"',
        f".SH NAME\n{escaped(title)} \\- {escaped(line[:1].lower() + line[1:])}",
        f".SH SYNOPSIS\n.B {escaped(' '.join(('uartsim', *path)))}\n{escaped(usage)}",
        ".SH DESCRIPTION",
        *paragraphs((command.help or "").replace("\f", "")),
        ".SH OPTIONS",
        *options(context),
    ]
    if isinstance(command, click.Group):
        parts += _command_list(command, path)
    if examples := examples_of(command):
        parts += [".SH EXAMPLES", ".nf", *map(escaped, examples), ".fi"]
    if not path:
        parts.append(_CLOSING.rstrip("\n"))
    else:
        parts.append(f".SH SEE ALSO\n.BR {escaped(_title(path[:-1]))} (1)")
    return "\n".join(parts) + "\n"


def pages() -> Iterable[tuple[str, str]]:
    """The name and the text of every page."""

    def below(path: tuple[str, ...], command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
        context = click.Context(
            command, info_name=path[-1] if path else "uartsim", parent=parent, **command.context_settings
        )
        yield f"{_title(path)}.1", page(path, context)
        if isinstance(command, click.Group):
            for name, each in command.commands.items():
                yield from below((*path, name), each, context)

    return below((), commands, None)


def main() -> int:
    """Write the pages into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Write the manual pages of the command line.")
    parser.add_argument("--write", metavar="DIR", required=True, type=Path, help="the folder for them; made if missing")
    folder: Path = parser.parse_args().write
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
