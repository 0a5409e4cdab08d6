"""Chromium, a real `uartsim serve`, and people at the page.

No request is intercepted.  Every test fails on errors of the page, on violations of its policy, and on requests to
anybody but the service.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.service.portal.built_page import ensure_page_is_built
from tests.service.portal.portal_service import PortalService
from tests.service.portal.portal_user import PortalUser
from tests.service.portal.visits import TIMEOUT_MS, visits
from tests.service.serve_process import ServeProcess

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        names = getattr(item, "fixturenames", ())
        if HERE in item.path.parents and ("browser" in names or "page_is_built" in names):
            item.add_marker(pytest.mark.needs(*(["chromium"] if "browser" in names else []), "node", "npm"))


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, for all tests of a worker."""
    program = shutil.which("chromium")
    assert program is not None
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def page_is_built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The page is there, as the sources have it."""
    worker = tmp_path_factory.getbasetemp()
    shared = worker.parent if "PYTEST_XDIST_WORKER" in os.environ else worker
    ensure_page_is_built(shared / "portal-page.lock")


@pytest.fixture(scope="module")
def start_service(
    tmp_path_factory: pytest.TempPathFactory, keys: Path, page_is_built: None
) -> Iterator[Callable[..., PortalService]]:
    """Starts services: ``start_service(tenant_text, *options)``; they end with the module."""
    started: list[PortalService] = []

    def start(tenant: str, *options: str) -> PortalService:
        folder = tmp_path_factory.mktemp("portal")
        shutil.copytree(keys, folder / "state")
        service = PortalService(lambda port: ServeProcess(folder, tenant, "--port", str(port or 0), *options))
        started.append(service)
        return service

    yield start
    for one in started:
        with one:
            pass


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., PortalUser]]:
    """Brings people to a portal; see :func:`tests.service.portal.visits.visits`."""
    with visits(browser) as come:
        yield come


@pytest.fixture(scope="module")
def stay(browser: Browser) -> Iterator[Callable[..., PortalUser]]:
    """As `visit`, for people who stay for all tests of a module: signing in takes time."""
    with visits(browser) as come:
        yield come
