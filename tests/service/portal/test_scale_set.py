"""Scale sets: boot diagnostics by model and upgrade, as the documents have it, and power of several instances."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.service.portal.page_state import accessibility_faults
from tests.service.portal.portal_service import COMPUTE, PortalService, machine_id, scale_set_id
from tests.service.portal.portal_tenant import portal_tenant
from tests.service.portal.portal_user import PortalUser


def row(user: PortalUser, name: str) -> Locator:
    return user.page.get_by_role("row").filter(has=user.page.get_by_role("link", name=name, exact=True))


def expect_model(user: PortalUser, name: str, *, latest: str, diagnostics: str) -> None:
    cells = row(user, name).get_by_role("cell")
    expect(cells.nth(2)).to_have_text("Running")
    expect(cells.nth(3)).to_have_text(latest)
    expect(cells.nth(4)).to_have_text(diagnostics)


def test_boot_diagnostics_come_by_the_model_and_an_upgrade(
    visit: Callable[..., PortalUser], start_service: Callable[[str], PortalService]
) -> None:
    service = start_service(portal_tenant(scale_set=True, boot_diagnostics=False))
    owner = visit(service)
    owner.sign_in()
    owner.go(f"#/resource{scale_set_id('web')}")
    page = owner.page
    expect(page.get_by_text("does not have boot diagnostics enabled. Update its model")).to_be_visible()
    assert accessibility_faults(page) == ""
    owner.press("Update the model: enable boot diagnostics")
    expect(page.get_by_text("2 of 2 instances do not have the latest model.")).to_be_visible()
    page.get_by_role("navigation", name="web").get_by_role("link", name="Instances").click()
    expect_model(owner, "web/0", latest="No", diagnostics="Off")
    page.get_by_label("Select web/0").check()
    owner.press("Upgrade the selected instances to the latest model")
    expect_model(owner, "web/0", latest="Yes", diagnostics="On")
    expect_model(owner, "web/1", latest="No", diagnostics="Off")
    assert accessibility_faults(page) == ""
    owner.press("Upgrade all instances to the latest model")
    expect_model(owner, "web/1", latest="Yes", diagnostics="On")
    expect(page.get_by_text("do not have the latest model")).to_have_count(0)
    owner.open_console("web/1")
    owner.expect_in_terminal("login:")


def test_selected_instances_are_deallocated_and_started(
    visit: Callable[..., PortalUser], start_service: Callable[[str], PortalService]
) -> None:
    service = start_service(portal_tenant(scale_set=True))
    owner = visit(service)
    owner.sign_in()
    owner.go(f"#/resource{scale_set_id('web')}!instances")
    page = owner.page
    expect(row(owner, "web/1").get_by_role("cell").nth(2)).to_have_text("Running")
    owner.press_unavailable("Stop (deallocate) the selected instances")
    expect(page.get_by_text("Select instances first.")).to_be_visible()
    page.get_by_label("Select web/1").check()
    owner.press("Stop (deallocate) the selected instances")
    expect(page.get_by_role("dialog", name="Stop (deallocate) web/1?")).to_be_visible()
    owner.press("Stop (deallocate)")
    expect(row(owner, "web/1").get_by_role("cell").nth(2)).to_have_text("Stopped (deallocated)")
    expect(row(owner, "web/0").get_by_role("cell").nth(2)).to_have_text("Running")
    view = service.call("GET", f"{machine_id('web/1')}/instanceView", COMPUTE)
    assert "PowerState/deallocated" in [status["code"] for status in view["statuses"]]
    page.get_by_label("Select all 2 instances").check()
    owner.press("Start the selected instances")
    expect(row(owner, "web/1").get_by_role("cell").nth(2)).to_have_text("Running")


def test_a_reader_is_told_that_he_may_not_change_the_model(
    visit: Callable[..., PortalUser], start_service: Callable[[str], PortalService]
) -> None:
    reader = visit(start_service(portal_tenant(scale_set=True, boot_diagnostics=False)))
    reader.sign_in("reader")
    reader.go(f"#/resource{scale_set_id('web')}")
    reader.press("Update the model: enable boot diagnostics")
    alert = reader.page.get_by_role("alert")
    expect(alert).to_contain_text("Updating the model of web failed.")
    expect(alert).to_contain_text("Microsoft.Compute/virtualMachineScaleSets/write")
