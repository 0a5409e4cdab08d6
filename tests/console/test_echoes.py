"""What was typed never matches when it comes back; what the guest answers does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout

TYPED = "sleep 5; echo finished"
KERNEL = "[    1.234567] random: crng init done\r\n"


def answer(typed: str, pieces: Sequence[str], pattern: str) -> tuple[str, str] | None:
    """What is matched, and what stood before it, in what comes after a line was typed; None if nothing is."""
    found: list[tuple[str, str]] = []

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"root@demo:~# ")
        await console.expect_exact("~# ")
        await console.sendline(typed)
        for piece in pieces:
            client.say(piece.encode())
        match = await console.expect([pattern, ExpectTimeout], timeout=1)
        if match.index == 0:
            found.append((match.before, match.after))

    run_virtually(scenario)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("echo", "pattern", "before", "after"),
    [
        (TYPED, "finished", TYPED + "\n", "finished"),
        (TYPED, "finished\n", TYPED + "\n", "finished\n"),
        (TYPED, "\n\\w+\n", TYPED, "\nfinished\n"),  # the line end is not typed text
        (TYPED, "(?s)sleep.*# ", None, ""),
        ("sleep 5; ec" + KERNEL + "ho finished", "finished", "sleep 5; ec[", "finished"),
        (TYPED[:12] + " \r" + TYPED[12:], "finished", TYPED[:12], "finished"),
    ],
)
def test_echo_is_read_past(echo: str, pattern: str, before: str | None, after: str) -> None:
    found = answer(TYPED, [echo + "\r\nfinished\r\nroot@demo:~# "], pattern)
    if before is None:
        assert found is None
    else:
        assert found is not None
        assert found[0].startswith(before)
        assert found[1] == after
        assert "finished" in found[0]  # the echo, which was read past


@pytest.mark.parametrize(("typed", "says"), [("status", "status: fine\r\n"), ("no", "note: fine\r\n"), ("", "fine")])
def test_guest_that_echoes_nothing_is_heard(typed: str, says: str) -> None:
    found = answer(typed, [says], "(status|note)?(: )?fine")
    assert found is not None
    assert found[0] == ""


def test_what_a_program_repeats_is_no_echo() -> None:
    assert answer("hello", ["hello\r\n", "hello\r\n"], "hello") == ("hello\n", "hello")
    assert answer("hello", ["hello\r\n", "hello\r\n"], "^hello$") == ("hello\n", "hello")


def test_match_around_an_echo_is_one() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"root@demo:~# ")
        await console.wait_for_quiet(1)
        await console.sendline(TYPED)
        client.say(TYPED.encode() + b"\r\nfinished\r\nroot@demo:~# ")
        match = await console.expect(r"(?s)root@.*\nfinished\n", timeout=1)
        assert match.after == f"root@demo:~# {TYPED}\nfinished\n"

    run_virtually(scenario)


def test_error_says_that_only_the_echo_was_there() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sendline("echo hello")
        client.say(b"# echo hello\r\n# ")
        with pytest.raises(ExpectTimeout, match=r"what was typed came back, and an echo never matches"):
            await console.expect_exact("echo hello", timeout=1)
        assert console.unread == "# echo hello\n# "
        assert (await console.expect("# $")).before == "# echo hello\n"

    run_virtually(scenario)


@given(
    st.lists(st.integers(0, 70), max_size=8), st.sampled_from(["finished", "fin", "e", "finished$", r"echo \w+\n.*"])
)
def test_answer_does_not_depend_on_how_it_was_cut(cuts: list[int], pattern: str) -> None:
    text = TYPED + "\r\n" + "one\r\nfinished\r\nroot@demo:~# "
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(places) if a < b]
    assert answer(TYPED, pieces, pattern) == answer(TYPED, [text], pattern)
