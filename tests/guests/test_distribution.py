"""Manifests of distributions: their checks, and what they say to a person."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tools.distributions_doc import PAGE, page_with
from uartsim.cli.guests_command import guests
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest, list_guests
from uartsim.guest.distribution import KERNEL_LINE, VERBS
from uartsim.guest.distribution_text import distribution_lines
from uartsim.guest.manifest import parse_manifest

DISTRIBUTIONS = {guest.name: guest.distribution for guest in list_guests() if guest.distribution is not None}
MANIFEST = """\
[guest]
kind = "qemu"
description = "a distribution for a test"

[distribution]
title = "Test"
image = "nowhere"
menu = "any key"

[[distribution.console]]
versions = "all"
on_by_default = true

[[distribution.recovery]]
name = "it"
title = "a test"
steps = [
    { catch = "menu" },
    STEP
]
"""


def load(folder: Path, step: str = "", menu: str = '"any key"') -> None:
    text = MANIFEST.replace("STEP", step).replace('"any key"', menu)
    (folder / "guest.toml").write_text(text)
    find_guest(str(folder))


@pytest.mark.azure("A-037", "A-039", "A-040", "A-041", "A-042", "A-043", "A-044", "A-129")
@pytest.mark.azure("P-040", "P-042", "P-043", "P-045", "P-046", "P-047", "P-048", "P-049")
def test_the_distributions_of_the_documents_are_there() -> None:
    assert set(DISTRIBUTIONS) == {"rhel", "centos", "oracle-linux", "ubuntu", "sles", "coreos"}
    assert all(distribution.console[0].on_by_default for distribution in DISTRIBUTIONS.values())
    assert [default.on_by_default for default in DISTRIBUTIONS["sles"].console] == [True, False, False]
    # Root is disabled on Red Hat's images: single user mode needs the password that this procedure sets.
    assert "passwd root" in "\n".join(distribution_lines(DISTRIBUTIONS["rhel"]))
    assert "root-on-serial-only" in DISTRIBUTIONS["rhel"].set_up


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_everything_is_said_in_whole_sentences(name: str) -> None:
    text = "\n".join(distribution_lines(DISTRIBUTIONS[name]))
    assert "://" not in text
    assert not re.search(r"[{}]|\\", text.replace("{ ", ""))
    for procedure in DISTRIBUTIONS[name].procedures.values():
        assert repr(procedure.name) in text


def test_those_based_on_another_have_its_procedures_and_their_own() -> None:
    rhel, centos, oracle = (DISTRIBUTIONS[name] for name in ("rhel", "centos", "oracle-linux"))
    assert centos.recovery == rhel.recovery
    assert oracle.recovery == rhel.recovery
    assert set(oracle.set_up) - set(rhel.set_up) == {"grub-menu"}
    assert (rhel.menu, oracle.menu) == ("any key", "Esc")


@pytest.mark.parametrize("line", ["\tlinux\t/vmlinuz", "  linux16 /vmlinuz", "linuxefi /vmlinuz"])
def test_the_kernels_line_is_known(line: str) -> None:
    assert re.search(KERNEL_LINE, line)
    assert not re.search(KERNEL_LINE, "echo 'Loading Linux ...'")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{ apend = 'x' }", r"guest.toml:17: unknown key 'apend' in \[distribution.*did you mean append"),
        ("{ boot = 'F10' }", "unknown boot 'F10'; possible: Ctrl-X, Enter"),
        ("{ }", "a step has one of catch, .*; here: none"),
        ("{ run = 'a', type = 'b' }", "here: run and type"),
        ("{ run = 'a', file = 'b' }", "'file' does not go with 'run'"),
        ("{ set = 'A=1' }", "a step with 'set' lacks the key 'file'"),
        ("{ set = 'A', file = 'b' }", "set = 'A': give NAME=VALUE"),
        ("{ replace = 'ro' }", "a step with 'replace' lacks the key 'by'"),
        ("{ append = 'a', in_line = '(' }", "'\\(' is not a regular expression"),
        ("{ expect = '(' }", "'\\(' is not a regular expression"),
        ('{ append = "a\\tb" }', "append = 'a\\\\tb': give printable characters"),
        ("{ append = '' }", "'append' must be a string with some text"),
        ("{ append = 7 }", "'append' must be a string, not a whole number"),
        ("{ append = 'a', every = 'yes' }", "'every' must be true or false"),
        ("7", "must be a table"),
    ],
)
def test_a_wrong_step_is_told(tmp_path: Path, step: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as failure:
        load(tmp_path, step)
    assert re.match(rf"{tmp_path}/guest\.toml:1[4-7]: ", str(failure.value))


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=32), max_size=12)


@given(st.dictionaries(st.sampled_from([*VERBS, "by", "in_line", "every", "file"]), _WORDS | st.booleans(), max_size=3))
def test_a_step_is_read_or_refused_with_a_sentence(table: dict[str, str | bool]) -> None:
    def written(value: str | bool) -> str:
        return json.dumps(value, ensure_ascii=False)

    step = "{ " + ", ".join(f"{key} = {written(value)}" for key, value in table.items()) + " }"
    about, refused = None, ""
    try:
        about = parse_manifest(MANIFEST.replace("STEP", step), Path("guest.toml")).distribution
    except UsageError as error:
        refused = str(error)
    if about is None:
        assert re.match(r"guest\.toml:\d+: \S", refused)
    else:
        assert about.recovery["it"].steps[1].sentence(about.menu)


def test_two_procedures_of_one_name_are_told(tmp_path: Path) -> None:
    again = '[[distribution.set_up]]\nname = "it"\ntitle = "b"\nsteps = [{ run = "c" }]\n'
    (tmp_path / "guest.toml").write_text(MANIFEST.replace("STEP", "") + again)
    with pytest.raises(UsageError, match="two procedures are called 'it'"):
        find_guest(str(tmp_path))


def test_what_another_is_based_on_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nobody.guest\.toml"):
        load(tmp_path, menu='"any key"\nbased_on = "nobody"')


def test_a_menu_is_caught_in_a_known_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown menu 'hold esc'; did you mean hold Esc"):
        load(tmp_path, menu='"hold esc"')


def test_every_verb_has_a_sentence_and_a_manifest_that_uses_it() -> None:
    used = {step.verb for about in DISTRIBUTIONS.values() for each in about.procedures.values() for step in each.steps}
    assert set(VERBS) - used == {"remove"}


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_start_without_an_image_says_where_one_is_had(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"guest '{name}' cannot start here:\s+it boots an image of your own: .*--set image=PATH"
    ):
        find_guest(name).check_needs()
    find_guest(name).with_settings({"image": "disk.qcow2"}).check_needs()


# -- the command guests -----------------------------------------------------------------------------------------------------


def test_a_procedure_is_shown_to_a_person() -> None:
    shown = CliRunner().invoke(guests, ["ubuntu"]).output
    assert "1. Start the machine again; to get GRUB's menu, hold Esc while it starts." in shown
    assert "replace `ro` in it by `rw init=/bin/bash`." in shown
    assert "12.04: not on by default" in shown
    assert "(not run here: no image)" in shown


def test_any_guest_is_shown() -> None:
    shown = CliRunner().invoke(guests, ["demo"]).output
    assert shown.startswith("demo (script): A scripted Linux machine")
    assert "  hostname=demo" in shown


def test_a_guest_is_shown_to_a_program() -> None:
    facts = json.loads(CliRunner().invoke(guests, ["rhel", "--json"]).output)
    steps = facts["distribution"]["recovery"]["rd.break"]["steps"]
    assert [step["verb"] for step in steps][:4] == ["catch", "append", "boot", "shell"]
    assert json.loads(CliRunner().invoke(guests, ["demo", "--json"]).output)["distribution"] is None


# -- the page -----------------------------------------------------------------------------------------------------------------


def test_the_page_is_as_the_manifests_are() -> None:
    page = PAGE.read_text()
    assert page == page_with(page), "run: python tools/distributions_doc.py --write"


def test_the_page_has_every_step() -> None:
    section = PAGE.read_text().partition("## In a manifest")[2].partition("\n## ")[0]
    assert set(re.findall(r"`\{ (\w+) = ", section)) == set(VERBS)
