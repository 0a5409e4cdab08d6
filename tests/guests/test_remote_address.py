"""Addresses of machines elsewhere, and the guests that are made of them."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.access.runtime_folder import is_name
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.remote_address import RemoteAddress, line_key, parse_address, remote_guest


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/console", RemoteAddress("unix", "/run/console")),
        ("unix:console", RemoteAddress("unix", "console")),
        ("unix:a:b", RemoteAddress("unix", "a:b")),
        ("pty:/dev/pts/7", RemoteAddress("pty", "/dev/pts/7")),
        ("tcp:box:4555", RemoteAddress("tcp", "", "box", 4555)),
        ("tcp::4555", RemoteAddress("tcp", "", "127.0.0.1", 4555)),
        ("telnet:[::1]:23", RemoteAddress("telnet", "", "::1", 23)),
    ],
)
def test_an_address_is_parsed(text: str, address: RemoteAddress) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("box", "write unix:PATH, tcp:HOST:PORT"),
        ("http:box:80", "write unix:PATH"),
        ("unix:", "names nothing"),
        ("unix:a\0b", "names nothing"),
        ("pty:", "names nothing"),
        ("tcp:box", "lacks a port"),
        ("tcp:box:", "lacks a port"),
        ("tcp:box:0", "use 1 to 65535"),
        ("tcp:box:65536", "use 1 to 65535"),
        ("tcp:box:http", "lacks a port"),
        ("tcp:::1:23", "lacks a port"),
        ("telnet:box:٣", "lacks a port"),
        (f"unix:/{'x' * 107}", "has 108 bytes, and the system allows 107"),
        (f"unix:/{'ä' * 60}", "has 121 bytes"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_address(text)


def test_the_longest_path_of_a_socket_is_taken() -> None:
    assert parse_address(f"unix:/{'x' * 106}").path == f"/{'x' * 106}"


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        parse_address(text)
    except UsageError:
        pass


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("unix:/run/vm/console.sock", "socket", "console.sock"),
        ("tcp:box.example:4555", "socket", "box.example-4555"),
        ("tcp:127.0.0.1:4555", "socket", "tcp-127.0.0.1-4555"),
        ("telnet:[::1]:23", "socket", "telnet-1-23"),
        ("pty:/dev/pts/7", "socket", "pty-7"),
        ("/dev/pts/7", "socket", "pty-7"),
        ("device:/dev/pts/7", "device", "device-7"),
        ("device:/dev/ttyUSB0", "device", "ttyUSB0"),
        ("/dev/ttyUSB77", "device", "ttyUSB77"),
        ("/dev/null", "device", "null"),
        ("unix:/tmp/{a} b", "socket", "a-b"),
        ("unix:/tmp/---", "socket", "unix"),
    ],
)
def test_an_address_alone_is_a_guest(text: str, kind: str, name: str) -> None:
    definition = find_guest(text)
    assert (definition.kind, definition.name) == (kind, name)
    assert is_name(definition.name)
    assert definition.with_settings({"baud": "9600"}).settings["baud"] == 9600
    assert make_guest(definition).kind == kind


def test_the_path_of_a_socket_is_one_without_the_word_unix(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        definition = find_guest(str(path))
    assert definition.options["address"] == f"unix:{path}"


def test_the_path_of_a_pty_and_a_link_to_it_are_a_pty_and_need_nothing(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        link = tmp_path / "box.tty"
        link.symlink_to(os.ttyname(slave))
        for path, name in ((str(link), "box.tty"), (os.ttyname(slave), f"pty-{Path(os.ttyname(slave)).name}")):
            definition = find_guest(path)
            assert (definition.kind, definition.name, definition.needs) == ("socket", name, ())
            assert definition.options["address"] == f"pty:{path}"
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("text", ["demo", "unix", "./demo", "/tmp", "/nowhere/at/all", "a:b", "x" * 5000, "/a\0b", ""])
def test_other_names_are_left_to_the_catalogue(text: str) -> None:
    assert remote_guest(text) is None


def test_a_device_without_a_path_is_refused() -> None:
    with pytest.raises(UsageError, match="write device:PATH"):
        find_guest("device:")


def test_one_line_has_one_key_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "link").symlink_to("s.sock")
    (tmp_path / "a{b}").symlink_to("s.sock")
    names = ("s.sock", "p/../s.sock", "./link", f"{tmp_path}/s.sock", "a{b}")
    keys = {line_key(remote(f"{scheme}:{name}")) for name in names for scheme in ("unix", "device")}
    assert keys == {str(tmp_path / "s.sock")}
    assert len({line_key(remote(f"unix:{name}")) for name in ("s.sock", "t.sock", "p/s.sock")}) == 3
    assert line_key(remote("tcp:127.0.0.1:4000")) == line_key(remote("telnet::4000"))
    assert line_key(remote("tcp::4000")) != line_key(remote("tcp::4001"))


def test_a_line_that_a_setting_names_is_another_with_another_setting() -> None:
    guest = remote("unix:/x")
    named = [
        replace(guest, options={"address": "unix:/{socket}"}, settings={"socket": name}) for name in ("a", "b", "a")
    ]
    keys = [line_key(each) for each in named]
    assert keys[0] == keys[2] != keys[1]


def remote(text: str) -> GuestDefinition:
    guest = remote_guest(text)
    assert guest is not None
    return guest
