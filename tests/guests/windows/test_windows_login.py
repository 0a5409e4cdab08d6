"""The guest ``windows``: logging on to a Command Prompt, its lock and its time-out."""

from __future__ import annotations

import pytest

from tests.guests.windows.windows_line import PASSWORD, PROMPT, USER, running_windows, unpadded
from tests.machine.rig import virtual_time


@virtual_time
async def test_a_wrong_password_is_refused_and_asked_for_again() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.open_channel()
        await line.log_on(password="wrong")
        await line.expect(b"The user name or password is incorrect.")
        assert PROMPT not in await line.silence(1)
        line.send(b"Administrator\r")
        await line.expect(b"Domain  : ")
        line.send(b"WIN-UARTSIM\r")
        await line.expect(b"Password: ")
        line.send(PASSWORD.encode() + b"\r")
        await line.expect(PROMPT)


@pytest.mark.parametrize(
    ("user", "domain"), [("nobody", ""), ("", ""), (USER, "CONTOSO"), ("Guest", ""), ("x\\y\\z", "")]
)
@virtual_time
async def test_who_may_not_log_on_does_not(user: str, domain: str) -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.open_channel()
        await line.expect(b"Username: ")
        line.send(user.encode() + b"\r")
        await line.expect(b"Domain  : ")
        line.send(domain.encode() + b"\r")
        await line.expect(b"Password: ")
        line.send(PASSWORD.encode() + b"\r")
        await line.expect(b"The user name or password is incorrect.")


@virtual_time
async def test_the_password_is_shown_as_asterisks_only() -> None:
    async with running_windows(password="s3cret-Paßwort") as line:
        await line.at_sac()
        await line.open_channel()
        await line.log_on(password="s3cret-Paßwort")
        shown = await line.expect(PROMPT)
        assert b"*" * len("s3cret-Paßwort") + b" " in shown
        assert b"s3cret" not in shown


@virtual_time
async def test_ctrl_c_starts_the_login_again() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.open_channel()
        await line.expect(b"Username: ")
        line.send(b"some\x03")
        await line.expect(b"Please enter login credentials.")
        await line.log_on()
        await line.expect(PROMPT)


@virtual_time
async def test_exit_closes_the_channel_and_shows_sac() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        line.send(b"exit\r")
        assert b"\x1b[2J" in await line.expect(b"EVENT:   A channel has been closed.")
        await line.expect(b"SAC>")
        assert "Cmd0001" not in await line.sac("ch")


@virtual_time
async def test_a_user_who_is_no_administrator_may_look_but_not_change() -> None:
    async with running_windows() as line:
        await line.at_sac()
        assert (await line.run_command("net user bob Secret-123 /add"))[0] == 0
        await line.open_channel()
        await line.log_on("bob", "Secret-123")
        await line.expect(PROMPT)
        assert await line.cmd("whoami") == "win-uartsim\\bob"
        assert "Access is denied." in await line.cmd("bcdedit /ems {current} off")
        assert "Access is denied." in await line.cmd("bcdedit")
        assert "Access is denied." in await line.cmd("net user bob other")
        assert "Access is denied." in await line.cmd("sc stop termservice")
        assert "elevation" in await line.cmd("netsh advfirewall set allprofiles state off")
        assert "Access is denied." in await line.cmd(r"reg add HKLM\SOFTWARE\X /v a /d b")
        assert "Access is denied." in await line.cmd("shutdown /r /t 0")
        assert "Access is denied." in await line.cmd(r"echo x > C:\Windows\win.ini")
        assert "Access is denied." in await line.cmd("powershell Restart-Computer")
        assert "User name                    bob" in await line.cmd("net user bob")
        assert (await line.run_command("rdpstatus"))[0] == 0


@virtual_time
async def test_a_session_that_nobody_uses_is_logged_off() -> None:
    async with running_windows(session_timeout=600) as line:
        await line.at_cmd()
        assert await line.silence(500) == b""
        await line.cmd("echo still here")
        assert await line.silence(590) == b""
        await line.expect(b"It was not used for too long.")
        await line.expect(b"SAC>")
        await line.open_channel()
        await line.expect(b"Please enter login credentials.")


@virtual_time
async def test_no_timeout_lets_a_session_stay() -> None:
    async with running_windows(session_timeout=0) as line:
        await line.at_cmd()
        assert await line.silence(80_000) == b""
        assert await line.cmd("echo here") == "here"


@virtual_time
async def test_lock_asks_for_credentials_again_and_the_session_goes_on() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("set KEPT=yes")
        await line.back_at_sac()
        assert await line.sac("lock") == "Command Prompt channels are locked: 1."
        line.send(b"ch -si 1\r")
        await line.expect(b"view this channel.")
        line.send(b"\r")
        await line.log_on()
        await line.silence(1)
        assert await line.cmd("echo %KEPT%") == "yes"


@virtual_time
async def test_only_its_owner_unlocks_a_session() -> None:
    async with running_windows() as line:
        await line.at_cmd()
        await line.cmd("net user bob Secret-123 /add")
        await line.back_at_sac()
        line.send(b"lock\rch -si 1\r")
        await line.expect(b"view this channel.")
        line.send(b"\r")
        await line.log_on("bob", "Secret-123")
        assert "belongs to Administrator" in unpadded(await line.expect(b"who alone can unlock it."))


@virtual_time
async def test_what_is_pasted_behind_the_password_reaches_the_session() -> None:
    async with running_windows() as line:
        await line.at_sac()
        await line.open_channel()
        await line.expect(b"Username: ")
        line.send(f"{USER}\r\r{PASSWORD}\recho pasted\recho too\r".encode())
        await line.expect(b"\r\npasted ")
        await line.expect(b"\r\ntoo ")
