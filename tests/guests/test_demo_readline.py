"""The demo guest's prompt: editing, history, completion, the right margin, bracketed paste.

The expected bytes of editing are those of bash 5.2 with TERM=vt220 on a serial console.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pyte
import pytest
import trio

from tests.guests.fake_tty import Line, running_demo
from tests.machine.rig import virtual_time


@asynccontextmanager
async def at_prompt(**settings: Any) -> AsyncIterator[Line]:
    async with running_demo(time_scale=0, boot_seconds=0, **settings) as line:
        await line.log_in()
        yield line


def last_row(line: Line) -> str:
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(line.output)
    return str(screen.display[screen.cursor.y]).rstrip()


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (b"abc", b"abc"),
        (b"abc\x1b[D\x1b[DX", b"abc\b\bXbc\b\b"),
        (b"ab\x7f", b"ab\b\x1b[K"),
        (b"abc\x15", b"abc\b\b\b\x1b[K"),
        (b"a b\x17", b"a b\b\x1b[K"),
        (b"abc def\x1bb", b"abc def\b\b\b"),
        (b"abc def\x1bb\x0b", b"abc def\b\b\b\x1b[K"),
        (b"abc\x01\x05", b"abc\b\b\babc"),
    ],
)
@virtual_time
async def test_editing_keys_send_what_bash_sends(keys: bytes, shown: bytes) -> None:
    async with at_prompt() as line:
        line.type(keys)
        assert await line.silence(1) == shown


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        ("helo\x1b[Dl", "hello"),
        ("xhello\x01\x04", "hello"),
        ("ello\x01h", "hello"),
        ("hello there\x1bb\x0b\x08", "hello"),
        ("hello\x0b", "hello"),
        ("lo\x01\x0bhel\x19", "hello"),
        ("hellos\x02\x1b[3~", "hello"),
        ("x\x15hello", "hello"),
        ("hello\x1b[5~", "hello"),
        ("häl\x7f\x7fello", "hello"),
    ],
)
@virtual_time
async def test_editing_keys_edit(keys: str, result: str) -> None:
    async with at_prompt() as line:
        line.type("echo " + keys.replace("\x01", "\x01" + "\x06" * 5).replace("x\x15", "x\x15echo ") + "\r")
        await line.expect(f"\r\n{result}\r\n")


@virtual_time
async def test_history_goes_up_and_down_and_keeps_the_draft() -> None:
    async with at_prompt() as line:
        for word in ("one", "two"):
            await line.run(f"echo {word}")
        line.type("draft")
        line.type("\x1b[A\x1b[A")
        await line.silence(1)
        assert last_row(line) == "root@demo:~# echo one"
        line.type("\x1b[B\x1b[B")
        await line.silence(1)
        assert last_row(line) == "root@demo:~# draft"


@virtual_time
async def test_ctrl_c_at_the_prompt_gives_a_new_one() -> None:
    async with at_prompt() as line:
        line.type("unwanted\x03")
        await line.expect("^C\r\nroot@demo:~# ")
        assert await line.run("echo $?") == "130\n"


@virtual_time
async def test_ctrl_l_clears_the_screen_and_keeps_the_line() -> None:
    async with at_prompt() as line:
        line.type("echo kept\x0c")
        await line.expect("\x1b[H\x1b[Jroot@demo:~# echo kept")
        line.type("\r")
        await line.expect("\r\nkept\r\n")


@virtual_time
async def test_tab_completes_commands_and_files_and_lists_what_is_possible() -> None:
    async with at_prompt() as line:
        line.type("hostn\t")
        await line.expect("hostname ")
        line.type("\x15cat /etc/host\t")
        await line.expect("/etc/hostname  /etc/hosts\r\nroot@demo:~# cat /etc/host")
        line.type("n\t\r")
        await line.expect("\r\ndemo\r\n")
        line.type("ls /et\t")
        await line.expect("ls /etc/")


@virtual_time
async def test_a_line_at_the_right_margin_wraps_with_a_blank_and_a_cr() -> None:
    async with at_prompt() as line:
        width = 80 - len("root@demo:~# ")
        line.type("a" * width + "b")
        assert await line.silence(1) == b"a" * width + b" \rb"
        line.type("\x7f\x7f\x7fX")
        await line.silence(1)
        assert last_row(line) == "root@demo:~# " + "a" * (width - 2) + "X"
        line.type("\x15")
        await line.silence(1)
        assert last_row(line) == "root@demo:~#"


@virtual_time
async def test_the_margin_is_where_stty_says() -> None:
    async with at_prompt() as line:
        await line.run("stty cols 200")
        line.type("a" * 150)
        assert await line.silence(1) == b"a" * 150


@virtual_time
async def test_bracketed_paste_is_a_setting() -> None:
    async with running_demo(bracketed_paste=True) as line:
        await line.log_in()
        assert line.before.endswith(b"\x1b[?2004hroot@demo:~")
        line.type("echo x\r")
        await line.expect("echo x\r\n\x1b[?2004l\rx\r\n\x1b[?2004hroot@demo:~# ")
        line.type("\x1b[200~echo a\recho b\x1b[201~")
        await trio.sleep(1)
        line.type("\r")
        await line.expect("\ra\r\nb\r\n")


@virtual_time
async def test_ctrl_d_with_text_deletes_and_does_not_leave() -> None:
    async with at_prompt() as line:
        line.type("echo xy\x02\x02\x04\r")
        await line.expect("\r\ny\r\n")
