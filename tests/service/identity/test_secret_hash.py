"""Passwords as the store holds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.identity.secret_hash import NO_SECRET, fits_hash, hash_secret


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_hash_fits_its_secret_and_no_other(secret: str, other: str) -> None:
    stored = hash_secret(secret, cost=2)
    assert fits_hash(secret, stored)
    assert fits_hash(other, stored) is (other == secret)


def test_two_hashes_of_a_secret_differ_and_do_not_show_it() -> None:
    first, second = hash_secret("hunter2", cost=2), hash_secret("hunter2", cost=2)
    assert first != second
    assert "hunter2" not in first


@pytest.mark.parametrize(
    "stored", ["", "hunter2", "scrypt$2$zz$zz", "scrypt$3$00$00", "scrypt$1073741824$00$00", "md5$2$00$00", NO_SECRET]
)
def test_what_is_not_a_hash_fits_nothing(stored: str) -> None:
    assert not fits_hash("hunter2", stored)
    assert not fits_hash("", stored)


def test_an_endless_secret_is_refused_before_it_is_hashed() -> None:
    assert not fits_hash("x" * 100_000, hash_secret("x" * 100_000, cost=2))
