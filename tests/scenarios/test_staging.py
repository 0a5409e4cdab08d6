"""Which scenarios fit which guest, and what is said where one does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.images.small_disk import run
from uartsim.blocking import open_console
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image
from uartsim.images.disk_look import look_at
from uartsim.images.installed_files import installed_files
from uartsim.scenarios import GROUPS, check_beside, find_scenarios, list_scenarios, staged
from uartsim.scenarios.features import FEATURES, features_of
from uartsim.scenarios.staging import fitting_guests


def test_every_scenario_says_what_it_is() -> None:
    names = [scenario.name for scenario in list_scenarios()]
    assert len(set(names)) == len(names)
    for scenario in list_scenarios():
        assert scenario.group in GROUPS
        assert scenario.needs <= set(FEATURES), scenario.name
        assert scenario.not_run or scenario.test, scenario.name
        assert scenario.not_run or scenario.concerns, scenario.name
        assert scenario.not_run or fitting_guests(scenario), scenario.name
        for text in (scenario.cause, scenario.shown, scenario.way_out):
            assert text.endswith((".", '"')), (scenario.name, text)
        assert not scenario.summary.endswith("."), scenario.name


def test_unknown_scenario_is_named_with_similar_ones() -> None:
    with pytest.raises(UsageError, match="unknown scenario 'broken-fstap'; did you mean broken-fstab"):
        find_scenarios("broken-fstap")


def test_unknown_scenario_that_is_like_none_is_named_with_all_by_group() -> None:
    with pytest.raises(UsageError) as refusal:
        find_scenarios("zzzzqq")
    _, *lines = str(refusal.value).splitlines()
    assert max(map(len, lines)) <= 80
    groups = "".join(f"\n{line.strip()}" if line[2] != " " else f" {line.strip()}" for line in lines).splitlines()[1:]
    assert groups == [
        f"{title}: {', '.join(each.name for each in list_scenarios() if each.group == group)}"
        for group, title in GROUPS.items()
    ]


@pytest.mark.parametrize("wrong", ["", 0, 7, b"tmout", {"tmout": 1}, ["broken-fstab", 3], ("",)])
def test_what_is_no_name_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="unknown scenario"):
        find_scenarios(wrong)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scenario": ""}, "unknown scenario ''"),
        ({"scenario": 7}, "scenario is 7: give the name of a scenario, or a list of them"),
        ({"scenario": []}, "scenario is an empty list"),
        ({"scenario": "root-locked", "restore": "saved"}, "scenario with restore"),
        ({"scenario": "wrong-size", "restore": "saved"}, "scenario with restore"),
        ({"scenario": "root-locked", "writable": True}, "scenario with writable"),
        ({"scenario": "no-interface", "net": "user"}, "scenario 'no-interface' with net 'user'"),
        ({"scenario": "broken-fstab", "edit": {"/etc/fstab": ":hello"}}, "'broken-fstab' with edit /etc/fstab"),
    ],
)
def test_console_is_not_opened_with_a_scenario_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said), open_console("debian-12", **options):
        pass


def test_options_that_leave_a_scenario_as_it_is_are_let_through() -> None:
    check_beside("sshd-misconfigured", {"net": "user", "forward": ("2222:22",), "edit": ("/etc/motd=:hello",)})
    check_beside(["no-interface", "broken-fstab"], {"net": "none", "forward": (), "edit": None})


def test_scenario_is_not_given_twice() -> None:
    with pytest.raises(UsageError, match="'tmout' is given twice"):
        find_scenarios(["tmout", "tmout"])


def test_scenarios_that_exclude_each_other_are_named_with_what_both_decide_about() -> None:
    with pytest.raises(
        UsageError, match="'hidden-menu' and 'grub-menu' exclude each other: both decide about grub-timeout"
    ):
        staged(find_guest("debian-12"), ["hidden-menu", "grub-menu"])


def test_scenarios_that_go_together_are_both_made() -> None:
    both = staged(find_guest("debian-12"), ["broken-fstab", "root-locked"])
    one, other = (find_scenarios(name)[0] for name in ("broken-fstab", "root-locked"))
    assert both.definition.options["steps"] == (*one.image, *other.image)
    assert both.start == "boot"


def test_guest_that_lacks_something_is_told_what_and_which_guests_fit() -> None:
    with pytest.raises(UsageError) as refusal:
        staged(find_guest("alpine"), "getty-masked")
    assert str(refusal.value).startswith(
        "scenario 'getty-masked' does not fit guest 'alpine': it needs systemd; it fits "
    )
    assert "debian-12, " in str(refusal.value)


def test_scenario_that_is_not_run_says_why() -> None:
    with pytest.raises(UsageError, match="is not run: the kernels of Debian and Alpine"):
        staged(find_guest("debian-12"), "kernel-without-sysrq-on-serial")


def test_kernel_that_qemu_loads_gets_its_parameters_there() -> None:
    plan = staged(find_guest("linux"), "sysrq-disabled")
    assert plan.definition.options["append"].endswith("sysctl.kernel.sysrq=0 systemd.mask=systemd-sysctl.service")
    assert plan.start == "login"
    assert "steps" not in plan.definition.options


def test_folder_of_ones_own_has_what_its_recipe_brings(tmp_path: Path) -> None:
    mine = tmp_path / "appliance"
    mine.mkdir()
    (mine / "guest.toml").write_text('[guest]\nkind = "qemu"\nextends = "debian-12"\ndescription = "mine"\n')
    assert features_of(find_guest(str(mine))) == features_of(find_guest("debian-12"))


def test_copy_of_the_scripted_guest_is_known_under_another_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(find_guest("demo").folder, mine)
    assert staged(find_guest(str(mine)), "tmout-demo").definition.settings["tmout"] == 600


@pytest.mark.needs("mke2fs", "qemu-img")
def test_boot_partition_alone_does_not_tell_what_is_installed(tmp_path: Path) -> None:
    for name, files in (("boot", ("grub/grub.cfg",)), ("root", ("boot/grub/grub.cfg", "etc/fstab", "usr/sbin/sshd"))):
        for file in files:
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text("")
        run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tmp_path / name, tmp_path / f"{name}.img", "8M")
    wanted = ("/boot/grub/grub.cfg", "/usr/sbin/sshd", "/usr/sbin/firewalld")
    assert installed_files(look_at(tmp_path / "boot.img"), wanted) is None
    assert installed_files(look_at(tmp_path / "root.img"), wanted) == frozenset(wanted[:2])


@pytest.mark.needs("qemu-img", guest="debian-12")
def test_copied_image_under_another_name_fits_what_its_guest_fits(tmp_path: Path) -> None:
    guest = find_guest("debian-12")
    assert guest.image is not None
    shutil.copy(build_image(guest.image, guest.folder, lambda text: None).path, tmp_path / "appliance.qcow2")
    copy = find_guest(str(tmp_path / "appliance.qcow2"))
    assert copy.name == "appliance"
    assert features_of(copy) == features_of(guest) - {"agent"}
    fits = staged(copy, ["getty-masked", "root-locked"])
    assert (
        fits.definition.options["steps"] == staged(guest, ["getty-masked", "root-locked"]).definition.options["steps"]
    )
    (tmp_path / "appliance.qcow2").unlink()


def test_distribution_without_an_image_fits_nothing_yet() -> None:
    assert features_of(find_guest("rhel")) == {"qemu"}


def test_image_without_a_system_that_can_be_looked_into_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "empty.img"
    with disk.open("wb") as file:
        file.truncate(1 << 20)
    with pytest.raises(UsageError):
        staged(find_guest(str(disk)), "getty-masked")
