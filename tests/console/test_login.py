"""Logging in, against a getty of a few lines in virtual time, with every accident that real ones have."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from tests.console.fakes import FakeClient, FakeMachine, run_virtually
from uartsim.console.console import Console
from uartsim.console.console_errors import ExpectTimeout, GuestEnded, LoginFailed
from uartsim.console.login_dialogue import NUDGE_S


class Getty:
    """agetty, login and a shell, as far as a person at the line can tell."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.password = "toor"
        self.prompt = "root@demo:~# "
        self.greeting = "Linux demo 6.1.0\r\nLast login: Mon Jan  1 00:00:00 UTC 2024 on ttyS0\r\n"
        self.names: list[str] = []
        self.answers: list[str] = []
        self.commands: list[str] = []
        self._read = 0

    async def line(self, echo: bool = True) -> str:
        """What was typed up to Enter."""
        typed = bytearray()
        while True:
            await self.client.wait_typed(self._read + 1)
            byte = self.client.typed[self._read : self._read + 1]
            self._read += 1
            if byte == b"\r":
                self.client.say(b"\r\n")
                return typed.decode()
            typed += byte
            if echo:
                self.client.say(byte)

    async def run(self, boot_s: float = 0.0) -> None:
        await trio.sleep(boot_s)
        self._read = len(self.client.typed)  # the flush of agetty
        while True:
            self.client.say(b"\r\nDebian GNU/Linux 12 demo ttyS0\r\n\r\ndemo login: ")
            name = await self.line()
            if not name:
                continue
            self.names.append(name)
            self.client.say(b"Password: ")
            self.answers.append(await self.line(echo=False))
            if self.answers[-1] == self.password:
                await self.shell()
            else:
                await trio.sleep(3)
                self.client.say(b"\r\nLogin incorrect")

    async def shell(self) -> None:
        self.client.say(self.greeting.encode())
        while True:
            self.client.say(b"\x1b[?2004h" + self.prompt.encode())
            command = await self.line()
            self.client.say(b"\x1b[?2004l\r")
            self.commands.append(command)
            if command.startswith("echo "):
                self.client.say(command[5:].replace('"', "").encode() + b"\r\n")


def log_in(
    prepare: Callable[[Getty], None] = lambda getty: None,
    boot_s: float = 0.0,
    account: tuple[str, str] | None = None,
    **options: float | str,
) -> tuple[Getty, float]:
    """Log in to a guest that has an account of its own, or not; returns the getty, and the seconds that it took."""
    gettys: list[Getty] = []

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        gettys.append(Getty(client))
        prepare(gettys[0])
        machine.guest = SimpleNamespace(account=account)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gettys[0].run, boot_s)
            try:
                await console.login(**options)  # type: ignore[arg-type]
                assert console.text.endswith(gettys[0].prompt)
                assert console.unread == ""
                await console.sendline("echo hello")
                assert (await console.expect("^hello$", timeout=1)).after == "hello"
            finally:
                nursery.cancel_scope.cancel()

    try:
        seconds = run_virtually(scenario)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return gettys[0], seconds


def test_name_and_password_are_typed_once_each_and_quickly() -> None:
    getty, seconds = log_in()
    assert (getty.names, getty.answers, getty.commands) == (["root"], ["toor"], ["echo hello"])
    assert seconds < 1


@pytest.mark.parametrize(
    ("account", "options", "typed"),
    [
        (("alice", "secret"), {}, ("alice", "secret")),
        (("alice", "secret"), {"user": "alice"}, ("alice", "secret")),
        (("alice", "secret"), {"password": "other"}, ("alice", "other")),
        (("alice", "secret"), {"user": "root"}, ("root", "toor")),
        (("alice", "secret"), {"user": "bob", "password": "b"}, ("bob", "b")),
        (None, {"user": "bob"}, ("bob", "toor")),
    ],
)
def test_account_of_the_guest_is_the_default(
    account: tuple[str, str] | None, options: dict[str, Any], typed: tuple[str, str]
) -> None:
    def expect(getty: Getty) -> None:
        getty.password = typed[1]
        getty.prompt = f"{typed[0]}@demo:~$ "

    getty, _ = log_in(expect, account=account, **options)
    assert (getty.names, getty.answers) == ([typed[0]], [typed[1]])


def test_late_getty_gets_nothing_but_enters_before_its_prompt() -> None:
    getty, seconds = log_in(boot_s=22)
    assert (getty.names, getty.answers) == (["root"], ["toor"])
    assert set(getty.client.typed[: getty.client.typed.index(b"root")]) <= {13}
    assert seconds < 23


def test_wrong_password_is_told_in_the_guests_words_at_once() -> None:
    with pytest.raises(LoginFailed, match="login as 'root' failed: the guest says: Login incorrect"):
        log_in(password="wrong")


def test_any_prompt_will_do() -> None:
    for prompt in ("# ", "$ ", "demo> ", "~ # ", "➜ ❯ ", "[root@demo ~]# "):
        getty, _ = log_in(lambda getty, prompt=prompt: setattr(getty, "prompt", prompt))  # type: ignore[misc]
        assert getty.commands == ["echo hello"]


def test_unknown_prompt_is_asked_whether_it_is_a_shell() -> None:
    getty, _ = log_in(lambda getty: setattr(getty, "prompt", "ready when you are: "))
    assert len(getty.commands) == 2
    assert getty.commands[0].startswith('echo uartsim-""')


def test_login_in_a_shell_returns_without_typing_anything() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"uptime\r\n up 1 min\r\nroot@demo:~# ")
        await console.expect("# ")
        await console.login()
        client.say(b"\r\n\x1b[1m~ # \x1b[0m")
        await console.login()
        assert client.typed == b""

    run_virtually(scenario)


def test_prompt_that_was_read_already_is_still_answered() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Getty(client).run)
            await console.expect("login: ")
            await console.login(timeout=2)
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_kernel_line_behind_the_prompt_does_not_hide_it() -> None:
    def noisy(getty: Getty) -> None:
        getty.prompt = "root@demo:~# [   12.345678] random: crng init done\r\n"

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        getty = Getty(client)
        noisy(getty)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(getty.run)
            await console.expect("login: ")
            client.say(b"[    9.000000] sd 0:0:0:0: [sda] Attached SCSI disk\r\n")
            await console.login(timeout=3)
            nursery.cancel_scope.cancel()
        assert getty.commands == []

    run_virtually(scenario)


def test_prompt_of_the_boot_before_is_no_shell_to_be_in() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"root@demo:~# reboot\r\nroot@demo:~# [   38.422538] reboot: Restarting system\r\n")
        await console.expect("reboot: Restarting system")
        getty = Getty(client)
        async with trio.open_nursery() as nursery:

            async def boot_quietly() -> None:
                await trio.sleep(30)
                await getty.run()

            nursery.start_soon(boot_quietly)
            await console.login(timeout=40)
            nursery.cancel_scope.cancel()
        assert b"root\r" in client.typed

    run_virtually(scenario)


def test_password_follows_no_name_that_came_back_wrong() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                client.say(b"demo login: ")
                await client.wait_enters(1)
                client.say(b"ot\r\nPassword: ")
                await client.wait_enters(2)
                await Getty(client).run(0.1)

            await console.login()
            nursery.cancel_scope.cancel()
        assert client.typed == b"root\r\rroot\rtoor\r"

    run_virtually(scenario)


def test_somebody_elses_half_login_is_let_fail_first() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"demo login: bob\r\nPassword: ")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                await client.wait_enters(1)
                assert client.typed == b"\r"
                client.say(b"\r\n\r\nLogin incorrect\r\n")
                await Getty(client).run()

            await console.login()
            nursery.cancel_scope.cancel()
        assert client.typed == b"\rroot\rtoor\r"

    run_virtually(scenario)


def test_old_refusal_on_the_screen_is_not_ours() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"\r\nLogin incorrect\r\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Getty(client).run)
            await console.login()
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_demand_for_a_new_password_is_told() -> None:
    with pytest.raises(LoginFailed, match="demands a new password: You are required to change your password"):
        log_in(
            lambda getty: setattr(
                getty, "greeting", "You are required to change your password immediately.\r\nCurrent password: \r\n"
            )
        )


class Changing(Getty):
    """A getty whose account wants a new password."""

    verdict = ""
    last = "passwd: password updated successfully\r\n"

    async def shell(self) -> None:
        self.client.say(b"You are required to change your password immediately (administrator enforced).\r\n")
        for question in (
            "Changing password for root.\r\nCurrent password: ",
            "New password: ",
            "Retype new password: ",
        ):
            self.client.say(question.encode())
            self.answers.append(await self.line(echo=False))
        if self.verdict:
            self.client.say(self.verdict.encode())
            await trio.sleep_forever()
        self.client.say(self.last.encode())
        self.password = self.answers[-1]
        if self.last.startswith("passwd: all"):
            self.shell = super().shell  # type: ignore[method-assign]
        else:
            await super().shell()


def change_password(**attributes: str) -> tuple[FakeClient, Changing]:
    """Log in where a new password is demanded."""
    found: list[tuple[FakeClient, Changing]] = []

    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        getty = Changing(client)
        for name, value in attributes.items():
            setattr(getty, name, value)
        found.append((client, getty))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(getty.run)
            try:
                await console.login(new_password="much better")
                assert console.text.endswith(getty.prompt)
            finally:
                nursery.cancel_scope.cancel()

    try:
        run_virtually(scenario)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return found[0]


def test_new_password_is_given_where_it_is_demanded_and_nothing_of_it_is_recorded() -> None:
    client, getty = change_password()
    assert getty.answers == ["toor", "toor", "much better", "much better"]
    assert client.secrets == [answer.encode() for answer in getty.answers]
    assert b"".join(client.secrets) in client.typed.replace(b"\r", b"")


def test_new_password_that_the_guest_refuses_is_told() -> None:
    with pytest.raises(LoginFailed, match="refuses the new password: BAD PASSWORD: it is too simple"):
        change_password(verdict="\r\nBAD PASSWORD: it is too simple\r\n")


def test_guest_that_wants_another_login_with_the_new_password_gets_it() -> None:
    _, getty = change_password(last="passwd: all tokens changed\r\n")
    assert getty.names == ["root", "root"]
    assert getty.answers[-2:] == ["much better", "much better"]


def test_message_of_the_day_with_a_frame_of_prompt_characters_is_no_prompt() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        getty = Getty(client)

        async def slow_shell() -> None:
            client.say(b"\r\n##########")
            await trio.sleep(0.3)
            client.say(b"####\r\n# welcome\r\n> login: only for the brave\r\n")
            getty.greeting = ""
            await Getty.shell(getty)

        getty.shell = slow_shell  # type: ignore[method-assign]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(getty.run)
            await console.login()
            assert console.text.endswith(getty.prompt)
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


@pytest.mark.parametrize(
    ("question", "typed"),
    [
        ("Give root password for maintenance\r\n(or press Control-D to continue): ", b"toor\r"),
        ("Press Enter for maintenance\r\n(or press Control-D to continue): ", b"\r"),
        ("Press Enter for emergency shell or wait 4 minutes 59 seconds for reboot (or press Control-D) ", b"\r"),
    ],
)
@pytest.mark.parametrize("prompt", ["root@demo:~# ", "sh-5.2# ", ":/root# "])
def test_emergency_mode_is_logged_in_to(question: str, typed: bytes, prompt: str) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b'You are in emergency mode. After logging in, type "journalctl -xb" to view\r\n')
        client.say(question.encode())
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def sulogin() -> None:
                await client.wait_enters(1)
                client.say(b"\r\n" + prompt.encode())

            await console.login(timeout=20)
        assert client.typed == typed

    run_virtually(scenario)


@pytest.mark.parametrize(("kind", "seconds"), [("device", 1), ("socket", 1), ("qemu", 5)])
def test_a_machine_elsewhere_that_says_nothing_gets_its_first_enter_soon(kind: str, seconds: float) -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        machine.guest = SimpleNamespace(kind=kind)
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def shell() -> None:
                await client.wait_enters(1)
                assert seconds - 0.1 <= trio.current_time() - begin <= seconds + 0.5
                client.say(b"\r\nroot@demo:~# ")

            await console.login(timeout=20)

    run_virtually(scenario)


EMERGENCY = b"You are in emergency mode.\r\nGive root password for maintenance\r\n(or press Control-D to continue): "


def test_emergency_mode_that_is_started_again_is_answered_again() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(EMERGENCY)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def systemd() -> None:
                await client.wait_enters(1)  # to a sulogin that is being stopped
                client.say(b"\r\n" + EMERGENCY)
                await client.wait_enters(2)
                client.say(b"\r\nroot@demo:~# ")

            await console.login(timeout=20)
        assert client.typed == b"toor\rtoor\r"

    run_virtually(scenario)


def test_emergency_mode_that_asks_for_ever_refuses() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(EMERGENCY)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def systemd() -> None:
                for answers in range(1, 9):
                    await client.wait_enters(answers)
                    client.say(b"\r\n" + EMERGENCY)

            with pytest.raises(LoginFailed, match="asks again"):
                await console.login(timeout=60)
            nursery.cancel_scope.cancel()
        assert client.typed == b"toor\r" * 4

    run_virtually(scenario)


def test_shell_of_the_initial_ramdisk_is_a_shell() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"BusyBox v1.35.0\r\n(initramfs) ")
        await console.login(timeout=3)
        assert client.typed == b""

    run_virtually(scenario)


def test_lost_first_characters_of_the_name_cost_an_attempt_and_no_password() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            getty = Getty(client)

            @nursery.start_soon
            async def guest() -> None:
                client.say(b"demo login: ")
                await client.wait_enters(1)
                client.say(b"oot\r\nPassword: ")  # the r came while the getty still set up its tty
                await client.wait_enters(2)
                client.say(b"\r\nLogin incorrect\r\n")
                await getty.run()

            await console.login()
            nursery.cancel_scope.cancel()
        assert getty.answers == ["toor"]
        assert client.secrets == [b"toor"]

    run_virtually(scenario)


def test_guest_that_refuses_without_a_word_is_not_asked_for_ever() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:
            getty = Getty(client)

            @nursery.start_soon
            async def guest() -> None:
                while True:
                    client.say(b"\r\nlogin: ")
                    await getty.line()
                    client.say(b"Password: ")
                    await getty.line(echo=False)

            with pytest.raises(LoginFailed, match="asked for the name 4 times more"):
                await console.login(timeout=600)
            nursery.cancel_scope.cancel()

    run_virtually(scenario)


def test_account_without_a_password_needs_none() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def guest() -> None:
                getty = Getty(client)
                client.say(b"buildroot login: ")
                await getty.line()
                getty.greeting, getty.prompt = "", "# "
                await getty.shell()

            await console.login()
            nursery.cancel_scope.cancel()
        assert client.typed == b"root\r"

    run_virtually(scenario)


def test_enter_is_pressed_after_silence_but_not_in_a_boot_menu() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        with pytest.raises(ExpectTimeout, match="a login prompt was expected, to log in as 'root'"):
            await console.login(timeout=2.5 * NUDGE_S)
        assert client.typed == b"\r\r"
        client.say(b"GNU GRUB  version 2.06\r\n*Debian GNU/Linux")
        with pytest.raises(ExpectTimeout):
            await console.login(timeout=60)
        assert client.typed == b"\r\r"
        client.say(b"\r\nWelcome to Alpine\r\nalpine login: h")  # the boot was quiet: the menu is not far above
        with pytest.raises(ExpectTimeout):
            await console.login(timeout=1.5 * NUDGE_S)
        assert client.typed == b"\r\r\r"

    run_virtually(scenario)


def test_guest_that_ends_ends_the_login() -> None:
    async def scenario(console: Console, client: FakeClient, machine: FakeMachine) -> None:
        client.say(b"reboot: Power down\r\n")
        client.end()
        with pytest.raises(GuestEnded, match="Power down"):
            await console.login()

    assert run_virtually(scenario) < 1
