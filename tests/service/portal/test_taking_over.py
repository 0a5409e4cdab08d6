"""Two people and one line: taking over, taking back, watching; and one person with ten consoles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser

Visit = Callable[..., PortalUser]
CONSOLES = 10


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    machines = [demo(f"{kind}{number}") for kind, count in (("linux", 2), ("ten", CONSOLES)) for number in range(count)]
    return start_service(portal_tenant(*machines))


def at_console(service: PortalService, visit: Visit, name: str, machine: str = "linux0") -> PortalUser:
    user = visit(service)
    user.sign_in(name)
    user.open_console(machine)
    return user


def test_a_second_user_takes_over_and_the_first_takes_it_back(service: PortalService, visit: Visit) -> None:
    first = at_console(service, visit, "vmcontributor")
    first.login()
    first.type("export SEEN=by-the-first")
    second = at_console(service, visit, "contributor")
    expect(
        first.page.get_by_role("paragraph").filter(has_text="contributor@example.com has taken this console over")
    ).to_be_visible()
    expect(first.page.get_by_text("Disconnecting does not log anyone out")).to_be_visible()
    # He is not logged out: the second sits in front of his shell.
    second.type("echo seen $SEEN")
    second.expect_in_terminal("seen by-the-first")
    first.press("Take it back")
    expect(second.page.get_by_role("button", name="Take it back")).to_be_visible()
    first.type("echo back''again")
    first.expect_in_terminal("backagain")


def test_who_watches_takes_the_line_from_nobody(service: PortalService, visit: Visit) -> None:
    holder = at_console(service, visit, "vmcontributor", "linux1")
    holder.login()
    watcher = visit(service)
    watcher.sign_in("contributor")
    watcher.open_console("linux1")
    watcher.watch_only("linux1")
    holder.press("Take it back")
    holder.expect_connected()  # what is typed before that is not sent, and the page says so
    holder.type("echo for''all")
    watcher.expect_in_terminal("\nforall")
    watcher.type("echo not''this")
    expect(watcher.page.get_by_text("you are watching only")).to_be_visible()
    holder.type("echo still''mine")
    holder.expect_in_terminal("\nstillmine")
    assert "notthis" not in holder.terminal_text()


def test_ten_consoles_in_ten_tabs(service: PortalService, visit: Visit) -> None:
    first = visit(service)
    first.sign_in("owner")
    tabs = [first, *(first.another_tab() for _ in range(CONSOLES - 1))]
    for number, tab in enumerate(tabs):
        tab.open_console(f"ten{number}")
    for number, tab in enumerate(tabs):
        tab.type(f"tab{number}")
        tab.expect_in_terminal(f"login: tab{number}")
