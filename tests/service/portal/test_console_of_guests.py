"""The console on real machines, from the browser: what a person types and what he sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.patience import patience
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, machine_of, menu, portal_tenant, windows
from tests.service.portal.portal_user import PortalUser

Visit = Callable[..., PortalUser]


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(
        portal_tenant(
            demo("linux1"),
            menu("menu1"),
            windows("windows1"),
            machine_of("kernel1", "linux", power="deallocated"),
            scale_set=True,
        )
    )


@pytest.mark.parametrize("machine", ["linux1", "web/1"])
def test_a_login_at_a_linux_and_a_command(service: PortalService, visit: Visit, machine: str) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console(machine)
    user.login()
    user.type("echo $((6 * 7)) is it")
    user.expect_in_terminal("42 is it")


@pytest.mark.needs(guest="linux")
def test_a_login_at_a_real_kernel(service: PortalService, visit: Visit) -> None:
    service.machine("kernel1", "start")
    user = visit(service)
    # It boots in an emulator, for as long as that takes.
    user.page.set_default_timeout(patience(120) * 1000)
    user.sign_in("vmcontributor")
    user.open_console("kernel1")
    user.login()
    user.type("uname -s; echo $((6 * 7)) is it")
    user.expect_in_terminal("42 is it")
    service.machine("kernel1", "deallocate")


def test_grub_leads_to_single_user_mode(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("menu1")
    user.expect_in_terminal("GNU GRUB")
    user.key("Enter")
    user.expect_in_terminal("login:")
    # Reset keeps the line, so that the boot loader can be caught.
    user.reset("menu1")
    user.expect_in_terminal("GNU GRUB")
    user.key("e")
    user.expect_in_terminal("Minimum Emacs")
    for key in ("ArrowDown", "ArrowDown", "End"):
        user.page.keyboard.press(key)
    user.page.keyboard.type(" rw init=/bin/bash")
    user.expect_in_terminal("init=/bin/bash")
    user.page.keyboard.press("Control+x")
    user.expect_in_terminal(":/#")
    user.type("echo root:found-again | chpasswd && echo 'it is' set")
    user.expect_in_terminal("it is set")
    user.reset("menu1")
    user.expect_in_terminal("GNU GRUB")
    user.key("Enter")
    user.login(password="found-again")


def test_windows_is_administered_at_sac(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in("vmcontributor")
    user.open_console("windows1")
    user.expect_in_terminal("SAC>")
    user.type("cmd")
    user.expect_in_terminal("Channel: Cmd0001")
    user.type("ch -si 1")
    user.expect_in_terminal("Use any other key to view this channel.")
    user.key("Enter")
    user.expect_in_terminal("Username:")
    user.type("Administrator")
    user.expect_in_terminal("Domain")
    user.type("")
    user.expect_in_terminal("Password:")
    user.type("Passw0rd!")
    user.expect_in_terminal("C:\\Windows\\system32>")
    user.type("echo it is %COMPUTERNAME%")
    user.expect_in_terminal("it is WIN-UARTSIM")
