"""The commands of `uartsim console` without a terminal: checks in their order, texts, statuses, second attempts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure_client.conftest import Done
from tests.azure_client.stub_service import GROUP, SECRET, VM_PATH, StubService
from tests.patience import patience
from uartsim.own_files.folder import open_own
from uartsim.own_files.service_note import ServiceNote, write_service_note

CONSOLES = "/subscriptions/sub-1/providers/microsoft.serialconsole/consoleservices/default"
SET_PATH = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/set"

Run = Callable[..., Done]


def vm(service: StubService) -> dict[str, Any]:
    """The properties of the machine."""
    properties: dict[str, Any] = service.resources[VM_PATH.lower()]["properties"]
    return properties


# -- the checks ------------------------------------------------------------------------------------------------


def test_boot_diagnostics_are_checked_first_then_the_subscription_then_power(alice: StubService, uartsim: Run) -> None:
    vm(alice)["diagnosticsProfile"]["bootDiagnostics"]["enabled"] = False
    alice.resources[CONSOLES]["properties"]["disabled"] = True
    vm(alice)["instanceView"]["statuses"][1]["code"] = "PowerState/deallocated"
    texts = []
    for _ in range(3):
        done = uartsim("send", "nmi", "vm1")
        assert done.status == 1
        texts.append(done.err)
        if len(texts) == 1:
            del vm(alice)["diagnosticsProfile"]
            done = uartsim("send", "nmi", "vm1")
            assert done.err == texts[0]
            vm(alice)["diagnosticsProfile"] = {"bootDiagnostics": {"enabled": True}}
        if len(texts) == 2:
            alice.resources[CONSOLES]["properties"]["disabled"] = False
    assert texts == [
        "uartsim: Azure Serial Console requires boot diagnostics to be enabled.\n",
        "uartsim: Azure Serial Console is not enabled for this subscription.\n"
        'Enable Serial Console with "uartsim console enable" or "az serial-console enable".\n',
        "uartsim: Azure Serial Console requires a virtual machine to be running.\n"
        'Use "az vm start" to start the Virtual Machine.\n',
    ]
    assert not [path for _, path in alice.requests if path.endswith("/connect")]


def test_a_subscription_that_does_not_say_counts_as_disabled(alice: StubService, uartsim: Run) -> None:
    answers: list[dict[str, Any]] = [{}, {"properties": {}}, {"properties": {"disabled": None}}, {"properties": []}]
    for answer in answers:
        alice.resources[CONSOLES] = answer
        assert "is not enabled for this subscription" in uartsim("send", "nmi", "vm1").err


def test_a_machine_that_is_stopped_is_left_to_the_service(alice: StubService, uartsim: Run) -> None:
    vm(alice)["instanceView"]["statuses"][1]["code"] = "PowerState/stopped"
    alice.refuse("connect", 409, "VMNotRunning", "The machine is stopped.")
    done = uartsim("send", "nmi", "vm1")
    assert (done.status, done.err) == (3, "uartsim: (VMNotRunning) The machine is stopped.\n")


def test_a_machine_that_is_not_there_is_said_with_the_services_words(alice: StubService, uartsim: Run) -> None:
    done = uartsim("send", "nmi", "vm2")
    assert done.status == 3
    assert done.err == "uartsim: (ResourceNotFound) The Resource 'vm2' under resource group 'group' was not found.\n"


def test_a_scale_set_without_an_instance_gets_a_hint(alice: StubService, uartsim: Run) -> None:
    alice.resources[SET_PATH.lower()] = {"name": "set"}
    done = uartsim("send", "nmi", "set")
    assert done.status == 3
    assert "We found that you specified a Virtual Machine Scale Set and not a VM. Use the --instance-id" in done.err


def test_the_instance_of_a_scale_set_is_named_with_quoted_slashes(alice: StubService, uartsim: Run) -> None:
    view = vm(alice)["instanceView"]
    alice.resources[f"{SET_PATH}/virtualMachines/2/instanceView".lower()] = view
    assert uartsim("send", "nmi", "set", "--instance-id", "2").status == 0
    port = "providers/Microsoft.SerialConsole/serialPorts/0/connect"
    assert ("POST", f"{SET_PATH}%2FvirtualMachines%2F2/{port}") in alice.requests
    done = uartsim("send", "nmi", f"{SET_PATH}/virtualMachines/2")
    assert done.status == 0
    del view["bootDiagnostics"]
    assert "requires boot diagnostics" in uartsim("send", "nmi", "set", "--instance-id", "2").err


# -- send, enable, disable -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "body", "text"),
    [
        (["nmi", "vm1"], {}, "NMI sent successfully\n"),
        (["reset", "vm1"], {}, "Successfully Hard Reset VM\n"),
        (["sysrq", "vm1", "--input", "reisub"], {"SysRqCommand": "reisub"}, "Successfully sent SysRq command\n"),
    ],
)
def test_an_admin_command_goes_beside_a_socket_that_takes_no_console(
    alice: StubService, uartsim: Run, words: list[str], body: dict[str, str], text: str
) -> None:
    done = uartsim("send", *words)
    assert (done.status, done.out, done.err) == (0, text, "")
    [(sent, path)] = alice.admin
    assert path == "/n/connector/c/sessions/s-1"
    assert (sent["command"], sent["commandParameters"]) == (words[0], body)
    assert not alice.sessions  # no token was shown


def test_a_service_that_wants_the_token_first_gets_it(alice: StubService, uartsim: Run) -> None:
    alice.refuse("reset", 403, "NotTrusted", "Show your token.")
    assert uartsim("send", "reset", "vm1").status == 0
    assert alice.sessions == [["token-1"]]
    assert len(alice.admin) == 1


def test_a_command_that_fails_says_why_and_is_not_repeated(alice: StubService, uartsim: Run) -> None:
    alice.refuse("sysrq", 400, "BadKeys", "Only letters.")
    done = uartsim("send", "sysrq", "vm1", "--input", "ä")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "uartsim: Failed to send SysRq command. Make sure the input only contains numbers and letters.\n"
        "(BadKeys) Only letters.\n"
    )
    assert not alice.admin


def test_sysrq_to_windows_is_refused(alice: StubService, uartsim: Run) -> None:
    vm(alice)["storageProfile"]["imageReference"]["offer"] = "WindowsServer"
    done = uartsim("send", "sysrq", "vm1", "--input", "h")
    assert (done.status, done.err) == (1, "uartsim: You can only send a SysRq to a Linux VM.\n")
    assert uartsim("send", "nmi", "vm1").status == 0


def test_the_console_of_a_subscription_is_switched(alice: StubService, uartsim: Run) -> None:
    assert uartsim("disable").out == "the serial console of subscription sub-1 is disabled\n"
    assert uartsim("enable").out == "the serial console of subscription sub-1 is enabled\n"
    alice.refuse("disableConsole", 403, "AuthorizationFailed", "The client 'alice' may not.")
    done = uartsim("disable")
    assert (done.status, done.err) == (3, "uartsim: (AuthorizationFailed) The client 'alice' may not.\n")


# -- what is tried again ---------------------------------------------------------------------------------------


def test_what_is_transient_is_tried_again_and_said(alice: StubService, uartsim: Run) -> None:
    alice.refuse("connect", 429, "TooManyRequests", "Slow down.", **{"retry-after": "0"})
    alice.refuse("connect", 503, "ServerBusy", "Busy.")
    alice.refuse("connect", 500, "Oops", "Internal.", **{"retry-after": "0"})
    conflict = 'Existing console has conflicting OS type "Windows" with the requested OS type of Linux'
    alice.refuse("connect", 409, "Conflict", conflict)
    alice.greetings.append((1012, "service restart"))
    done = uartsim("send", "nmi", "vm1")
    assert (done.status, done.out) == (0, "NMI sent successfully\n")
    for said in ("Slow down.", "Busy.", "Internal.", conflict, "service restart (1012)"):
        assert said in done.err
    assert not alice.answers["connect"]


def test_trying_again_ends(alice: StubService, uartsim: Run) -> None:
    alice.refuse("connect", 429, "TooManyRequests", "Slow down.", **{"retry-after": "3600"})
    done = uartsim("send", "nmi", "vm1")
    assert (done.status, done.err) == (3, "uartsim: (TooManyRequests) Slow down.\n")
    alice.stop()
    done = uartsim("send", "nmi", "vm1", "--retry-for", "0")
    assert done.status == 3
    assert done.err.endswith("cannot be reached (Connection refused): is the service running?\n")


def test_an_error_that_is_not_transient_is_shown_at_once(alice: StubService, uartsim: Run) -> None:
    alice.refuse("connect", 500, "InternalServerError", "Encountered internal server error.")
    done = uartsim("send", "nmi", "vm1")
    assert (done.status, done.err) == (3, "uartsim: (InternalServerError) Encountered internal server error.\n")


def test_a_socket_that_closes_before_its_first_frame_has_the_real_clients_text(
    alice: StubService, uartsim: Run
) -> None:
    alice.greetings.append((1008, "another time"))
    done = uartsim("send", "nmi", "vm1")
    assert done.status == 1
    assert done.err == (
        "uartsim: Could not establish connection to VM or VMSS: another time (1008).\n"
        'Try restarting it with "az vm restart".\n'
    )


def test_a_token_that_has_expired_is_replaced(alice: StubService, uartsim: Run) -> None:
    alice.answers["token"].append((200, {}, {"access_token": "old", "expires_in": 3599}))
    assert uartsim("send", "nmi", "vm1").status == 0
    assert [path for _, path in alice.requests].count("/adfs/oauth2/token") == 2


# -- who asks, and whom ----------------------------------------------------------------------------------------


def test_a_wrong_secret_is_said_without_it(alice: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_SECRET", "hunter2")
    done = uartsim("enable")
    assert (done.status, done.err) == (3, "uartsim: (invalid_client) wrong secret\n")


def test_a_token_comes_from_the_environment_a_file_or_with_a_warning_the_command_line(
    alice: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("UARTSIM_USER")
    monkeypatch.setenv("UARTSIM_TOKEN", "token-1")
    assert (uartsim("enable").status, uartsim("enable").err) == (0, "")
    monkeypatch.delenv("UARTSIM_TOKEN")
    (tmp_path / "token").write_text("token-1\n")
    assert (uartsim("enable", "--token-file", str(tmp_path / "token")).err) == ""
    done = uartsim("enable", "--token", "token-1")
    assert done.status == 0
    assert "other users of this computer can see --token" in done.err
    done = uartsim("enable", "--token", "stale")
    assert (done.status, done.err.splitlines()[1]) == (3, "uartsim: (InvalidToken) The token has expired.")
    assert "a new token" in done.err.splitlines()[2]
    assert "stale" not in done.err


def test_the_service_that_runs_is_found(
    service: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UARTSIM_USER", "alice")
    monkeypatch.setenv("UARTSIM_SECRET", SECRET)
    done = uartsim("enable")
    assert (done.status, done.err[:54]) == (2, "uartsim: no service is known: start one with 'uartsim serve'"[:54])
    monkeypatch.setenv("UARTSIM_SERVE_STATE", str(tmp_path / "state"))
    with open_own(str(tmp_path / "state"), "service", "x") as folder:
        write_service_note(folder, ServiceNote(service.url, str(service.ca_file)))
    assert uartsim("enable").status == 0


def test_a_certificate_that_is_not_trusted_is_said_and_nothing_is_sent(
    alice: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UARTSIM_CA_FILE")
    done = uartsim("enable")
    assert done.status == 3
    assert "is not trusted" in done.err
    assert done.err.endswith("name the CA's certificate with --ca-file\n")
    assert not alice.requests


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--endpoint", "ftp://x"], "'ftp://x' is not the URL of a service"),
        (["--endpoint", "https://"], "is not the URL of a service"),
        (["--endpoint", "https://a:b@c"], "is not the URL of a service"),
        (["--endpoint", "http://example.org"], "is not encrypted, and a token would be sent to it: use https://"),
        (["--ca-file", "/dev/null"], "the CA file /dev/null cannot be used (it holds no certificate in PEM)"),
        (["--ca-file", "/nowhere"], "the CA file /nowhere cannot be used (No such file or directory)"),
        (["--token", "t", "--user", "bob"], "a token says who asks already"),
        (["--token", "t", "--secret-file", "s"], "a token says who asks already"),
        (["--token", "two words"], "the token has characters that no token has"),
        (["--token", "t", "--token-file", "t"], "--token and --token-file: give one of them"),
        (["--token-endpoint", "http://example.org"], "is not encrypted"),
        (["--secret-file", "/nowhere"], "the secret file /nowhere cannot be read (No such file or directory)"),
    ],
)
def test_a_wrong_option_is_said(alice: StubService, uartsim: Run, words: list[str], said: str) -> None:
    done = uartsim("enable", *words)
    assert done.status == 2
    assert said in done.err
    assert not alice.requests


def test_the_machine_has_to_be_named(alice: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UARTSIM_RESOURCE_GROUP")
    assert "leave these options out" in uartsim("send", "nmi", VM_PATH, "-g", "group").err
    assert "name the resource group with -g GROUP" in uartsim("send", "nmi", "vm1").err
    assert "is not the id of a virtual machine" in uartsim("send", "nmi", "/subscriptions/x").err
    assert "sysrq needs a key" in uartsim("send", "sysrq", VM_PATH).err
    assert "--input is for sysrq" in uartsim("send", "nmi", VM_PATH, "--input", "h").err
    assert uartsim("send", "nmi", VM_PATH).status == 0
    assert (
        "--api-version is that of Microsoft.SerialConsole" in uartsim("log", "vm1", "--api-version", "2023-01-01").err
    )


def test_several_subscriptions_have_to_be_told_apart(alice: StubService, uartsim: Run) -> None:
    alice.resources["/subscriptions"]["value"].append({"subscriptionId": "sub-2", "displayName": "Two"})
    done = uartsim("enable")
    assert (done.status, done.err) == (
        2,
        "uartsim: there are several subscriptions; choose one with --subscription: sub-1 (One), sub-2 (Two)\n",
    )
    assert uartsim("enable", "--subscription", "sub-2").status == 0


@pytest.mark.parametrize("body", ["", "[]", "<html>", "[" * 100_000, '{"value": 3}', "\x1b[2Jx"])
def test_an_answer_that_cannot_be_is_a_sentence(alice: StubService, uartsim: Run, body: str) -> None:
    for status in (200, 404):
        alice.answers["subscriptions"].append((status, {}, body))
        done = uartsim("enable")
        assert done.status in (1, 3)
        assert done.err.startswith("uartsim: ")
        assert "\x1b" not in done.err
        assert "Traceback" not in done.err


def test_a_missing_extra_is_named(alice: StubService, uartsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio_websocket", None)
    done = uartsim("enable")
    assert done.status == 2
    assert done.err == (
        "uartsim: 'uartsim console' needs the library trio_websocket: install it with pip install 'uartsim[service]'\n"
    )


def test_the_libraries_are_not_loaded_before_they_are_needed() -> None:
    script = "import sys, uartsim.cli.command_group; print({'httpx', 'trio_websocket', 'trio', 'ssl'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=patience(60), check=True)
    assert done.stdout == b"set()\n"


# -- log -------------------------------------------------------------------------------------------------------


def test_the_log_is_printed_as_it_is_into_a_pipe(alice: StubService, uartsim: Run) -> None:
    alice.log = b"boot\r\n\x1b[2J\xffend"
    done = subprocess.run(
        [sys.executable, "-m", "uartsim", "console", "log", "vm1"],
        capture_output=True,
        timeout=patience(60),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, alice.log, b"")


def test_a_log_that_cannot_be_read_is_said_without_its_url(alice: StubService, uartsim: Run) -> None:
    alice.answers["log"] += [(403, {}, "<Error/>"), (403, {}, "<Error/>")]
    done = uartsim("log", "vm1")
    assert (done.status, done.err) == (3, "uartsim: the log cannot be read: <Error/>\n")


# -- connect without a terminal --------------------------------------------------------------------------------


def piped(text: bytes, *options: str) -> subprocess.Popen[bytes]:
    """``uartsim console connect`` with this input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uartsim", "console", "connect", "vm1", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()
    return process


def test_an_input_is_sent_and_the_output_printed(alice: StubService) -> None:
    alice.history = "login: "
    process = piped("é\nls\n".encode() + b"x" * 5000, "--wait", "0")
    alice.wait(lambda: alice.sessions and sum(map(len, alice.sessions[0][1:])) == 5005, "all of the input")
    alice.send(b"\xc3")
    alice.send(b"\xa9\x1b[2J")
    assert process.stdout is not None
    assert process.stdout.read(len(b"login: \xc3\xa9\x1b[2J")) == b"login: \xc3\xa9\x1b[2J"
    _, err = process.communicate(timeout=patience(60))
    assert (process.returncode, err) == (0, b"Connecting to console of VM vm1\n")
    assert "".join(alice.sessions[0][1:]) == "é\rls\r" + "x" * 5000
    assert max(map(len, alice.sessions[0][1:])) <= 2048


def test_a_socket_that_closes_under_a_pipe_is_status_1(alice: StubService) -> None:
    process = piped(b"ls\n")
    alice.wait_frames("ls\r")
    alice.close(1008, "bob has taken the console over")
    assert process.wait(patience(60)) == 1
    _, err = process.communicate()
    assert err.splitlines()[-1] == (
        b"uartsim: the socket has closed: bob has taken the console over (1008); 3 characters of the input had been sent"
    )
