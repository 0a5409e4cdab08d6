from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.guest import catalogue
from uartsim.guest.catalogue import GuestDefinition, Need, find_guest, list_guests, load_guest
from uartsim.guest.manifest import MANIFEST_LIMIT_BYTES, parse_manifest
from uartsim.guest.toml_lines import Lines

GOOD = """\
[guest]
kind = "script"
description = "A guest for tests"

[[needs]]
program = "sh"
install = "apt-get install dash"

[settings]
host = "box"
mask = 438
pace = 0.5
quiet = false

[script]
file = "guest.py"
"""


def make_guest(folder: Path, manifest: str = GOOD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guest.toml").write_text(manifest)
    (folder / "guest.py").write_text("")
    return folder


@pytest.fixture
def three_guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of alpha, beta and gamma, and a folder that is no guest."""
    folder = tmp_path / "guests"
    for name in ("gamma", "alpha", "beta"):
        make_guest(folder / name)
    (folder / "__pycache__").mkdir()
    monkeypatch.setattr(catalogue, "catalogue_folder", lambda: folder)
    return folder


def test_our_guests_are_listed_by_name() -> None:
    guests = list_guests()
    assert [guest.name for guest in guests] == sorted(guest.name for guest in guests)
    assert {"demo", "agetty", "linux"} <= {guest.name for guest in guests}
    for guest in guests:
        assert find_guest(guest.name) == guest


def test_a_manifest_becomes_a_definition(tmp_path: Path) -> None:
    folder = make_guest(tmp_path / "mine")
    assert load_guest(folder) == GuestDefinition(
        name="mine",
        kind="script",
        description="A guest for tests",
        folder=folder,
        needs=(Need("program", "sh", "apt-get install dash"),),
        settings=MappingProxyType({"host": "box", "mask": 438, "pace": 0.5, "quiet": False}),
        options=MappingProxyType({"file": "guest.py"}),
    )


def test_a_users_folder_is_found_by_its_path_and_by_its_manifest(
    three_guests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_guest(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (str(folder), "./mine", "mine", "mine/", "~/mine", "mine/guest.toml"):
        assert find_guest(name).folder == folder
    monkeypatch.chdir(folder)
    assert find_guest(".").name == "mine"


def test_the_catalogue_comes_before_a_folder_of_the_same_name(
    three_guests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_guest(tmp_path / "alpha")
    monkeypatch.chdir(tmp_path)
    assert find_guest("alpha").folder == three_guests / "alpha"
    assert find_guest("./alpha").folder == tmp_path / "alpha"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("alfa", "unknown guest 'alfa'; did you mean alpha?"),
        ("xyzzy", "unknown guest 'xyzzy'; possible: alpha, beta, gamma"),
        ("", "unknown guest ''"),
        ("./nowhere", "nowhere is not a guest's folder: there is no such folder"),
        ("..", "it has no guest.toml"),
        ("a\0b", "unknown guest 'a\\x00b'"),
        ("x" * 5000, "unknown guest"),
        ("/" + "x" * 5000, "is not a guest's folder"),
        ("~nobody-of-this-name/mine", "is not a guest's folder"),
    ],
)
def test_an_unknown_guest_is_a_usage_error(
    three_guests: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    monkeypatch.chdir(three_guests / "__pycache__")
    with pytest.raises(UsageError) as caught:
        find_guest(name)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ('kind = "script"', "kind = script", 2, "Invalid value"),
        ("[settings]", "[settings", 9, "Expected ']'"),
        ('file = "guest.py"\n', 'file = "guest.py', 16, "Unterminated string"),
        ("mask = 438", "mask = 438\nmask = 1", 12, "Cannot overwrite a value"),
        ("mask = 438", "mask = " + "1" * 5000, 11, "digits"),
        ("mask = 438", "mask = " + "[" * 3000, 11, "nested too deeply"),
        ("[settings]", "[setings]", 9, "unknown table or key 'setings'; did you mean settings?"),
        ("[guest]", "speed = 9600\n[guest]", 1, "unknown table or key 'speed'"),
        (GOOD, "", 1, "begins with the table [guest]"),
        ('kind = "script"\n', "", 1, "[guest] lacks the key 'kind' (a string)"),
        ("[guest]", "# why\n\n[guest]\nspeed = 1", 4, "unknown key 'speed' in [guest]"),
        ('"script"', '"scirpt"', 2, "unknown kind 'scirpt'; did you mean script?"),
        ('"script"', "7", 2, "'kind' must be a string, not a whole number"),
        ('"A guest for tests"', '" "', 3, "'description' must be a string with some text"),
        ('"A guest for tests"', '"""\na\nb"""\nextra = 1', 6, "unknown key 'extra'"),
        ("[[needs]]", "[needs]", 5, "two pairs of brackets"),
        ("[[needs]]", "[[needs]]\nroot = true", 5, "here: program and root"),
        ('program = "sh"\n', "", 5, "here: none"),
        ('program = "sh"', 'root = "yes"', 6, "'root' must be true or false, not a string"),
        ('program = "sh"', "root = false", 6, "root can only be true"),
        ('program = "sh"', 'python = "a b"', 6, "not the name of a module"),
        ('install = "apt-get install dash"\n', "", 5, "lacks the key 'install'"),
        ("[settings]", '[[needs]]\nprogramm = "x"\n[settings]', 10, "unknown key 'programm' in [[needs]]"),
        ("mask = 438", "mask = [\n 1,\n]\nextra.a = 1", 11, "the default of 'mask' must be a string, a number"),
        ("mask = 438", "mask = 1979-05-27", 11, "the default of 'mask'"),
        ("mask = 438", "extra.a = 1", 11, "the default of 'extra'"),
        ("mask = 438", '"a=b" = 1', 11, "--set KEY=VALUE could not name it"),
        ('[script]\nfile = "guest.py"\n', "", 2, "a guest of kind 'script' has a table [script]"),
        ("[script]", "[process]", 15, "the table [process] does not belong to a guest of kind 'script'"),
        ('file = "guest.py"\n', "", 15, "[script] lacks the key 'file'"),
        ('"guest.py"', '"gost.py"', 16, "'gost.py' is not a file in"),
        ('"guest.py"', '"../guest.toml"', 16, "lies outside the guest's folder"),
        ('"guest.py"', '"' + "x" * 5000 + '"', 16, "is not a file in"),
        ('"guest.py"', '"a\\u0000b"', 16, "must be a string with some text"),
    ],
)
def test_a_wrong_manifest_is_blamed_by_file_and_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    assert old in GOOD
    folder = make_guest(tmp_path / "mine", GOOD.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_guest(folder)
    assert str(caught.value).startswith(f"{folder}/guest.toml:{line}: ")
    assert what in str(caught.value)


def test_lines_of_a_manifest_with_carriage_returns_are_counted_alike(tmp_path: Path) -> None:
    text = GOOD.replace("mask = 438", "mask = []").replace("\n", "\r\n")
    with pytest.raises(UsageError, match=r"guest\.toml:11: "):
        parse_manifest(text, make_guest(tmp_path / "mine") / "guest.toml")


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("process", "nonsense = 1", "5: unknown key 'nonsense' in [process]"),
        ("process", "comand = ['x']", "5: unknown key 'comand' in [process]; did you mean command?"),
        ("process", "command = 'x'", "5: 'command' must be an array of strings, not a string"),
        ("process", "command = []", "5: 'command' must not be empty"),
        ("process", "command = [\n'x',\n1\n]", "5: 'command' must be an array of strings"),
        ("process", 'command = ["x\\u0000"]', "5: 'command' must be an array of strings, without NUL"),
        ("process", "command = ['x']\nrespawn = 1", "6: 'respawn' must be true or false, not a whole number"),
        ("process", "command = ['x']\npoweroff_status = true", "6: 'poweroff_status' must be a whole number"),
        ("qemu", "memory_mb = 'much'", "5: 'memory_mb' must be a whole number"),
        ("qemu", "press = ['x']", "5: 'press' must be a table, not a string"),
        ("qemu", "press = [{ after = 'x' }]", "5: [qemu.press] lacks the key 'keys' (a string)"),
        ("qemu", "press = [{ after = 'x', key = ' ' }]", "5: unknown key 'key' in [qemu.press]; did you mean keys?"),
        ("qemu", "press = [{ after = '', keys = ' ' }]", "5: 'after' must be a string with some text"),
        ("qemu", "press = [{ after = 'x', keys = '' }]", "5: 'keys' must be a string with some text"),
        ("qemu", "[[qemu.press]]\nafter = 'x'\nkeys = 3", "7: 'keys' must be a string, not a whole number"),
        (
            "qemu",
            "press = [{ after = 'x', keys = ' ', when = 'y' }]",
            "5: 'when' names a setting that is true or false",
        ),
    ],
)
def test_wrong_options_of_a_kind_are_blamed(tmp_path: Path, kind: str, options: str, what: str) -> None:
    text = f'[guest]\nkind = "{kind}"\ndescription = "x"\n[{kind}]\n{options}\n'
    with pytest.raises(UsageError) as caught:
        parse_manifest(text, tmp_path / "guest.toml")
    assert f"guest.toml:{what}" in str(caught.value)


def test_a_manifest_that_is_no_text_is_blamed_by_line(tmp_path: Path) -> None:
    folder = make_guest(tmp_path / "mine")
    (folder / "guest.toml").write_bytes(b"[guest]\n# caf\xe9\n")
    with pytest.raises(UsageError, match=r"guest\.toml:2: byte 0xe9 is not valid UTF-8"):
        load_guest(folder)


def test_a_huge_manifest_is_refused(tmp_path: Path) -> None:
    folder = make_guest(tmp_path / "mine", GOOD + "#" * MANIFEST_LIMIT_BYTES)
    with pytest.raises(UsageError, match="at most 65536 bytes"):
        load_guest(folder)


def test_settings_take_the_type_of_their_default(tmp_path: Path) -> None:
    guest = load_guest(make_guest(tmp_path / "mine"))
    changed = guest.with_settings({"host": "true", "mask": "0x1b6", "pace": "2", "quiet": "Yes"})
    assert dict(changed.settings) == {"host": "true", "mask": 438, "pace": 2.0, "quiet": True}
    assert dict(guest.settings) == {"host": "box", "mask": 438, "pace": 0.5, "quiet": False}


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("mosk", "1", "guest 'mine' has no setting 'mosk'; did you mean mask?"),
        ("zzz", "1", "possible: host, mask, pace, quiet"),
        ("mask", "all", "setting 'mask' is a whole number (by default 438), not 'all'"),
        ("mask", "9" * 5000, "setting 'mask' is a whole number"),
        ("pace", "fast", "setting 'pace' is a number"),
        ("quiet", "perhaps", "setting 'quiet' is true or false"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(tmp_path: Path, key: str, value: str, what: str) -> None:
    guest = load_guest(make_guest(tmp_path / "mine"))
    with pytest.raises(UsageError) as caught:
        guest.with_settings({key: value})
    assert what in str(caught.value)


def test_needs_that_are_met_are_not_missing(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz-6").touch()
    assert Need("program", "sh", "x").missing() is None
    assert Need("program", "agetty", "x").missing() is None
    assert Need("file", str(tmp_path / "vmlinuz-*"), "x").missing() is None
    assert Need("python", "json.decoder", "x").missing() is None


def test_root_is_a_need_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Need("root", "root").missing() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root is needed" in str(Need("root", "root").missing())


def test_all_that_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    needs = "".join(
        f'[[needs]]\n{kind} = "{value}"\ninstall = "bring {value}"\n'
        for kind, value in (("program", "no-such-program"), ("file", "/no/such/*"), ("python", "no_such.module"))
    )
    guest = load_guest(make_guest(tmp_path / "mine", GOOD + needs))
    with pytest.raises(UsageError) as caught:
        guest.check_needs()
    message = str(caught.value)
    assert message.startswith("guest 'mine' cannot start here:")
    for what in ("no-such-program", "/no/such/*", "no_such.module"):
        assert f" {what} is missing: bring {what}" in message
    assert " sh " not in message


KEYS = st.sampled_from(
    ["guest", "needs", "settings", "script", "process", "qemu", "kind", "file", "install", "root", "command"]
) | st.text(max_size=4)
SCALARS = st.sampled_from(["1", "true", "1.5", "'x'", '"script"', "'guest.py'", "1979-05-27", "nan", '"""\na"""'])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"k{number} = {item}" for number, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=4,
)
STATEMENTS = (
    KEYS.map(lambda key: f"[{key}]")
    | KEYS.map(lambda key: f"[[{key}]]")
    | st.tuples(KEYS, VALUES).map(" = ".join)
    | st.tuples(KEYS, KEYS, VALUES).map(lambda parts: f"{parts[0]}.{parts[1]} = {parts[2]}")
    | st.sampled_from(GOOD.splitlines())
)


@given(st.text() | st.lists(STATEMENTS, max_size=12).map("\n".join))
@example("a = " + "[" * 5000)
@example("a = " + "1" * 5000)
@example("[" + ".".join("a" * 3000) + "]")
@example(GOOD)
def test_any_text_is_a_manifest_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "guest.toml"
    (file.parent / "guest.py").touch()
    try:
        parse_manifest(text, file)
    except UsageError as error:
        place, line, message = str(error).removeprefix(str(file)).split(":", 2)
        assert place == ""
        assert 1 <= int(line) <= text.count("\n") + 2
        assert message.strip()


@given(st.lists(st.tuples(st.integers(0, 3), VALUES), min_size=1, max_size=8), st.data())
def test_every_key_is_found_in_its_line(parts: list[tuple[int, str]], data: st.DataObject) -> None:
    text, places = "", {}
    for number, (blanks, value) in enumerate(parts):
        text += "\n" * blanks
        places[number] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    number = data.draw(st.sampled_from(sorted(places)))
    assert Lines(text).line_of((f"key{number}",)) == places[number]
    assert Lines(f"[[needs]]\n[table]\n{text}").line_of(("table", f"key{number}", "deeper")) == places[number] + 2


@given(st.binary(max_size=200))
def test_any_bytes_are_a_guest_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "guest.toml").write_bytes(raw)
    with pytest.raises(UsageError, match=r"guest\.toml:\d+: "):
        load_guest(folder)


def extend(folder: Path, text: str = "", **guest: str) -> Path:
    """A folder whose guest extends the guest ``base`` beside it."""
    make_guest(folder.parent / "base")
    folder.mkdir()
    table = {"kind": "script", "extends": "base", "description": "the same, but", **guest}
    lines = "".join(f'{key} = "{value}"\n' for key, value in table.items())
    (folder / "guest.toml").write_text(f"[guest]\n{lines}{text}")
    return folder


def test_a_guest_that_extends_another_one_has_its_files_and_other_defaults(tmp_path: Path) -> None:
    folder = extend(tmp_path / "mine", '[[needs]]\nprogram = "sh"\ninstall = "x"\n[settings]\nmask = 1\n')
    guest, base = load_guest(folder), load_guest(tmp_path / "base")
    assert (guest.name, guest.description, guest.folder) == ("mine", "the same, but", tmp_path / "base")
    assert guest.settings == {**base.settings, "mask": 1}
    assert guest.needs == (*base.needs, Need("program", "sh", "x"))
    assert (guest.options, guest.uart) == (base.options, base.uart)
    assert guest.with_settings({"mask": "0"}).settings["mask"] == 0


def test_a_folder_anywhere_may_extend_a_guest_of_the_catalogue(tmp_path: Path) -> None:
    folder = extend(tmp_path / "mine", extends="demo")
    assert load_guest(folder).folder == find_guest("demo").folder


@pytest.mark.parametrize(
    ("text", "guest", "message"),
    [
        ("", {"extends": "nobody"}, r"nobody.*neither beside .* nor in the catalogue"),
        ("", {"extends": "../base"}, r"guest.toml:3: extends is '../base'"),
        ("", {"kind": "firmware"}, r"kind is 'firmware', but 'base', which it extends, is of kind 'script'"),
        ("", {"uart": "8250"}, r"guest.toml:5: uart comes from 'base'"),
        ('[script]\nfile = "x.py"', {}, r"guest.toml:5: the table \[script\] comes from 'base'"),
        ("[settings]\nmaks = 1", {}, r"no setting 'maks'; did you mean mask"),
        ('[settings]\nmask = "1"', {}, r"'mask' of 'base' is .* by default, not '1'"),
    ],
)
def test_an_extension_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, guest: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_guest(extend(tmp_path / "mine", text, **guest))


def test_an_extension_of_an_extension_is_refused(tmp_path: Path) -> None:
    extend(tmp_path / "mine")
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "guest.toml").write_text('[guest]\nkind = "script"\nextends = "mine"\ndescription = "no"\n')
    with pytest.raises(UsageError, match="'mine', which extends another guest itself"):
        load_guest(tmp_path / "third")
