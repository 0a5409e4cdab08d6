"""Recipes: their mistakes with file and line, and the key of what is built of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.guest.catalogue import list_guests
from uartsim.guest.manifest import parse_manifest
from uartsim.images.build import BUILDERS, builder_of
from uartsim.images.recipe import BUILDER_NAMES, KEYS, Recipe, recipe_key

GUEST = '[guest]\nkind = "qemu"\ndescription = "a disk"\n[image]\nbuilder = "debian"\n'


def image(tmp_path: Path, lines: str, start: str = GUEST) -> Recipe | None:
    return parse_manifest(start + lines, tmp_path / "guest.toml").image


def test_a_recipe_has_what_the_table_says_and_defaults(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "more.sh").write_text("true\n")
    found = image(tmp_path, 'packages = ["nano"]\nsize_mb = 700\nfiles = "root"\ncustomize = "more.sh"\n')
    assert found == Recipe("debian", packages=("nano",), size_mb=700, files="root", customize="more.sh")
    assert found.layout == "mbr"
    assert found.firmware == "bios"


def test_a_guest_without_the_table_has_no_recipe(tmp_path: Path) -> None:
    assert image(tmp_path, "", GUEST.partition("[image]")[0]) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('suite = "Book worm"', "'Book worm' is not the name of a release"),
        ('packages = ["nano", "no such"]', "'no such' is not a package"),
        ('packages = ["--allow"]', "'--allow' is not a package"),
        ("size_mb = 3", "size_mb is 3: use 16 to 65536"),
        ('hostname = "a_b"', "'a_b' is not a host name"),
        ('password = "a:b"', "'a:b' is not a password"),
        ('users = ["user"]', "'user' is not NAME:PASSWORD"),
        ('cmdline = "quiet $(reboot)"', "is not a command line"),
        ('grub = ["timeout=5"]', "'timeout=5' is not a line of /etc/default/grub"),
        ('firmware = "uefi"', "firmware 'uefi' needs layout \"gpt\""),
        ('firmware = "efi"', "unknown firmware 'efi'; did you mean uefi"),
        ('layout = "apm"', "unknown layout 'apm'"),
        ('files = "root"', "files 'root' is not a folder in "),
        ('customize = "../x"', "lies outside the guest's folder"),
        ('packges = ["nano"]', "unknown key 'packges' in [image]; did you mean packages?"),
        ("packages = 3", "'packages' must be an array of strings"),
    ],
)
def test_mistakes_have_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        image(tmp_path, line + "\n")
    assert str(caught.value).startswith(f"{tmp_path / 'guest.toml'}:6: ")
    assert message in str(caught.value)


def test_a_key_that_the_builder_has_no_use_for_is_a_mistake(tmp_path: Path) -> None:
    start = GUEST.replace('"debian"', '"alpine"')
    with pytest.raises(UsageError, match=r"guest.toml:6: the builder 'alpine' has no use for 'packages'; it uses "):
        image(tmp_path, 'packages = ["nano"]\n', start)


def test_the_table_belongs_to_guests_of_kind_qemu(tmp_path: Path) -> None:
    (tmp_path / "guest.py").write_text("")
    start = GUEST.replace('"qemu"', '"script"') + '[script]\nfile = "guest.py"\n'
    with pytest.raises(
        UsageError, match=r"guest.toml:4: the table \[image\] does not belong to a guest of kind 'script'"
    ):
        image(tmp_path, "", start)


def test_every_builder_has_its_module_and_its_keys() -> None:
    assert set(BUILDERS) == set(BUILDER_NAMES)
    names = {field.name for field in dataclasses.fields(Recipe)}
    for keys in KEYS.values():
        assert set(keys) <= names
    for name in BUILDER_NAMES:
        builder = builder_of(Recipe(name))
        assert all(command.startswith("apt-get install ") for command in builder.programs.values())


def test_the_recipes_of_our_guests_have_different_keys() -> None:
    guests = [guest for guest in list_guests() if guest.image is not None]
    keys = [recipe_key(guest.image, guest.folder, "1") for guest in guests if guest.image is not None]
    assert len(set(keys)) == len(keys) >= 2


def test_the_key_changes_with_everything_that_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    motd, script = tmp_path / "root/etc/motd", tmp_path / "more.sh"
    motd.write_text("hello\n")
    script.write_text("true\n")
    recipe = Recipe("debian", files="root", customize="more.sh")

    def key(recipe: Recipe = recipe, version: str = "1") -> str:
        return recipe_key(recipe, tmp_path, version)

    keys = [key(), key(version="2")]
    keys += [key(dataclasses.replace(recipe, suite="trixie")), key(dataclasses.replace(recipe, size_mb=99))]
    motd.chmod(0o755)
    keys.append(key())
    motd.write_text("bye\n")
    keys.append(key())
    script.write_text("false\n")
    keys.append(key())
    (tmp_path / "root/etc/issue").symlink_to("motd")
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == keys[-1]
