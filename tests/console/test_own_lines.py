"""What a person is shown of a guest's output: its last lines, with commands in place of what ``run`` typed for them."""

from __future__ import annotations

from uartsim.console.shell.shell_line import ShellLine, ShellQuestion
from uartsim.console.text.cleaned_text import Transcript
from uartsim.console.text.own_lines import OwnLines


def shown(own: OwnLines, count: int = 99) -> list[tuple[float, str]]:
    return [(line.at, line.text) for line in own.last(count)]


def test_last_lines_come_with_the_time_of_their_first_byte() -> None:
    transcript = Transcript()
    transcript.feed(b"one\r\n\r\ntwo ", 1.0)
    transcript.feed(b"more\r\nthr", 2.0)
    transcript.feed(b"ee", 3.0)
    own = OwnLines(transcript)
    assert shown(own, 2) == [(1.0, "two more"), (2.0, "three")]
    assert shown(own) == [(1.0, "one"), (1.0, "two more"), (2.0, "three")]


def typed(own: OwnLines, transcript: Transcript, line: str, instead: str | None, columns: int, wrap: bytes) -> None:
    """Type a line at a guest that wraps its echo behind so many columns."""
    own.typing(line, instead)
    pieces = [line[at : at + columns].encode() for at in range(0, len(line), columns)]
    transcript.feed(wrap.join(pieces) + b"\r\n", 1.0)


def test_a_command_stands_in_place_of_its_line_however_its_echo_is_wrapped() -> None:
    for wrap in (b" \r", b"\r\n", b""):
        transcript = Transcript()
        own = OwnLines(transcript)
        line = ShellLine("ls -l 'a b'", "0a1b2c")
        transcript.feed(b"Welcome\r\n# ", 0.5)
        question = ShellQuestion("3d4e5f")
        typed(own, transcript, question.line, None, 60, wrap)
        transcript.feed(b"uartsim-3d4e5f-himBHs--shell\r\n# ", 1.0)
        typed(own, transcript, line.lines[0], "ls -l 'a b'", 60, wrap)
        transcript.feed(b"uartsim-0a1b2c-begin\r\ntotal 0\r\n\r\nuartsim-0a1b2c-0-0-end\r\n# ", 2.0)
        assert shown(own) == [(0.5, "Welcome"), (1.0, "# ls -l 'a b'"), (2.0, "total 0"), (2.0, "#")]
        assert shown(own, 2) == [(2.0, "total 0"), (2.0, "#")]
        assert "printf" in transcript.text  # it is hidden, not forgotten


def test_a_long_command_that_is_typed_in_pieces_is_shown_once() -> None:
    transcript = Transcript()
    own = OwnLines(transcript)
    command = "echo " + "x!" * 600
    line = ShellLine(command, "0a1b2c")
    assert len(line.lines) > 2
    for piece in line.lines:
        transcript.feed(b"# ", 1.0)
        typed(own, transcript, piece, command if piece == line.lines[-1] else None, 80, b" \r")
    transcript.feed(b"uartsim-0a1b2c-begin\r\n", 2.0)
    assert shown(own) == [(1.0, f"# {command}")]


def test_a_line_that_came_without_its_echo_hides_nothing() -> None:
    transcript = Transcript()
    own = OwnLines(transcript)
    own.typing(" :; something long", "ls")
    transcript.feed(b"one\r\ntwo\r\nuartsim is a word\r\n", 1.0)
    assert [text for _, text in shown(own)] == ["one", "two", "uartsim is a word"]


def bash_wrapped(line: str, columns: int) -> bytes:
    """A line as bash echoes it: the first character of each further row is written twice."""
    rows = [line[at : at + columns] for at in range(0, len(line), columns)]
    return "".join([rows[0], *(f"{row[0]}\r{row}" for row in rows[1:])]).encode()


def test_what_was_typed_before_a_snapshot_is_recognised() -> None:
    line, question = ShellLine("echo it's", "0a1b2c").lines[0], ShellQuestion("3d4e5f").line
    for known in (True, False):
        transcript = Transcript()
        own = OwnLines(transcript)
        for text, shown_as in ((question, None), (line, "echo it's")):
            transcript.feed(b"# ", 1.0)
            if known:
                own.typing(text, shown_as)
            transcript.feed(bash_wrapped(text, 50) + b"\r\n", 1.0)
        transcript.feed(b"uartsim-0a1b2c-begin\r\nit's\r\n", 2.0)
        assert [text for _, text in shown(own)] == ["# echo it's", "it's"]
