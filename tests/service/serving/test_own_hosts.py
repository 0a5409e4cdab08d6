"""Requests for another host are refused; those for this computer are answered, whatever their port."""

from __future__ import annotations

import pytest

from tests.service.served import Served


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8443", "localhost.evil.example", "127.0.0.1.nip.example:1", ""]
)
@pytest.mark.parametrize("path", ["/", "/_uartsim/portal/settings", "/metadata/endpoints?api-version=2022-09-01"])
def test_what_is_for_another_host_is_refused(served: Served, path: str, host: str) -> None:
    answer = served.client().get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "MisdirectedRequest")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8443", "[::1]:8443", "localhost.:8443"])
def test_every_name_of_this_computer_is_answered(served: Served, host: str) -> None:
    assert served.client().get("/_uartsim/portal/settings", headers={"Host": host}).status_code == 200
