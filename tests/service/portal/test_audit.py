"""The audit of a machine: who was there, live, filtered, and as a file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.service.portal.page_state import accessibility_faults
from tests.service.portal.portal_service import PortalService, machine_id
from tests.service.portal.portal_tenant import demo, portal_tenant
from tests.service.portal.portal_user import PortalUser


@pytest.fixture(scope="module")
def service(start_service: Callable[[str], PortalService]) -> PortalService:
    return start_service(portal_tenant(demo("linux1"), demo("quiet1")))


def test_who_comes_and_goes_is_listed_while_one_looks(
    visit: Callable[..., PortalUser], service: PortalService, tmp_path: Path
) -> None:
    owner, user = visit(service), visit(service)
    owner.sign_in()
    owner.open_blade("linux1", "audit")
    page = owner.page
    expect(page.get_by_text("Nobody has used the console")).to_be_visible()
    assert accessibility_faults(page) == ""
    user.sign_in("vmcontributor")
    user.open_console("linux1")
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("vmcontributor@example.com")
    expect(rows.nth(1)).to_contain_text("Connected")
    owner.open_blade("linux1")
    owner.press("Reset linux1")
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.get_by_text("linux1 has been reset.")).to_be_visible()
    user.open_blade("linux1", "audit")
    owner.open_blade("linux1", "audit")
    expect(rows.filter(has_text="vmcontributor@example.com")).to_have_count(2)
    assert accessibility_faults(page) == ""
    page.get_by_label("Event").select_option("Admin command")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("owner@example.com")
    page.get_by_label("Event").select_option("All")
    page.get_by_label("Filter").fill("VMCONTRIBUTOR")
    expect(rows).to_have_count(3)
    with page.expect_download() as downloading:
        owner.press("Download the entries as CSV")
    assert downloading.value.suggested_filename == "linux1.audit.csv"
    downloading.value.save_as(tmp_path / "audit.csv")
    entries = list(csv.DictReader((tmp_path / "audit.csv").read_text().splitlines()))
    assert [entry["event"] for entry in entries] == ["connected", "disconnected"]
    assert {entry["machine"] for entry in entries} == {machine_id("linux1")}
    page.get_by_label("Filter").fill("nobody of this name")
    expect(page.get_by_text("No entry matches the filter")).to_be_visible()


def test_audit_says_what_is_not_kept(visit: Callable[..., PortalUser], service: PortalService) -> None:
    owner = visit(service)
    owner.sign_in()
    owner.open_blade("quiet1", "audit")
    expect(owner.page.get_by_text("What is typed at a console is not recorded")).to_be_visible()
    owner.press_unavailable("Download the entries as CSV")
    expect(owner.page.get_by_text("There are no entries to download.")).to_be_visible()


def test_a_user_without_the_action_is_refused_in_the_words_of_the_service(
    visit: Callable[..., PortalUser], service: PortalService
) -> None:
    user = visit(service)
    user.sign_in("nostorage")
    user.open_blade("linux1", "audit")
    expect(user.page.get_by_role("alert")).to_contain_text("AuthorizationFailed")
