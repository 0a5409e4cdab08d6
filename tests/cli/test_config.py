"""The configuration file: what it sets, what comes before it, and mistakes in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest

from tests.access.rig import SILENT, environment, running, status_json, uartsim, wait_until
from tests.patience import patience
from uartsim.cli import option_defaults
from uartsim.cli.command_group import commands
from uartsim.cli.console_service import ServiceOptions, _nearest, service_options
from uartsim.cli.option_defaults import is_for_once, option_names
from uartsim.cli.user_config import ConfigFile
from uartsim.guest import toml_lines

GuestFolder = Callable[[str], Path]
Write = Callable[[str], Path]

#: Boots the guest demo to its login prompt, which has the host's name.
TO_LOGIN = 'clock = "virtual"\nfor = 20\n'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the configuration file that the commands of this test read."""
    path = tmp_path / "settings.toml"

    def make(text: str) -> Path:
        path.write_text(text)
        monkeypatch.setenv("UARTSIM_CONFIG", str(path))
        return path

    return make


def test_the_commands_of_the_suite_read_nobodys_file(runtime: Path) -> None:
    assert environment(runtime)["UARTSIM_CONFIG"] == ""
    assert uartsim(runtime, "config").stdout.startswith("file  none: UARTSIM_CONFIG is empty\n")


def test_the_file_is_below_xdg_config_home_or_the_home(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UARTSIM_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert f"none: {tmp_path}/xdg/uartsim/config.toml is not there" in uartsim(runtime, "config").stdout
    for folder in ("xdg/uartsim", "home/.config/uartsim"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.toml").write_text("[list]\njson = true\n")
    assert f"file  {tmp_path}/xdg/uartsim/config.toml" in uartsim(runtime, "config").stdout
    assert uartsim(runtime, "list").stdout == "[]\n"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert f"file  {tmp_path}/home/.config/uartsim/config.toml" in uartsim(runtime, "config").stdout


def test_options_of_run_count_for_all_guests_or_for_one(runtime: Path, write: Write) -> None:
    write(
        f'[run]\n{TO_LOGIN}\n[run.guest.demo]\nset = {{ hostname = "mine", grub_timeout = 0, bracketed_paste = true }}\n'
    )
    assert "mine login:" in uartsim(runtime, "run", "demo").stdout
    assert "mine login:" in uartsim(runtime, "run").stdout
    assert "typed login:" in uartsim(runtime, "run", "demo", "--set", "hostname=typed").stdout
    windows = uartsim(runtime, "run", "windows", "--for", "1")  # it has no such settings
    assert "mine" not in windows.stdout


def test_a_name_and_a_link_in_the_file_are_those_of_the_machine(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder, write: Write
) -> None:
    folder = guest_folder(SILENT)
    write(f'[run.guest."{folder}"]\nname = "mine"\nlink = "{tmp_path}/com1"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "uartsim", "run", str(folder)],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: (tmp_path / "com1").is_symlink() and (runtime / "mine" / "control").exists(), "the machine")
        assert json.loads(uartsim(runtime, "list", "--json").stdout)[0]["name"] == "mine"
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=patience(20))
    assert out.startswith("machine  mine:")


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    runtime: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("console", "enable", "--token", "t", "--retry-for", "0")
    write('[console]\nendpoint = "https://127.0.0.1:1"\n')
    assert "127.0.0.1:1" in uartsim(runtime, *asked, status=3).stderr
    monkeypatch.setenv("UARTSIM_ARM_ENDPOINT", "https://127.0.0.1:2")
    assert "127.0.0.1:2" in uartsim(runtime, *asked, status=3).stderr
    assert "127.0.0.1:3" in uartsim(runtime, *asked, "--endpoint", "https://127.0.0.1:3", status=3).stderr


def test_a_key_of_a_group_counts_for_its_commands_and_theirs_come_before_it(runtime: Path, write: Write) -> None:
    path = write('[trace]\njson = true\n\n[trace.show]\njson = false\nonly = ["line"]\n')
    rows = json.loads(uartsim(runtime, "config", "trace", "--json").stdout)["options"]
    found = {(row["command"], row["option"]): (row["value"], row["from"]) for row in rows}
    assert found["trace show", "--json"] == (False, f"{path}:5")
    assert found["trace summary", "--json"] == (True, f"{path}:2")
    assert found["trace show", "--only"] == (["line"], f"{path}:6")
    assert found["trace replay", "--differences"] == (10, "the default")


def test_config_shows_what_is_in_force_and_no_secret(
    runtime: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        '[run]\nno-attach = true\n[run.guest.linux]\nmemory = 512\n[console]\nuser = "me"\n[serve]\nstate = "x"\n'
    )
    monkeypatch.setenv("UARTSIM_SERVE_STATE", "/elsewhere")
    monkeypatch.setenv("UARTSIM_SECRET", "swordfish")
    said = uartsim(runtime, "config").stdout
    assert said.splitlines()[0] == f"file  {path}"
    told = dict(re.split(r"  +", line) for line in said.splitlines() if "  " in line)
    assert told["run --no-attach true"] == f"{path}:2"
    assert told["run linux --memory 512"] == f"{path}:4"
    assert told["console connect --user me"] == f"{path}:6"
    assert told["serve --state /elsewhere"] == "UARTSIM_SERVE_STATE"
    assert "UARTSIM_SECRET=(set, not shown)" in said
    assert "swordfish" not in said
    assert (
        "no command 'images fech'; did you mean fetch?" in uartsim(runtime, "config", "images", "fech", status=2).stderr
    )


MISTAKES = [
    ("[run]\nmemry = 512\n", r":2: unknown key 'memry' in \[run\]; did you mean memory\?"),
    ("\n[rum]\n", r":2: unknown command 'rum'; did you mean run or resume\?"),
    ("run = 1\n", r":1: 'run' is a command"),
    ("[images.fetsh]\n", r":1: unknown key 'fetsh' in \[images\]; did you mean fetch\?"),
    ("[run]\nmemory = 'x'\n", r":2: 'memory' must be a whole number, not 'x'"),
    ("[run]\nmemory = 0\n", r":2: 'memory': 0 is not in the range"),
    ("[run]\nrate = 'fast'\n", r":2: 'rate': 'fast' is not one of 'line', 'unlimited'"),
    ("[run]\nno-attach = 'yes'\n", r":2: 'no-attach' must be true or false, not 'yes'"),
    ("[run]\nname = ''\n", r":2: 'name' must be a string with some text or a number, not ''"),
    ("[run]\nname = true\n", r":2: 'name' must be a string with some text or a number, not True"),
    ("[run]\nfault = 'noise:rate=1'\n", r":2: 'fault' can be given several times: write an array, not 'noise:rate=1'"),
    ("[run]\nset = 'a=b'\n", r":2: 'set' can be given several times: write an array, or a table of them"),
    ("[run]\nset = { a = [] }\n", r":2: 'a' must be a string, a number, true or false"),
    ("[run]\nguest = 'linux'\n", r":2: options for one guest are a table, such as \[run.guest.demo\]"),
    ("[run.guest]\nlinux = 1\n", r":2: options for one guest are a table: \[run.guest.linux\]"),
    ("[run.guest.linux]\nmemori = 1\n", r":2: unknown key 'memori' in \[run.guest.linux\]; did you mean memory\?"),
    ("[serve]\nreset-state = true\n", r":2: 'uartsim serve' takes --reset-state for one time: give it on the command"),
    ("[console]\ntoken = 'abc'\n", r":2: 'token' is a secret: name a file with 'token-file' instead"),
    ("[console.connect]\ntoken = 'abc'\n", r":2: 'token' is a secret"),
    ("[images]\nrebuild = true\n", r":2: 'uartsim images build' takes --rebuild for one time"),
    ("[list]\nhelp = true\n", r":2: unknown key 'help' in \[list\]; possible: json"),
    ("[run\n", r":1: Expected '\]'"),
]


@pytest.mark.parametrize(("text", "why"), MISTAKES, ids=lambda value: value.replace("\n", " ")[:40])
def test_a_mistake_is_named_with_its_line_and_what_fits(runtime: Path, write: Write, text: str, why: str) -> None:
    path = write(text)
    said = uartsim(runtime, "run", "demo", status=2)
    assert re.search(re.escape(str(path)) + why, said.stderr), said.stderr
    assert said.stderr.count("\n") == 1
    assert said.stdout == ""
    assert os.listdir(runtime) == []


def test_help_and_completion_work_beside_a_broken_file(runtime: Path, write: Write) -> None:
    write("[rum]\n")
    said = uartsim(runtime, "run", "--help")
    assert "Usage: uartsim run" in said.stdout
    assert "unknown command 'rum'" in said.stderr
    assert uartsim(runtime, "completion", "bash").stderr == ""
    assert uartsim(runtime, "--version").stderr == ""


def test_help_shows_the_default_that_is_in_force(runtime: Path, write: Write) -> None:
    write("[images.fetch]\ntimeout = 120\n")
    assert "[default: 120" in uartsim(runtime, "images", "fetch", "--help").stdout


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.unlink(), r"which UARTSIM_CONFIG names, cannot be read \(No such file"),
        (_fifo, "is not a file"),
        (_folder, "is not a file|Is a directory"),
        (
            lambda path: path.chmod(0o666),
            "others can change the configuration file .*: have it be yours, and run 'chmod o-w'",
        ),
        (lambda path: path.write_bytes(b"[run]\n# \xff\n"), ":2: a byte that is not UTF-8"),
        (lambda path: path.write_bytes(b"#" * 70_000), "has more than 64 KiB"),
        (lambda path: path.write_text("a" * 9 + "=" + "[" * 9999), "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(
    runtime: Path, write: Write, spoil: Callable[[Path], Any], why: str
) -> None:
    path = write("")
    spoil(path)
    said = uartsim(runtime, "list", status=2).stderr
    assert re.search(why, said), said
    assert said.count("\n") == 1


def test_a_running_machine_can_be_asked_whatever_the_file_says(
    runtime: Path, guest_folder: GuestFolder, write: Write
) -> None:
    write("[status]\njson = true\n")
    with running(runtime, guest_folder(SILENT)):
        assert status_json(runtime, "box")["name"] == "box"
        assert json.loads(uartsim(runtime, "status").stdout)["name"] == "box"


def test_options_that_are_for_one_time_are_options() -> None:
    for path, names in option_defaults._ONCE.items():
        command: click.Command = commands
        for word in path:
            assert isinstance(command, click.Group)
            command = command.commands[word]
        assert set(names) <= set(option_names(command)), path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run = 3\n", ":1: 'run' is a command: its options are in a table, [run]"),
        ("[run]\nno-attach = true\nno_attach = false\n", ":3: 'no_attach' and 'no-attach' are the same option"),
        ("[run.guest.dmeo]\nname = 'x'\n", ":1: there is no guest 'dmeo'; did you mean demo?"),
        ("[run]\nmemory = 'lots'\n", ":2: 'memory' must be a whole number, not 'lots'"),
        (f"[run]\nmemory = 0x{'f' * 6000}\n", ":2: 'memory' is a number of more than 64 bits"),
        (f"[run]\nset = {{ sysrq = 0x{'f' * 6000} }}\n", ":2: 'sysrq' is a number of more than 64 bits"),
    ],
)
def test_a_mistake_is_said_with_its_line(runtime: Path, write: Write, text: str, said: str) -> None:
    path = write(text)
    assert uartsim(runtime, "list", status=2).stderr.startswith(f"uartsim: {path}{said}")


def test_an_error_about_an_option_of_the_file_says_where_it_is(runtime: Path, write: Write) -> None:
    path = write("[run]\nno-attach = true\n[run.guest.demo]\nmemory = 100\n")
    said = uartsim(runtime, "run", "demo", status=2).stderr
    assert said.endswith(f"only a guest in QEMU has the option 'memory'; {path}:4 sets 'memory'\n")
    assert "sets" not in uartsim(runtime, "run", "demo", "--line-policy", "x", status=2).stderr


def test_what_is_in_force_for_a_guest(runtime: Path, write: Write) -> None:
    path = write("[run]\nmemory = 300\nname = 'all'\n[run.guest.linux]\nmemory = 512\n")
    shown = uartsim(runtime, "config", "run", "linux").stdout
    assert re.search(rf"^run --memory 512 +{re.escape(str(path))}:5$", shown, re.MULTILINE)
    assert re.search(rf"^run --name all +{re.escape(str(path))}:3$", shown, re.MULTILINE)
    assert re.search(r"^run --memory 300 ", uartsim(runtime, "config", "run", "demo").stdout, re.MULTILINE)


def test_the_lines_of_a_file_are_looked_for_once() -> None:
    tables = "".join(f"g{number} = {{ memory = {number} }}\n" for number in range(1, 1900))
    file = ConfigFile(
        "f", f"[run.guest]\n{tables}", {"run": {"guest": {f"g{n}": {"memory": n} for n in range(1, 1900)}}}
    )
    with mock.patch.object(toml_lines.Lines, "__init__", autospec=True, side_effect=toml_lines.Lines.__init__) as read:
        assert len(option_defaults.option_defaults(file, commands)) == 1899
    assert read.call_count == 1


def every_option(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, click.Option]]:
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_option(command, (*path, word))
        for name, option in option_names(command).items():
            yield (*path, word), name, option


def test_every_flag_that_can_be_a_default_is_true_or_false() -> None:
    """One of several flags that mean one option would be given ``True`` instead of its own value."""
    flags = [each for each in every_option(commands) if each[2].is_flag]
    assert any(path == ("export",) for path, _, _ in flags)
    wrong = [(path, name) for path, name, option in flags if not option.is_bool_flag and not is_for_once(path, name)]
    assert wrong == []


FILE = {"user": "file-user", "secret_file": "file-secret", "token_file": "file-token"}


@pytest.mark.parametrize(
    ("arguments", "variables", "left"),
    [
        ([], {}, {"user", "secret_file", "token_file"}),
        (["--user", "x"], {}, {"user"}),
        (["--token", "x"], {}, {"token"}),
        (["--token-file", "x"], {}, {"token_file"}),
        ([], {"UARTSIM_TOKEN": "x"}, set()),
        ([], {"UARTSIM_SECRET": "x"}, {"user"}),
        ([], {"UARTSIM_USER": "x"}, {"user"}),
    ],
)
def test_credentials_of_the_file_give_way_to_nearer_ones(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variables: dict[str, str], left: set[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen: list[ServiceOptions] = []

    @click.command()
    @service_options
    def command(service: ServiceOptions) -> None:
        seen.append(_nearest(service))

    command.main(arguments, standalone_mode=False, default_map=FILE)
    names = ("user", "secret_file", "token_file", "token")
    assert {name for name in names if getattr(seen[0], name)} == left
