"""The page by the keyboard alone, from signing in to a shell's answer and out again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SECRET

MOST_TABS = 60
FOCUSED = """
() => {
  const element = document.activeElement;
  if (element === document.body) return { name: "", outlined: false };
  const style = getComputedStyle(element);
  const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent ?? "";
  return { name: label.trim().replace(/\\s+/g, " "), outlined: style.outlineStyle !== "none" || style.boxShadow !== "none" };
}
"""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("linux2")))


def tab_to(user: PortalUser, name: str) -> None:
    """Press Tab until the focus is at what has a name; wherever it stops on the way, the place is highlighted."""
    passed = []
    for _ in range(MOST_TABS):
        user.page.keyboard.press("Tab")
        focused = user.page.evaluate(FOCUSED)
        assert focused["outlined"] or not focused["name"], f"{focused['name']} has the focus, and is not highlighted"
        if focused["name"].casefold().startswith(name.casefold()):
            return
        passed.append(focused["name"])
    raise AssertionError(f"Tab does not lead to {name!r}, only to {passed}")


@pytest.mark.azure("A-093", "A-094")
def test_the_keyboard_alone_leads_to_a_shell_and_out_again(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = visit(service)
    user.open()
    keyboard = user.page.keyboard
    tab_to(user, "User name")
    keyboard.type("vmcontributor@example.com")
    tab_to(user, "Password")
    keyboard.type(SECRET)
    keyboard.press("Enter")
    user.page.get_by_role("heading", name="All resources").wait_for()
    tab_to(user, "linux1")
    keyboard.press("Enter")
    user.page.get_by_role("heading", name="linux1").wait_for()
    tab_to(user, "Serial console")
    keyboard.press("Enter")
    user.expect_in_terminal("login:")
    # The terminal has the focus by itself, and Tab in it goes to the machine.
    for line in ("root", "toor"):
        keyboard.type(line)
        keyboard.press("Enter")
        user.expect_in_terminal("Password:")
    user.expect_in_terminal("~#")
    keyboard.type("echo a\tb''c")
    keyboard.press("Enter")
    user.expect_in_terminal("bc")
    keyboard.press("Control+F6")
    assert not user.terminal_has_focus()
    tab_to(user, "Help on the serial console")
    keyboard.press("Control+F6")
    assert user.terminal_has_focus()
