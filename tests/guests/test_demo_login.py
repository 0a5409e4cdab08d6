"""The demo guest's agetty and login: editing the name, wrong passwords, time-out, respawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tests.guests.fake_tty import Line, running_demo
from tests.machine.rig import virtual_time

PROMPT = "demo login: "
RESPAWN = "\r\r\nDebian GNU/Linux 12 demo ttyS0\r\n"


@asynccontextmanager
async def at_login(**settings: Any) -> AsyncIterator[Line]:
    async with running_demo(**settings) as line:
        await line.expect(RESPAWN)
        await line.expect(PROMPT)
        yield line


@virtual_time
async def test_the_issue_says_that_this_is_a_scripted_guest() -> None:
    async with at_login() as line:
        assert "scripted guest of uartsim" in line.before.decode()


@pytest.mark.parametrize("end", ["\r", "\n"])
@virtual_time
async def test_cr_and_lf_both_end_the_name_and_the_password(end: str) -> None:
    async with at_login() as line:
        line.type("root" + end)
        await line.expect("root\r\r\nPassword: ")
        line.type("toor" + end)
        await line.expect(
            "\r\nLinux demo 6.1.0-18-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01) x86_64\r\n"
        )
        await line.expect("root@demo:~# ")


@virtual_time
async def test_the_password_is_not_echoed() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        assert b"toor" not in line.before


@virtual_time
async def test_enter_at_an_empty_name_prompts_again() -> None:
    async with at_login() as line:
        line.type("\r")
        assert await line.silence(1) == b"\r\r\n" + PROMPT.encode()


@virtual_time
async def test_the_name_can_be_edited() -> None:
    async with at_login() as line:
        line.type(b"ab\x7fc\x08d\x15root\r")
        await line.expect(b"ab\x08 \x08c\x08 \x08d\x08 \x08\x08 \x08root\r\r\nPassword: ")
        line.type("toor\r")
        await line.expect("# ")


@virtual_time
async def test_ctrl_c_at_the_name_is_nothing_and_ctrl_d_starts_agetty_anew() -> None:
    async with at_login() as line:
        line.type("x\x03")
        await line.expect("x")
        line.type("\x04")
        await line.expect(RESPAWN)
        await line.expect(PROMPT)


@virtual_time
async def test_ctrl_c_at_the_password_brings_agetty_back() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("\x03")
        await line.expect(RESPAWN)


@pytest.mark.parametrize(("name", "password"), [("root", "wrong"), ("nobody", "toor"), ("root", "")])
@virtual_time
async def test_a_wrong_login_is_incorrect_after_a_while(name: str, password: str) -> None:
    async with at_login() as line:
        line.type(name + "\r")
        await line.expect("Password: ")
        start = trio.current_time()
        line.type(password + "\r")
        await line.expect("\r\n\r\nLogin incorrect\r\ndemo login: ")
        assert 2 <= trio.current_time() - start <= 3
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")


@virtual_time
async def test_time_scale_shortens_the_wait_for_login_incorrect() -> None:
    async with at_login(time_scale=0.1) as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("x\r")
        await line.expect("Login incorrect", 0.3)


@virtual_time
async def test_five_failures_are_the_maximum() -> None:
    async with at_login() as line:
        for _ in range(5):
            line.type("root\r")
            await line.expect("Password: ")
            line.type("x\r")
            await line.expect("Login incorrect\r\n")
        await line.expect("Maximum number of tries exceeded (5)\r\n" + RESPAWN)


@virtual_time
async def test_login_times_out_after_60_seconds() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        start = trio.current_time()
        await line.expect("\r\nLogin timed out after 60 seconds.\r\n" + RESPAWN)
        assert trio.current_time() - start == pytest.approx(60, abs=1)
        await line.expect(PROMPT)


@virtual_time
async def test_the_timeout_is_a_setting() -> None:
    async with at_login(login_timeout=5) as line:
        line.type("root\r")
        await line.expect("Login timed out after 5 seconds.", 6)


@virtual_time
async def test_a_session_does_not_time_out() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        assert await line.silence(3600) == b""


@virtual_time
async def test_a_password_typed_before_its_prompt_is_forgotten() -> None:
    async with at_login() as line:
        line.type("root\rtoor\r")
        await line.expect("Password: ")
        assert await line.silence(10) == b""


@virtual_time
async def test_what_is_typed_while_agetty_starts_is_forgotten() -> None:
    async with running_demo() as line:
        await line.expect("graphical.target")
        line.type("garbage\r")
        await line.expect(PROMPT)
        assert await line.silence(1) == b""


@virtual_time
async def test_the_second_login_says_when_the_last_one_was() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        assert b"Last login" not in line.before
        line.type("exit\r")
        await line.expect("exit\r\nlogout\r\n")
        await line.log_in()
        assert b"Last login: " in line.before
        assert b" on ttyS0\r\n" in line.before


@virtual_time
async def test_ctrl_d_logs_out() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        line.type("\x04")
        await line.expect("\r\nlogout\r\n" + RESPAWN)


@virtual_time
async def test_passwd_changes_the_password() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        line.type("passwd\r")
        await line.expect("New password: ")
        line.type("secret\r")
        await line.expect("Retype new password: ")
        line.type("secret\r")
        await line.expect("passwd: password updated successfully\r\n")
        line.type("exit\r")
        await line.log_in(password="secret")


@virtual_time
async def test_a_new_session_finds_a_sane_terminal() -> None:
    async with at_login() as line:
        line.type("root\r")
        await line.expect("Password: ")
        line.type("toor\r")
        await line.expect("# ")
        line.type("stty -echo -icrnl; exit\r")
        await line.log_in()
        assert await line.run("echo fine") == "fine\n"
