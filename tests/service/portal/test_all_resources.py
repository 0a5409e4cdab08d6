"""The list of all resources on the portal page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.service.portal.portal_service import PortalService, machine_id, scale_set_id
from tests.service.portal.portal_tenant import demo, portal_tenant, windows
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SECRET, SUBSCRIPTION

MARKUP = "<img src=x onerror=alert(1)>"
#: A second subscription, whose name tries to be markup, with a machine that was never started.
SECOND = f"""
[[subscription]]
id = "22222222-2222-4333-8444-555555555555"
name = "{MARKUP}"
[[resource_group]]
name = "second"
subscription = "{MARKUP}"
location = "northeurope"
[[vm]]
name = "db10"
guest = "demo"
subscription = "{MARKUP}"
resource_group = "second"
power = "deallocated"
"""
#: A user who may read one machine, and nothing beside it.
VISITOR = f"""
[[user]]
name = "visitor"
password = "{SECRET}"
[[role_assignment]]
principal = "visitor"
role = "Virtual Machine Contributor"
scope = "{machine_id("linux1")}"
"""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    machines = (demo("linux1"), demo("db9", power="stopped"), windows("windows1"))
    return start_service(portal_tenant(*machines, scale_set=True) + SECOND + VISITOR)


@pytest.fixture
def page(service: PortalService, visit: Callable[..., PortalUser]) -> Page:
    """The list, as an owner sees it."""
    user = visit(service)
    user.sign_in()
    expect(user.page.get_by_role("table", name="Resources")).to_be_visible()
    return user.page


def names(page: Page) -> list[str]:
    """The names in the list, in their order."""
    return page.get_by_role("rowheader").all_inner_texts()


def cells(page: Page, name: str) -> list[str]:
    """What the list has of a resource."""
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    return row.get_by_role("cell").all_inner_texts()


def test_machines_and_scale_sets_of_all_subscriptions_are_listed(page: Page) -> None:
    assert names(page) == ["db9", "db10", "linux1", "web", "windows1"]
    assert cells(page, "linux1") == [
        "Virtual machine", "Running", "Linux", "rg", "westeurope", "Example", "Serial console",
    ]  # fmt: skip
    assert cells(page, "web") == [
        "Virtual machine scale set", "2 instances", "Linux", "rg", "westeurope", "Example", "Instances",
    ]  # fmt: skip
    assert cells(page, "db10")[1] == "Stopped (deallocated)"
    assert cells(page, "windows1")[2] == "Windows"
    expect(page.get_by_text("5 resources")).to_be_visible()


def test_a_name_that_tries_to_be_markup_is_text(page: Page) -> None:
    assert cells(page, "db10")[5] == MARKUP
    expect(page.get_by_role("navigation", name="Subscriptions")).to_contain_text(MARKUP)
    assert page.locator("#page img").count() == 0


def test_a_filter_leaves_what_has_its_words_and_its_type(page: Page) -> None:
    page.get_by_label("Filter").fill("STOPPED rg")
    expect(page.get_by_text("1 of 5 resources")).to_be_visible()
    assert names(page) == ["db9"]
    page.get_by_label("Type").select_option("Virtual machine scale set")
    expect(page.get_by_role("heading", name="No resource matches the filter")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_text("5 resources", exact=True)).to_be_visible()


def test_headings_sort_by_the_keyboard(page: Page) -> None:
    heading = page.get_by_role("columnheader", name="Status")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert names(page)[0] == "web"
    page.keyboard.press("Space")
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert names(page)[0] == "db10"


def test_a_power_state_that_changes_is_shown_by_itself(service: PortalService, page: Page) -> None:
    assert cells(page, "db9")[1] == "Stopped"
    service.machine("db9", "start")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="db9", exact=True))
    expect(row).to_contain_text("Running")
    service.machine("db9", "powerOff")
    expect(row).to_contain_text("Stopped")


@pytest.mark.parametrize(
    ("link", "hash_"),
    [
        ("linux1", f"#/resource{machine_id('linux1')}"),
        ("Serial console of linux1", f"#/resource{machine_id('linux1')}!console"),
        ("web", f"#/resource{scale_set_id('web')}"),
        ("Instances of web", f"#/resource{scale_set_id('web')}!instances"),
    ],
)
def test_a_resource_leads_to_its_pages(page: Page, link: str, hash_: str) -> None:
    page.get_by_role("link", name=link, exact=True).click()
    assert page.url.endswith(f"/{hash_}")


def test_a_subscription_leads_to_its_page(page: Page) -> None:
    page.get_by_role("navigation", name="Subscriptions").get_by_role("link", name="Example").click()
    assert page.url.endswith(f"#/subscription/{SUBSCRIPTION}")


def test_a_user_without_a_role_is_told_what_is_missing(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = visit(service)
    user.sign_in("nobody")
    expect(user.page.get_by_role("heading", name="No resources to show")).to_be_visible()
    expect(user.page.get_by_role("main")).to_contain_text("nobody@example.com")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("visitor", ["linux1"]),
        ("operator", ["db9", "db10", "linux1", "windows1"]),
        ("reader", ["db9", "db10", "linux1", "web", "windows1"]),
    ],
)
def test_a_user_sees_what_he_may_read(
    service: PortalService, visit: Callable[..., PortalUser], name: str, seen: list[str]
) -> None:
    user = visit(service)
    user.sign_in(name)
    expect(user.page.get_by_role("table", name="Resources")).to_be_visible()
    assert names(user.page) == seen
    assert cells(user.page, "linux1")[1] == "Running"


def test_a_narrow_page_shows_the_list_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    assert names(page) == ["db9", "db10", "linux1", "web", "windows1"]
    expect(page.get_by_role("cell", name="westeurope").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


#: The texts of the table's cells in which a word goes over more than one line.
_BROKEN_WORDS = """
() => {
  const broken = [];
  const walker = document.createTreeWalker(document.querySelector("table"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const word of walker.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      if (new Set(Array.from(range.getClientRects(), (box) => Math.round(box.top))).size > 1) broken.push(word[0]);
    }
  }
  return broken;
}
"""


@pytest.mark.parametrize("width", [1280, 1000, 800, 360])
def test_no_word_of_the_list_is_broken(service: PortalService, visit: Callable[..., PortalUser], width: int) -> None:
    user = visit(service, viewport={"width": width, "height": 800})
    user.sign_in()
    expect(user.page.get_by_role("link", name="linux1", exact=True)).to_be_visible()
    assert user.page.evaluate(_BROKEN_WORDS) == []
    assert user.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_heading_that_a_script_focuses_has_no_ring(
    service: PortalService, visit: Callable[..., PortalUser]
) -> None:
    user = visit(service)
    user.sign_in()
    user.page.get_by_role("link", name="linux1", exact=True).press("Enter")
    heading = user.page.get_by_role("heading", name="linux1", level=1)
    expect(heading).to_be_focused()
    expect(heading).to_have_css("outline-style", "none")
