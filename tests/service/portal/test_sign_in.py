"""Signing in at the portal page, staying signed in, and signing out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.service.portal.portal_service import PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser
from tests.service.served import SECRET

Visit = Callable[..., PortalUser]

USABLE = "performance.getEntriesByName('uartsim-page-usable').length"
KEPT = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
#: Notes the theme at the first frame that the browser draws.
FIRST_FRAME = "requestAnimationFrame(() => { window.firstTheme = document.documentElement.dataset.theme ?? null; });"
CAPS_LOCK = """
(input) => input.dispatchEvent(new KeyboardEvent("keydown", { key: "A", modifierCapsLock: true, bubbles: true }))
"""


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1")))


@pytest.fixture(scope="module")
def short_lived(start_service: Callable[[str], PortalService]) -> PortalService:
    """A service whose access tokens are good for five seconds."""
    return start_service(portal_tenant(demo("linux1"), tenant={"token_lifetime_s": 5}))


@pytest.fixture
def restarted(start_service: Callable[[str], PortalService]) -> PortalService:
    """A service of the test's own, to be killed and started again."""
    return start_service(portal_tenant(demo("linux1")))


def expect_list(page: Page) -> None:
    """Wait until the list of all resources is there."""
    expect(page.get_by_role("link", name="linux1", exact=True)).to_be_visible()


def expect_form(page: Page) -> None:
    """Wait until nobody is signed in."""
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


def test_the_form_has_the_focus_and_says_when_it_can_be_used(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open()
    expect(user.page.get_by_label("User name")).to_be_focused()
    expect(user.page).to_have_title("Sign in - Azure Serial Console")
    assert user.page.evaluate(USABLE) == 1


def test_a_refusal_is_in_the_services_words_and_the_next_attempt_signs_in(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open()
    password = user.page.get_by_label("Password", exact=True)
    user.page.get_by_label("User name").fill("owner")
    password.fill("wrong")
    password.press("Enter")
    expect(user.page.get_by_role("alert")).to_contain_text(
        "AADSTS50126: Error validating credentials due to invalid username or password."
    )
    expect(password).to_be_focused()
    password.fill(SECRET)
    password.press("Enter")
    expect_list(user.page)
    expect(user.page.get_by_role("banner")).to_contain_text("owner@example.com")


def test_a_form_that_is_submitted_twice_asks_once(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open()
    user.page.get_by_label("User name").fill("owner")
    user.page.get_by_label("Password", exact=True).fill(SECRET)
    user.page.locator("form").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    expect_list(user.page)
    assert [url for url in user.watch.requests if url.endswith("/token")] == [f"{service.url}/adfs/oauth2/token"]


def test_the_password_can_be_shown_and_caps_lock_is_told(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open()
    password = user.page.get_by_label("Password", exact=True)
    expect(password).to_have_attribute("type", "password")
    user.press("Show password")
    expect(password).to_have_attribute("type", "text")
    password.evaluate(CAPS_LOCK)
    expect(password).to_have_accessible_description("Caps Lock is on.")


def test_a_link_to_a_view_leads_there_after_signing_in(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open(f"#/resource{machine_id('linux1')}!audit")
    user.sign_in()
    assert user.page.url.endswith(f"#/resource{machine_id('linux1')}!audit")
    expect(user.page.get_by_role("navigation", name="Breadcrumb")).to_contain_text("linux1")


def test_a_link_that_names_nothing_is_told_and_leads_back(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open("#/resource/subscriptions/../_uartsim/faults!console")
    user.sign_in()
    expect(user.page.get_by_role("heading", name="Page not found")).to_be_visible()
    user.page.get_by_role("main").get_by_role("link", name="All resources").click()
    expect_list(user.page)
    expect(user.page.get_by_role("heading", name="All resources")).to_be_focused()


def test_nothing_of_a_session_is_kept_by_the_browser(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in()
    expect_list(user.page)
    assert user.page.evaluate(KEPT) == '[{},{},""]'
    assert user.page.context.cookies() == []
    user.page.reload()
    expect_form(user.page)


def test_tabs_have_one_session_and_signing_out_ends_it_in_all(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in()
    expect_list(user.page)
    other = user.page.context.new_page()
    other.goto(f"{service.url}/#/")
    expect_list(other)
    user.page.reload()
    expect_list(user.page)
    other.get_by_role("button", name="Sign out").click()
    for page in (other, user.page):
        expect_form(page)
        expect(page.get_by_text("You have signed out.")).to_be_visible()
    late = user.page.context.new_page()
    late.goto(f"{service.url}/#/")
    expect_form(late)
    late.close()


def test_a_window_of_its_own_has_the_session_and_no_header(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in()
    expect_list(user.page)
    other = user.page.context.new_page()
    other.goto(f"{service.url}/#/resource{machine_id('linux1')}!console&alone")
    expect(other).to_have_title(re.compile("linux1"))
    expect(other.get_by_role("banner")).to_have_count(0)
    expect(other.get_by_label("Password", exact=True)).to_have_count(0)


def test_signing_in_in_one_tab_signs_in_the_tabs_that_wait(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.open()
    other = user.page.context.new_page()
    other.goto(f"{service.url}/#/")
    expect_form(other)
    user.sign_in()
    expect_list(user.page)
    expect_list(other)


def test_tokens_are_renewed_before_they_end(short_lived: PortalService, visit: Visit) -> None:
    user = visit(short_lived)
    user.sign_in()
    expect_list(user.page)
    refused: list[str] = []
    user.page.on("response", lambda answer: refused.append(answer.url) if answer.status == 401 else None)
    for _ in range(2):
        with user.page.expect_response(re.compile("/adfs/oauth2/token$")) as renewal:
            pass
        assert renewal.value.ok
    expect_list(user.page)
    assert refused == []
    expect(user.page.get_by_role("dialog")).to_have_count(0)


def test_a_service_with_another_key_asks_to_sign_in_again_over_the_view(restarted: PortalService, visit: Visit) -> None:
    user = visit(restarted)
    user.sign_in()
    expect_list(user.page)
    user.page.get_by_label("Filter").fill("linux")
    other = user.page.context.new_page()
    other.goto(f"{restarted.url}/#/")
    expect_list(other)
    restarted.kill()
    (restarted.state / "token-key.pem").unlink()
    restarted.restart()
    dialog = user.page.get_by_role("dialog", name="Sign in again")
    expect(dialog.get_by_label("User name")).to_have_value("owner@example.com")
    expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
    for _ in range(3):
        user.page.keyboard.press("Escape")
        expect(dialog).to_be_visible()
    dialog.get_by_label("Password", exact=True).fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("AADSTS50126")
    dialog.get_by_label("Password", exact=True).fill(SECRET)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(other.get_by_role("dialog")).to_have_count(0)
    expect(user.page.get_by_label("Filter")).to_have_value("linux")
    with user.page.expect_response(lambda answer: "virtualMachines" in answer.url and answer.ok):
        pass


def test_an_outage_is_told_and_the_page_goes_on_by_itself(restarted: PortalService, visit: Visit) -> None:
    user = visit(restarted)
    user.sign_in()
    expect_list(user.page)
    restarted.kill()
    outage = user.page.get_by_text("The service does not answer. Retrying.")
    expect(outage).to_be_visible()
    expect_list(user.page)
    restarted.restart()
    expect(outage).to_have_count(0)
    expect(user.page.get_by_role("dialog")).to_have_count(0)


def test_signing_in_at_a_service_that_has_ended_says_so(restarted: PortalService, visit: Visit) -> None:
    user = visit(restarted)
    user.open()
    expect_form(user.page)
    restarted.kill()
    user.page.get_by_label("User name").fill("owner@example.com")
    user.page.get_by_label("Password", exact=True).fill(SECRET)
    user.press("Sign in")
    expect(user.page.get_by_role("alert")).to_contain_text("The service does not answer.")
    restarted.restart()
    user.press("Sign in")
    expect_list(user.page)


def test_a_theme_that_was_chosen_is_there_from_the_first_frame_on(service: PortalService, visit: Visit) -> None:
    user = visit(service, color_scheme="light")
    user.open()
    root = user.page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    user.press("Theme")
    user.page.keyboard.press("End")
    expect(user.page.get_by_role("menuitemradio", name="Dark")).to_be_focused()
    user.page.keyboard.press("Enter")
    expect(root).to_have_attribute("data-theme", "dark")
    user.page.add_init_script(FIRST_FRAME)
    user.page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    assert user.page.evaluate("firstTheme") == "dark"
    expect(user.page.locator("script[blocking=render]")).to_have_count(1)
    user.press("Theme")
    user.page.get_by_role("menuitemradio", name="As the system").click()
    expect(root).to_have_attribute("data-theme", "light")
    user.page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")


def test_a_link_that_is_seen_by_keyboard_skips_to_the_view(service: PortalService, visit: Visit) -> None:
    user = visit(service)
    user.sign_in()
    expect_list(user.page)
    skip = user.page.get_by_role("link", name="Skip to main content")
    skip.focus()
    expect(skip).to_be_visible()
    user.page.keyboard.press("Enter")
    expect(user.page.get_by_role("main")).to_be_focused()
