"""Completion: what each shell offers for a line, in the shells themselves, and in silence when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from click import Command, Context, Group

from tests.access.rig import ROOT, SILENT, environment, running, uartsim
from tests.patience import patience
from uartsim.cli.command_group import commands
from uartsim.cli.completion_shells import SHELLS, BashCompletion, ZshCompletion, open_quote, script, typed_words
from uartsim.cli.run_options import RUN_OPTIONS
from uartsim.guest.catalogue import list_guests

GuestFolder = Callable[[str], Path]

#: How each shell is started without a person's settings, and its way to name a command that shows its arguments.
STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "show() { printf '<%s>' \"$@\"; echo; }"),
    "zsh": (["zsh", "-f", "-i"], "show() { printf '<%s>' \"$@\"; echo; }"),
    "fish": (["fish", "--no-config", "-i"], "function show; printf '<%s>' $argv; echo; end"),
}
SHELL_PARAMETERS = [
    pytest.param("bash"),
    pytest.param("zsh", marks=pytest.mark.needs("zsh")),
    pytest.param("fish", marks=pytest.mark.needs("fish")),
]


class Shell:
    """An interactive shell in a pty in which the completion is installed, as the help says, for this shell only."""

    def __init__(self, name: str, runtime: Path, folder: Path) -> None:
        programs = folder / "programs"
        programs.mkdir(exist_ok=True)
        program = programs / "uartsim"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m uartsim "$@"\n')
        program.chmod(0o755)
        start, show = STARTS[name]
        variables = environment(runtime)
        variables |= {"PATH": f"{programs}:{variables['PATH']}", "TERM": "xterm", "HOME": str(folder), "PS1": "$ "}
        variables |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}
        for variable in ("XDG_DATA_HOME", "ZDOTDIR", "LS_COLORS"):
            variables.pop(variable, None)
        self._shell = pexpect.spawn(
            start[0],
            start[1:],
            env=variables,
            cwd=str(folder),
            timeout=patience(30),
            encoding="utf-8",
            dimensions=(50, 400),
        )
        install = "uartsim completion fish | source" if name == "fish" else f'eval "$(uartsim completion {name})"'
        for line in (show, install, "show rea''dy"):
            self._shell.send(f"{line}\r")
        self._shell.expect_exact("<ready>")

    def completed(self, typed: str) -> list[str]:
        """The words of the line after Tab, and what follows without a Tab: ``|`` shows whether there is a space."""
        # What follows waits in the terminal while the shell completes.  Ctrl-A goes to the beginning of the line.
        self._shell.send(f"{typed}\t+\x01show \r")
        self._shell.expect(r"(?:<[^<>\r\n]*>)+(?=\r?\n)")
        assert isinstance(self._shell.match, re.Match)
        return re.findall(r"<([^<>]*)>", self._shell.match[0])

    def offered(self, typed: str, *words: str) -> None:
        """Wait until all of these words are offered for a line, which is then left."""
        self._shell.send(f"{typed}\t\t")
        for word in words:
            self._shell.expect(rf"{re.escape(word)}(?![\w-])")
        self._shell.send("\x03\x15")

    def close(self) -> None:
        self._shell.close(force=True)


@contextmanager
def open_shell(name: str, runtime: Path, folder: Path) -> Iterator[Shell]:
    shell = Shell(name, runtime, folder)
    try:
        yield shell
    finally:
        shell.close()


@pytest.mark.parametrize("name", SHELL_PARAMETERS)
def test_a_shell_completes_what_it_should(runtime: Path, tmp_path: Path, guest_folder: GuestFolder, name: str) -> None:
    (tmp_path / "before" / "snap shot").mkdir(parents=True)
    (tmp_path / "before" / "snap shot" / "port.json").write_text("{}")
    (tmp_path / "serial.log").write_text("")
    with running(runtime, guest_folder(SILENT)), open_shell(name, runtime, tmp_path) as shell:
        for typed, words in (
            ("uartsim scena", ["scenarios", "+"]),
            ("uartsim run --line-p", ["run", "--line-policy", "+"]),
            ("uartsim run debian-12-ue", ["run", "debian-12-uefi", "+"]),
            ("uartsim run demo --set grub_ti", ["run", "demo", "--set", "grub_timeout=+"]),
            ("uartsim run demo --set=bracketed_paste=t", ["run", "demo", "--set=bracketed_paste=true", "+"]),
            ("uartsim run --scenario broken-f", ["run", "--scenario", "broken-fstab", "+"]),
            ("uartsim run --scenario=broken-f", ["run", "--scenario=broken-fstab", "+"]),
            ("uartsim run --fault noise:rate=1e-3,se", ["run", "--fault", "noise:rate=1e-3,seed=+"]),
            ("uartsim run --edit /etc/motd=ser", ["run", "--edit", "/etc/motd=serial.log", "+"]),
            ("uartsim run --restore bef", ["run", "--restore", "before/+"]),
            ("uartsim run --restore before/", ["run", "--restore", "before/snap shot", "+"]),
            ("uartsim status b", ["status", "box", "+"]),
            ("uartsim sysrq box REI", ["sysrq", "box", "REISUB", "+"]),
            ("uartsim trace show ser", ["trace", "show", "serial.log", "+"]),
            ("uartsim images build alp", ["images", "build", "alpine", "+"]),
            ("uartsim nonsense a", ["nonsense", "a+"]),
        ):
            assert shell.completed(typed) == ["uartsim", *words], typed
        shell.offered("uartsim run --rate ", "line", "unlimited")


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ('uartsim run --restore "$', "$(touch run)"),
        ("uartsim run --restore '$", "$(touch run)"),
        ("uartsim run --restore \\$", "$(touch run)"),
        ('uartsim run --restore "a', "a'; touch run #"),
        ("uartsim run --restore 'a", "a'; touch run #"),
        ('uartsim run --restore "b', 'b"`touch run`'),
    ],
)
def test_bash_runs_no_name_that_it_completes(runtime: Path, tmp_path: Path, typed: str, word: str) -> None:
    (tmp_path / word).mkdir()
    (tmp_path / word / "port.json").write_text("{}")
    with open_shell("bash", runtime, tmp_path) as shell:
        assert shell.completed(typed)[3].rstrip(" +") == word
    assert not (tmp_path / "run").exists()


@pytest.mark.needs("zsh", "fish")
@pytest.mark.parametrize(
    ("name", "file", "begin"),
    [
        ("bash", ".local/share/bash-completion/completions/uartsim", "source {}"),
        ("zsh", "functions/_uartsim", "fpath=({}(:h) $fpath); autoload -Uz compinit; compinit -u"),
        ("fish", ".config/fish/completions/uartsim.fish", ""),
    ],
)
def test_the_file_that_is_installed_is_what_is_printed(
    runtime: Path, tmp_path: Path, name: str, file: str, begin: str
) -> None:
    printed = uartsim(runtime, "completion", name).stdout
    assert printed == script(name)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(printed)
    start = [*STARTS[name][0]]
    if name == "fish":
        start.remove("--no-config")
    program = tmp_path / "uartsim"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m uartsim "$@"\n')
    program.chmod(0o755)
    variables = environment(runtime) | {"HOME": str(tmp_path), "TERM": "xterm", "PS1": "$ "}
    variables["PATH"] = f"{tmp_path}:{variables['PATH']}"
    variables.pop("XDG_CONFIG_HOME", None)
    shell = pexpect.spawn(
        start[0], start[1:], env=variables, timeout=patience(30), encoding="utf-8", dimensions=(50, 400)
    )
    try:
        for line in (STARTS[name][1], begin.format(tmp_path / file), "show rea''dy"):
            shell.send(f"{line}\r")
        shell.expect_exact("<ready>")
        shell.send("uartsim scena\t+\x01show \r")
        shell.expect_exact("<uartsim><scenarios><+>")
    finally:
        shell.close(force=True)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_help_says_how_each_is_installed(runtime: Path, shell: str) -> None:
    assert f"uartsim completion {shell}" in uartsim(runtime, "completion", "--help").stdout


@pytest.mark.parametrize(("value", "said"), [("/bin/tcsh", "SHELL is tcsh"), ("", "SHELL is not set")])
def test_a_shell_that_is_not_known_is_asked_for(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("SHELL", value)
    assert f"{said}: give bash, zsh or fish" in uartsim(runtime, "completion", status=2).stderr
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert uartsim(runtime, "completion").stdout == script("zsh")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> Callable[[str], dict[str, str]]:
    """What zsh's script would be answered for a line: the values, with what they are."""
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime))

    def ask(line: str) -> dict[str, str]:
        monkeypatch.setenv("_UARTSIM_LINE", line)
        text = ZshCompletion(commands, {}, "uartsim", "_UARTSIM_COMPLETE").complete()
        return {each.split("\t")[1]: each.split("\t")[2] for each in text.splitlines()}

    return ask


def test_guests_and_scenarios_come_with_their_descriptions(answers: Callable[[str], dict[str, str]]) -> None:
    found = answers("uartsim run ")
    assert {guest.name for guest in list_guests()} <= set(found)
    assert found["linux"].startswith("Debian's kernel in QEMU")
    assert "line of /etc/fstab" in answers("uartsim run --scenario ")["broken-fstab"]
    assert "broken-fstab" not in answers("uartsim run --scenario broken-fstab --scenario ")


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("uartsim ", {"run", "images", "completion"}),
        ("uartsim --", {"--debug", "--version", "--help"}),
        ("uartsim images ", {"build", "import", "fetch", "remove", "path", "list"}),
        ("uartsim guests de", {"demo", "debian-12"}),
        ("uartsim scenarios --guest de", {"demo"}),
        ("uartsim run --set ", {"grub_timeout=", "sysrq="}),
        ("uartsim run linux --set ", {"baud=", "memory_mb="}),
        ("uartsim run --set grub_timeout=", {"grub_timeout=5"}),
        ("uartsim run --grub GRUB_T", {"GRUB_TIMEOUT=", "GRUB_TERMINAL="}),
        ("uartsim run --firmware ", {"auto", "bios", "uefi"}),
        ("uartsim run unix", {"unix:"}),
        ("uartsim run --seed n", {"none"}),
        ("uartsim run --fault ", {"noise:", "lost:"}),
        ("uartsim run --fault noise:", {"noise:rate=", "noise:direction="}),
        ("uartsim run --fault noise:direction=", {"noise:direction=in", "noise:direction=both"}),
        ("uartsim fault --clear ", {"noise"}),
        ("uartsim problems --allow linux.", {"linux.crash"}),
        ("uartsim conform o", {"ours"}),
        ("uartsim console send ", {"nmi", "sysrq"}),
    ],
)
def test_what_is_possible(answers: Callable[[str], dict[str, str]], line: str, some: set[str]) -> None:
    found = answers(line)
    assert some <= set(found), found
    assert all(value.startswith(typed_words(line)[1]) for value in found)


def test_what_is_given_already_is_not_offered_again(answers: Callable[[str], dict[str, str]]) -> None:
    assert "noise:rate=" in answers("uartsim run --fault noise:")
    assert "noise:rate=1,rate=" not in answers("uartsim run --fault noise:rate=1,")
    assert answers("uartsim sysrq box h ") == {}
    assert answers("uartsim save box folder ") == {}
    assert answers("uartsim fault box noise:rate=1 ") == {}
    assert answers("uartsim images nonsense ") == {}


def test_a_hidden_folder_is_offered_once_its_dot_is_typed(
    answers: Callable[[str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".hidden", "shown"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    assert set(answers("uartsim run --restore ")) == {"shown/"}
    assert set(answers("uartsim run --restore .")) == {".hidden/"}
    assert set(answers(f"uartsim run --restore {tmp_path}/s")) == {f"{tmp_path}/shown/"}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("uartsim run --set gr", "=grub_timeout="),
        ("uartsim run --set grub_timeout=", "=5 "),
        ('uartsim run --set "grub_timeout=', "=grub_timeout=5 "),
        ("uartsim run --restore a", r"=a\ b\;c/"),
        ("uartsim run --restore 'a", "=a b;c/"),
        ("uartsim run --vcd ", "files"),
        ("uartsim run unix:/", "files"),
    ],
)
def test_bash_gets_the_part_of_the_word_that_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, answer: str
) -> None:
    (tmp_path / "a b;c").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_UARTSIM_LINE", line)
    monkeypatch.setenv("_UARTSIM_BREAKS", " \t\n\"'><=;|&(:")
    assert BashCompletion(commands, {}, "uartsim", "_UARTSIM_COMPLETE").complete() == answer


@pytest.mark.parametrize(
    ("line", "words", "last", "quote"),
    [
        ("uartsim", [], "", ""),
        ("uartsim run ", ["run"], "", ""),
        ("uartsim run 'a b", ["run"], "a b", "'"),
        ('uartsim run "a\\"b', ["run"], 'a"b', '"'),
        ("uartsim run a\\ b", ["run"], "a b", ""),
        ("uartsim run 'a' \"b\" c", ["run", "a", "b"], "c", ""),
    ],
)
def test_a_line_is_taken_apart_as_a_shell_does(line: str, words: list[str], last: str, quote: str) -> None:
    assert open_quote(line) == quote
    if line != "uartsim":
        assert typed_words(line) == (words, last)


def complete(runtime: Path, line: str, shell: str = "zsh", **variables: str) -> subprocess.CompletedProcess[str]:
    asked = {"_UARTSIM_LINE": line, "_UARTSIM_COMPLETE": f"{shell}_complete"}
    return subprocess.run(
        [sys.executable, "-m", "uartsim"],
        env=environment(runtime) | asked | variables,
        capture_output=True,
        text=True,
        timeout=patience(30),
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "shell"),
    [
        ("uartsim status ", "zsh"),
        ("uartsim run /nowhere --set ", "bash"),
        ("uartsim dance ", "fish"),
        ("uartsim run --no-such-option ", "bash"),
        ("uartsim run --memory x ", "zsh"),
        ("uartsim run --name '' ", "zsh"),
        ("uartsim run --fault nonsense:", "zsh"),
        ("", "zsh"),
        ("uartsim ", "csh"),
    ],
)
def test_nothing_is_said_when_something_is_wrong(runtime: Path, tmp_path: Path, line: str, shell: str) -> None:
    (runtime / "not-ours").write_text("")
    runtime.chmod(0o777)  # a runtime folder that is refused, too
    done = complete(runtime, line, shell, XDG_STATE_HOME=str(tmp_path))
    assert done.stderr == ""
    assert "Traceback" not in done.stdout
    assert os.listdir(tmp_path) == []
    assert os.listdir(runtime) == ["not-ours"]


@pytest.mark.parametrize("line", ["uartsim ", "uartsim run ", "uartsim run --scenario ", "uartsim status "])
def test_what_takes_long_to_import_is_not_imported(line: str) -> None:
    """A person waits for the answer: half of the time that trio's import alone takes would be noticed."""
    code = (
        "import sys\n"
        "from uartsim.cli.command_group import commands\n"
        "from uartsim.cli.completion_shells import ZshCompletion\n"
        "assert ZshCompletion(commands, {}, 'uartsim', '_UARTSIM_COMPLETE').complete() or 'status' in sys.argv[1]\n"
        "print(sorted({'trio', 'rich', 'pyte', 'httpx', 'unicorn'}.intersection(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, line],
        env=os.environ | {"_UARTSIM_LINE": line},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def every_command(group: Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    yield path, group
    if isinstance(group, Group):
        for name in group.list_commands(Context(group)):
            if (command := group.get_command(Context(group), name)) is not None:
                yield from every_command(command, (*path, name))


def test_an_argument_that_names_a_machine_is_completed() -> None:
    """A new command is not forgotten: NAME is a machine, a guest, a scenario or an image, and one that is here."""
    free = {("console", name) for name in ("connect", "log", "screenshot", "send")}  # of a service, which is not asked
    for path, command in every_command(commands):
        for parameter in command.params:
            is_name = parameter.param_type_name == "argument" and parameter.name in ("name", "names", "guest", "words")
            if is_name and path not in free:
                assert parameter._custom_shell_complete is not None, (path, parameter.name)


def test_every_option_of_run_that_takes_a_name_is_completed() -> None:
    for option in RUN_OPTIONS:
        if option.metavar in ("KEY=VALUE", "FAULT", "NAME", "SEED", "FOLDER", "GUESTPATH=FILE|:TEXT"):
            assert option.completed_by is not None, option.names
