"""The certificate: made once, trusted by its authority only, renewed before it ends."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from uartsim.service.loopback_hosts import LOOPBACK_HOSTS
from uartsim.service.serving.certificate import LIFETIME, RENEWED_BEFORE, provide_certificate
from uartsim.service.serving.state_folder import AUTHORITY, AUTHORITY_KEY, CERTIFICATE, StateFolder

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def said() -> list[str]:
    return []


def read(state: StateFolder, name: str) -> bytes:
    content = state.read(name)
    assert content is not None
    return content


def test_it_is_made_on_the_first_start_and_kept(tmp_path: Path, said: list[str]) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        assert provide_certificate(state, said.append, NOW)
        first = read(state, CERTIFICATE)
        assert not provide_certificate(state, said.append, NOW + LIFETIME - RENEWED_BEFORE - timedelta(days=1))
        assert read(state, CERTIFICATE) == first
    assert said == []
    names = x509.load_pem_x509_certificate(first).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(one.value) for one in names} == set(LOOPBACK_HOSTS)


@pytest.mark.parametrize(
    ("later", "why"), [(LIFETIME - RENEWED_BEFORE, "expires on 2031-02-02"), (LIFETIME, "has expired on 2031-02-02")]
)
def test_it_is_renewed_before_its_end_by_the_same_authority(
    tmp_path: Path, said: list[str], later: timedelta, why: str
) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        provide_certificate(state, said.append, NOW)
        authority = read(state, AUTHORITY)
        provide_certificate(state, said.append, NOW + later)
        assert read(state, AUTHORITY) == authority
        assert said == [f"the certificate {state.file(CERTIFICATE)} {why}: it is renewed"]
        renewed = x509.load_pem_x509_certificate(read(state, CERTIFICATE))
        assert renewed.not_valid_after_utc == NOW + later + LIFETIME
        renewed.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))


@pytest.mark.parametrize("name", [CERTIFICATE, AUTHORITY, AUTHORITY_KEY])
def test_what_is_damaged_is_made_anew_and_said_and_what_comes_of_it_works(
    tmp_path: Path, said: list[str], name: str
) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        provide_certificate(state, said.append)
        state.write(name, b"damaged")
        if name != CERTIFICATE:  # the authority is looked at only when a certificate is to be made
            state.folder.remove(CERTIFICATE)
        provide_certificate(state, said.append)
        assert "is damaged" in said[0]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(state.file(CERTIFICATE))
        leaf = x509.load_pem_x509_certificate(read(state, CERTIFICATE))
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(read(state, AUTHORITY)))


def test_keys_are_for_this_user_only(tmp_path: Path, said: list[str]) -> None:
    with StateFolder(str(tmp_path / "state")) as state:
        provide_certificate(state, said.append)
    for name in (CERTIFICATE, AUTHORITY_KEY):
        assert (tmp_path / "state" / name).stat().st_mode & 0o777 == 0o600
