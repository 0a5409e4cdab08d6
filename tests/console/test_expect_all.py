"""``expect_all``, and what must not come before what is waited for."""

from __future__ import annotations

import itertools
import re

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim import blocking
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, ProblemFound, UnwantedOutput
from uartsim.errors import UsageError

BOOT = "udev started\r\nnet up\r\nssh up\r\ndemo login: "


def test_all_come_in_any_order_and_are_returned_in_that_of_the_call() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                for line in (b"net up\r\n", b"udev 252\r\n", b"ssh up\r\n", b"demo login: "):
                    await trio.sleep(1)
                    client.say(line)

            ssh, udev, net = await console.expect_all(["ssh up", re.compile(r"udev (\d+)"), "net up"])
        assert (ssh.index, udev.index, net.index) == (0, 1, 2)
        assert (net.before, udev.before, ssh.before) == ("", "\n", "\n")
        assert udev.group(1) == "252"
        assert [round(match.elapsed) for match in (net, udev, ssh)] == [1, 2, 3]
        assert (console.before, console.after, console.match) == ("net up\nudev 252\n", "ssh up", ssh)
        assert (await console.expect("login: ")).before == "\ndemo "

    run_virtually(scenario)


def test_those_that_are_missing_are_named_and_nothing_is_consumed() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(BOOT.encode())
        with pytest.raises(ExpectTimeout) as caught:
            await console.expect_all(["net up", "cron up", "ntp up", "ssh up"], timeout=5)
        first = str(caught.value).splitlines()[0]
        assert first.startswith(
            "'cron up' and 'ntp up' were expected beside 'net up' and 'ssh up', which came, and fake did not send them "
            "within 5 s"
        )
        assert console.before == console.unread == BOOT.replace("\r", "")

    assert run_virtually(scenario) == pytest.approx(5)


def test_a_text_stands_for_one_of_them_only() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"up up")
        first, second = await console.expect_all(["up", "up"], timeout=0)
        assert (first.before, second.before) == ("", " ")
        client.say(b"up")
        with pytest.raises(ExpectTimeout, match=r"\A'up' was expected beside 'up', which came"):
            await console.expect_all(["up", "up"], timeout=1)

    run_virtually(scenario)


@given(st.lists(st.integers(0, len(BOOT)), max_size=8), st.permutations(["udev", "net up", r"ssh (\w+)", "login: "]))
def test_the_pieces_in_which_the_output_comes_make_no_difference(cuts: list[int], patterns: list[str]) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        edges = [0, *sorted(cuts), len(BOOT)]
        for start, end in itertools.pairwise(edges):
            if start < end:
                client.say(BOOT[start:end].encode())
        matches = await console.expect_all(patterns, timeout=5)
        found = {pattern: match.after for pattern, match in zip(patterns, matches, strict=True)}
        assert found == {"udev": "udev", "net up": "net up", r"ssh (\w+)": "ssh up", "login: ": "login: "}
        assert console.unread == ""

    run_virtually(scenario)


@pytest.mark.parametrize("unwanted", [r"alarm: (\w+)", [re.compile("oops"), r"alarm: (\w+)"]])
@pytest.mark.parametrize("verb", ["expect", "expect_all"])
def test_what_must_not_come_first_ends_the_wait_at_once(verb: str, unwanted: object) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                await trio.sleep(2)
                client.say(b"alarm: disk gone\r\ndemo login: ")

            with pytest.raises(UnwantedOutput) as caught:
                await getattr(console, verb)(["login: "], not_matching=unwanted)
        message = str(caught.value)
        assert message.startswith(
            "'login: ' was expected, and fake sent first what must not come before it: "
            "'alarm: (\\\\w+)', as 'alarm: disk'"
        )
        assert message.endswith("+2.000 s  demo login:")
        assert caught.value.match.group(1) == "disk"
        assert (console.match, console.unread) == (None, "alarm: disk gone\ndemo login: ")

    assert run_virtually(scenario) == pytest.approx(2)


def test_what_comes_after_what_is_waited_for_is_not_looked_at() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"demo login: panic")
        await console.expect("login: ", timeout=0, not_matching="panic")
        await console.expect("panic")
        client.say(b"one two panic")
        await console.expect_all(["two", "one"], timeout=0, not_matching="panic")
        assert console.unread == " panic"

    run_virtually(scenario)


def test_what_was_consumed_before_the_wait_is_not_looked_at() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"panic\r\n$ ")
        await console.expect(r"\$ ")
        client.say(b"login: ")
        await console.expect("login: ", not_matching="panic")

    run_virtually(scenario)


@pytest.mark.parametrize(
    ("patterns", "unwanted", "why"),
    [
        (
            "login: ",
            None,
            r"expect_all\(\) needs a list of patterns, not 'login: ': for one there is expect\(\)",
        ),
        ([], None, "an empty list was given: say what to expect"),
        (["(", "a"], None, "'\\('"),
        ([ExpectTimeout, "a"], None, "cannot be expected: give text"),
        (["a"], "(", "'\\('"),
        (["a"], 7, "7 cannot be expected: give text"),
    ],
)
def test_what_cannot_be_waited_for_is_said_before_the_wait(patterns: object, unwanted: object, why: str) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(UsageError, match=why):
            await console.expect_all(patterns, not_matching=unwanted)  # type: ignore[arg-type]

    assert run_virtually(scenario) == 0


@pytest.mark.parametrize("unwanted", ["failed.*", r"failed(?! not)", r"\w+ed"])
@pytest.mark.parametrize("verb", ["expect", "expect_all"])
@given(cuts=st.lists(st.integers(0, 40), max_size=6))
def test_what_must_not_come_first_may_go_on_to_the_end_of_the_line(verb: str, unwanted: str, cuts: list[int]) -> None:
    text = "net up\r\ndisk failed again login: "

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        for start, end in itertools.pairwise([0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]):
            if start < end:
                client.say(text[start:end].encode())
        with pytest.raises(UnwantedOutput) as caught:
            await getattr(console, verb)(["login: "], 1, not_matching=unwanted)
        assert caught.value.match.start() < caught.value.match.string.index("login: ")
        await console.expect(["login: "], 1, not_matching=["login.*", ": $"])

    run_virtually(scenario)


def test_what_was_typed_is_not_what_must_not_come_first() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        await console.sendline("grep failed.log")
        client.say(b"grep failed.log\r\nnothing found")
        await console.expect("nothing", 1, not_matching="failed.*")
        client.say(b"\r\nfailed.log found")
        with pytest.raises(UnwantedOutput, match=r"'failed.\*', as 'failed.log found'"):
            await console.expect(["log found"], 1, not_matching="failed.*")

    run_virtually(scenario)


def test_fixed_texts_may_be_unwanted() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"[ok] login: ")
        await console.expect_exact("[ok]", 1, not_matching=["(", "k."])
        with pytest.raises(UnwantedOutput, match=r"'n: ' was expected, .* before it: 'log'"):
            await console.expect_exact("n: ", 1, not_matching=("log", re.compile("i.")))

    run_virtually(scenario)


def test_a_problem_that_is_one_of_those_expected_ends_no_wait_for_the_rest() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                client.say(b"[    1.0] Kernel panic - not ")
                await trio.sleep(0.1)
                client.say(b"syncing: VFS: Unable to mount root fs\r\n")
                await trio.sleep(3)
                client.say(b"rebooting")
                await trio.sleep(1)
                client.say(b"\r\n[    1.0] Kernel panic - not syncing: again\r\n")

            await console.expect_all(["Kernel panic", "rebooting"], timeout=10)
            with pytest.raises(ProblemFound, match="again"):
                await console.expect_all(["login: ", "rebooted"], timeout=10)

    run_virtually(scenario)


def test_blocking_consoles_have_both() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        lines = console.expect_all(
            ["Linux version", "GNU GRUB|Booting", "login: "], not_matching=["Oops", "Kernel panic"]
        )
        assert [line.index for line in lines] == [0, 1, 2]
        console.sendline("root")
        with pytest.raises(UnwantedOutput, match="must not come before it: 'Password: '"):
            console.expect("# $", not_matching="Password: ")
