"""What is answered to one caller is kept nowhere, and no other page can load or show it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.service.served import Served, vm_id
from uartsim.service.arm.serial_log_blob import screenshot_uri, serial_log_uri

PORTAL = "/_uartsim/portal"


def check_is_private(answer: httpx.Response) -> None:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Content-Security-Policy"].endswith("; sandbox")


@pytest.mark.parametrize(
    ("user", "path", "status"),
    [
        (None, "settings", 200),
        (None, f"console?machine={vm_id()}", 401),
        ("nobody", f"console?machine={vm_id()}", 403),
        ("owner", f"console?machine={vm_id()}", 200),
        ("owner", "console", 400),
        ("owner", f"audit?machine={vm_id()}", 200),
        ("owner", f"screenshot?machine={vm_id()}", 409),
        ("owner", "nothing", 404),
    ],
)
def test_all_that_the_portal_api_answers_is_private(served: Served, user: str | None, path: str, status: int) -> None:
    answer = served.client(user).get(f"{PORTAL}/{path}")
    assert answer.status_code == status, answer.text
    check_is_private(answer)


@pytest.mark.parametrize(
    ("name", "method", "allowed"),
    [
        ("diagnose", "GET", "POST"),
        ("diagnose", "HEAD", "POST"),
        ("settings", "POST", "GET, HEAD"),
        ("console", "DELETE", "GET, HEAD"),
    ],
)
def test_another_method_is_refused_with_those_that_there_are(
    served: Served, name: str, method: str, allowed: str
) -> None:
    answer = served.client().request(method, f"{PORTAL}/{name}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    check_is_private(answer)
    if method != "HEAD":
        assert answer.json()["error"]["code"] == "MethodNotAllowed"


def test_the_blobs_of_boot_diagnostics_are_private(served: Served) -> None:
    parts = served.parts
    machine = served.run_sync(parts.store.get, vm_id())
    caller = parts.tokens.read_header(f"Bearer {served.token()}")
    client = served.client(None)
    for uri_of, status in ((serial_log_uri, 200), (screenshot_uri, 200)):
        uri = served.run_sync(uri_of, parts, caller, machine, timedelta(minutes=5))
        for url, expected in ((uri, status), (uri.replace("sig=", "sig=x"), 403)):
            answer = client.get(url)
            assert answer.status_code == expected, answer.text
            check_is_private(answer)
