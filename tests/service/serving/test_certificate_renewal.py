"""A certificate that comes to its end while the service runs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import pytest

from tests.patience import patience
from tests.service.served import Served
from uartsim.errors import UartsimError
from uartsim.service.serving import certificate


def shown_certificate(served: Served) -> bytes:
    """The certificate that a new connection is shown."""
    port = int(served.url.rpartition(":")[2])
    return ssl.get_server_certificate(("localhost", port), ca_certs=served.ca_file, timeout=30).encode()


def test_a_renewal_that_fails_is_said_and_tried_again(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Semaphore(0)

    def fail(*arguments: object) -> bool:
        tried.release()
        raise UartsimError("the disk is full")

    monkeypatch.setattr("uartsim.service.serving.running_service.LOOK_EVERY_S", 0.01)
    served = serve()
    monkeypatch.setattr("uartsim.service.serving.running_service.provide_certificate", fail)
    for _ in range(3):
        assert tried.acquire(timeout=patience(20))
    assert served.client("owner").get("/subscriptions?api-version=2022-12-01").status_code == 200
    assert "the certificate is looked at again later: the disk is full" in served.said


def test_it_is_renewed_while_clients_go_on(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.service.serving.running_service.LOOK_EVERY_S", 0.05)
    served = serve()
    client = served.client("owner")
    assert client.get("/subscriptions?api-version=2022-12-01").status_code == 200
    before = shown_certificate(served)
    # Now it is time: the one that is renewed is good for longer, so this happens once.
    lifetime = certificate.LIFETIME
    monkeypatch.setattr(certificate, "LIFETIME", lifetime * 3)
    monkeypatch.setattr(certificate, "RENEWED_BEFORE", lifetime)
    while shown_certificate(served) == before:
        assert client.get("/subscriptions?api-version=2022-12-01").status_code == 200
    assert client.get("/subscriptions?api-version=2022-12-01").status_code == 200
    assert "it is renewed" in served.said[-1]
