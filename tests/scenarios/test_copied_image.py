"""Scenarios on images that are somebody's own: copies of ours, under other names, given by their paths."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.test_boot_loader_states import test_menu_that_waits_boots_what_is_chosen as choose_in_menu
from tests.scenarios.test_rescue_states import test_broken_fstab_is_mended_in_a_full_screen_editor as mend_fstab
from tests.scenarios.ways_out import BOOT_S
from uartsim.blocking import Console
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image

SceneOfCopy = Callable[[str, str], Scene]


@pytest.fixture
def scene_of_copy(uartsim_console_factory: Callable[..., Console], tmp_path: Path) -> Iterator[SceneOfCopy]:
    """Opens consoles of a copy of a guest's image, given by its path, in a scenario."""
    with ExitStack() as copies:

        def of(guest: str, scenario: str) -> Scene:
            definition = find_guest(guest)
            assert definition.image is not None
            copy = tmp_path / "appliance.qcow2"
            shutil.copy(build_image(definition.image, definition.folder, lambda text: None).path, copy)
            copies.callback(copy.unlink)

            def make(**options: object) -> Console:
                return uartsim_console_factory(copy, **{"scenario": scenario, "timeout": BOOT_S, **options})

            return make

        yield of


@pytest.mark.needs(guest="debian-12")
def test_menu_of_a_copied_image_waits_and_boots_what_is_chosen(scene_of_copy: SceneOfCopy) -> None:
    choose_in_menu(scene_of_copy("debian-12", "grub-menu"))


@pytest.mark.scenario("broken-fstab", guests=("debian-12-uefi",))
def test_broken_fstab_of_a_copied_image_is_mended(scene_of_copy: SceneOfCopy, scenario_guest: str) -> None:
    mend_fstab(scene_of_copy(scenario_guest, "broken-fstab"))
