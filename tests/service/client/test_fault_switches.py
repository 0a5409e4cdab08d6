"""`uartsim console faults`: the service's switches, from the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import patience
from tests.service.served import SECRET, Served
from uartsim.azure_client.fault_switches import fault_lines, read_switches
from uartsim.errors import UsageError


@pytest.fixture
def owner(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("UARTSIM_SERVE_STATE", str(served.state))
    monkeypatch.setenv("UARTSIM_USER", "owner@example.com")
    monkeypatch.setenv("UARTSIM_SECRET", SECRET)
    for name in ("ARM_ENDPOINT", "CA_FILE", "SUBSCRIPTION", "TOKEN", "TOKEN_ENDPOINT"):
        monkeypatch.delenv(f"UARTSIM_{name}", raising=False)
    return served


def faults(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uartsim", "console", "faults", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(60), check=False)


def test_faults_are_switched_shown_and_cleared(owner: Served) -> None:
    done = faults("internal_error=1", "gateway_delay=2.5sx3", "drop_socket=on")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "drop_socket: until it is switched off",
        "gateway_delay: 2.5 s, 3 more times",
        "internal_error: 1 more time",
    ]
    assert faults("drop_socket=off").stdout.splitlines()[0].startswith("gateway_delay")
    assert faults("--clear", "timeout=2").stdout == "timeout: 2 more times\n"
    assert faults().stdout == "timeout: 2 more times\n"
    assert owner.run_sync(owner.parts.faults.shown) == {"timeout": {"count": 2}}


def test_what_the_service_refuses_is_said(owner: Served) -> None:
    done = faults("fire=on")
    assert (done.returncode, "'fire' is not a fault: use one of internal_error" in done.stderr) == (3, True)
    done = faults("timeout=1", "--user", "contributor@example.com")
    assert (done.returncode, "this takes an Owner" in done.stderr) == (3, True)


@pytest.mark.parametrize("word", ["timeout", "=1", "timeout=-1", "timeout=soon", "timeout=1e3", "connect_delay=.5s"])
def test_what_is_not_a_switch_is_said(word: str) -> None:
    with pytest.raises(UsageError, match="use on"):
        read_switches([word])


def test_a_switch_is_on_off_a_count_or_a_delay() -> None:
    assert read_switches(["a=on", "b=off", "c=3", "d=1s", "e=0.5sx2"]) == {
        "a": True,
        "b": False,
        "c": 3,
        "d": {"delay_s": 1.0, "count": None},
        "e": {"delay_s": 0.5, "count": 2},
    }


def test_an_answer_in_another_form_does_no_harm() -> None:
    assert list(fault_lines({"a": 1, "b\x1b": {"count": 2}})) == ["a: until it is switched off", "b␛: 2 more times"]
