"""What the documents say of an open console: both ways, taking over, the audit, paste, time-outs, passwords."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.service.rules.azure_tenant import AzureTenant, Terminal
from tests.service.rules.wire_tap import WireTap
from uartsim.guest.catalogue import find_guest

Made = Callable[..., AzureTenant]


@pytest.mark.azure("A-001", "A-002", "A-006", "A-023")
@pytest.mark.parametrize("kind", ["vm", "instance"])
def test_console_works_both_ways(azure: AzureTenant, kind: str) -> None:
    machine = azure.vm("linux1") if kind == "vm" else azure.instance(0)
    with azure.console(machine) as terminal:
        assert "login" not in terminal.first  # clients do not show the first frame
        terminal.login()
        assert terminal.run("echo $((6 * 7))") == "42"


@pytest.mark.azure("A-025", "A-030", "A-125")
def test_each_instance_has_its_own_console(azure: AzureTenant) -> None:
    boots = set()
    for number in range(2):
        with azure.console(azure.instance(number)) as terminal:
            terminal.login()
            boots.add(terminal.run("cat /proc/sys/kernel/random/boot_id"))
    assert len(boots) == 2


@pytest.mark.azure("A-022")
def test_machines_of_the_subscription_are_listed(azure: AzureTenant) -> None:
    listed = azure.do("GET", f"{azure.subscription}/providers/Microsoft.Compute/virtualMachines", "reader")
    assert {"linux1", "windows1"} <= {one["name"] for one in listed["value"]}


@pytest.mark.azure("A-029")
def test_instances_of_a_scale_set_are_listed(azure: AzureTenant) -> None:
    listed = azure.do("GET", azure.instance(0).rpartition("/")[0], "reader")
    assert [one["instanceId"] for one in listed["value"]] == ["0", "1"]


# -- users with passwords --------------------------------------------------------------------------------------


def set_password(azure: AzureTenant, machine: str, user: str, password: str) -> None:
    """The reset of a password by the VMAccess extension."""
    body = {
        "location": "westeurope",
        "properties": {
            "publisher": "Microsoft.OSTCExtensions",
            "type": "VMAccessForLinux",
            "typeHandlerVersion": "1.5",
            "protectedSettings": {"username": user, "password": password},
        },
    }
    azure.do("PUT", f"{machine}/extensions/enablevmaccess", "vmcontributor", body)


@pytest.mark.azure("A-013", "A-014", "A-032", "A-120", "A-126", "P-014")
def test_ssh_key_only_machine_wants_a_password_first(azure: AzureTenant) -> None:
    machine = azure.vm("keys1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        for user in ("azureuser", "root"):
            terminal.expect("login: ")
            terminal.type(user)
            terminal.expect("Password: ")
            terminal.type("anything")
            terminal.expect("Login incorrect")
        set_password(azure, machine, "azureuser", "Rescue-me-1")
        terminal.login("azureuser", "Rescue-me-1", ":~$ ")
        assert terminal.run("whoami") == "azureuser"


@pytest.mark.azure("A-033", "P-015")
def test_vmaccess_creates_a_user_who_can_log_in(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.expect("login: ")
        set_password(azure, machine, "rescuer", "Rescue-me-1")
        terminal.type("")
        terminal.login("rescuer", "Rescue-me-1", ":~$ ")
        assert terminal.run("whoami") == "rescuer"


# -- what the guest does with the port -------------------------------------------------------------------------


@pytest.mark.azure("A-036", "A-107", "A-108", "A-124", "P-039", "P-061", "P-047")
def test_guest_that_does_not_use_the_port_shows_nothing(azure: AzureTenant) -> None:
    machine = azure.vm("silent1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.expect("GNU GRUB")
        terminal.send("\r")
        # The machine is up, as its agent says, and still nothing answers.
        assert "Linux" in azure.run_command(machine, "uname")
        terminal.type("")
        azure.do("POST", f"{machine}/restart")
        assert "login:" not in terminal.expect("GNU GRUB")
        # The mitigation: the kernel's line gets the port.
        terminal.send("e")
        terminal.expect("Minimum Emacs")
        terminal.send("\x0e\x0e\x05")
        for character in " console=ttyS0,115200":
            terminal.send(character)
        terminal.send("\x18")
        terminal.login()


@pytest.mark.azure("A-050")
def test_enter_brings_the_prompt_back_to_a_blank_console(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.expect("login: ")
    answer = azure.connect(machine)
    url = f"{answer.json()['connectionString']}?replay=0"
    with Terminal(url, azure.tokens["vmcontributor"], azure.tls) as terminal:
        terminal.send("\r")
        assert "login: " in terminal.expect("login: ")
        assert "SeaBIOS" not in terminal.seen


@pytest.mark.azure("A-057", "P-037")
def test_restart_from_the_console_reaches_grub(azure: AzureTenant) -> None:
    machine = azure.vm("menu1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.expect("GNU GRUB")
        terminal.send("\r")
        terminal.login()
        before = terminal.run("cat /proc/sys/kernel/random/boot_id")
        azure.do("POST", f"{machine}/restart", "vmcontributor")
        terminal.expect("GNU GRUB")
        terminal.send("c")
        terminal.expect("grub> ")
        terminal.send("\x1b")
        terminal.expect("GNU GRUB")
        terminal.send("\r")
        terminal.login()
        assert terminal.run("cat /proc/sys/kernel/random/boot_id") != before


@pytest.mark.azure("A-035", "P-042", "P-043", "P-044", "P-048", "P-049")
def test_lost_password_is_reset_in_single_user_mode(azure: AzureTenant) -> None:
    machine = azure.vm("menu1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.expect("GNU GRUB")
        terminal.send("e")
        terminal.expect("Minimum Emacs")
        terminal.send("\x0e\x0e\x05")
        for character in " rw init=/bin/bash":
            terminal.send(character)
        terminal.send("\x18")
        terminal.expect("# ")
        terminal.run("echo root:found-again | chpasswd")
        azure.admin(terminal, "reset")
        terminal.expect("GNU GRUB")
        terminal.send("e")
        terminal.expect("Minimum Emacs")
        terminal.send("\x0e\x0e\x05")
        for character in " systemd.unit=rescue.target":
            terminal.send(character)
        terminal.send("\x18")
        terminal.expect("root password for maintenance")
        terminal.type("found-again")
        terminal.expect("#")
        assert terminal.run("whoami") == "root"


@pytest.mark.azure("A-003", "A-053", "A-054", "A-056", "P-004", "P-030", "P-034", "P-036")
@pytest.mark.needs(guest="agetty")
def test_console_is_com1_and_needs_no_network(azure: AzureTenant) -> None:
    machine = azure.vm("agetty1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.login()
        assert terminal.run("cat /proc/net/dev | grep -c :") == "1"  # lo, which is down
        assert terminal.run("tty").startswith("/dev/")


@pytest.mark.azure("A-045", "P-050")
@pytest.mark.needs(guest="agetty")
def test_documents_agetty_line_logs_in_on_the_port(azure: AzureTenant) -> None:
    documents = ["S0", "12345", "respawn", "/sbin/agetty -L 115200 console vt102"][3].split()
    manifest = tomllib.loads((find_guest("agetty").folder / "guest.toml").read_text())
    command = manifest["process"]["command"]
    ours = [word.partition("=")[0] for word in command[-5:]]
    assert ours == [*documents[:2], "{baud}", "{tty_name}", documents[4]]
    assert manifest["settings"]["baud"] == int(documents[2])
    machine = azure.vm("agetty1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.login()
        assert terminal.run("stty speed") == "115200"
        assert terminal.run("echo $TERM") == "vt102"


# -- two users -------------------------------------------------------------------------------------------------


@pytest.mark.azure("A-087", "A-088", "P-025", "P-026")
def test_second_user_takes_over_the_session(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as first:
        first.login()
        first.run("export SEEN=by-the-first")
        with azure.console(machine, "contributor") as second:
            assert first.ended()
            second.send("\r")
            second.expect("# ")
            assert second.run("echo $SEEN") == "by-the-first"


@pytest.mark.azure("A-089", "P-027")
@pytest.mark.needs(guest="agetty")
def test_logout_on_disconnect_ends_the_login(azure_with: Made) -> None:
    azure = azure_with(gateway={"logout_on_disconnect": True})
    honours, ignores = azure.vm("agetty2"), azure.vm("linux1")
    azure.do("POST", f"{honours}/start")
    for machine, outcome in ((honours, "has hung up"), (ignores, "ignores carrier (CLOCAL)")):
        with azure.console(machine) as terminal:
            terminal.login()
            terminal.run("echo logged in")
        azure.wait_for(lambda machine=machine, outcome=outcome: outcome in azure.log(machine), outcome)  # type: ignore[misc]
    with azure.console(honours) as terminal:
        terminal.expect("logged in")
        terminal.expect("login: ")


@pytest.mark.azure("A-091")
def test_tmout_logs_the_shell_out(azure: AzureTenant) -> None:
    with azure.console(azure.vm("linux1")) as terminal:
        terminal.login()
        terminal.run("echo 'export TMOUT=1' >> ~/.profile")
        terminal.type("exit")
        terminal.login()  # and from here on nobody types
        terminal.expect("timed out waiting for input: auto-logout")
        terminal.expect("login: ")


@pytest.mark.azure("A-083")
def test_history_is_replayed_to_who_connects(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.login()
        terminal.run("echo remember me")
    with azure.console(machine) as terminal:
        came = terminal.expect("remember me")
        assert "login: root" in came


# -- the wire and the log --------------------------------------------------------------------------------------


@pytest.mark.azure("A-078", "P-018")
@pytest.mark.parametrize("path", ["/", "session"])
def test_plain_http_gets_no_data(azure: AzureTenant, path: str) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.expect("login: ")
        url = urlsplit(azure.connect(machine, "contributor").json()["connectionString"])
        assert url.scheme == "wss"
        target = url.path if path == "session" else path
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        answered = b""
        with socket.create_connection((str(url.hostname), url.port or 443), timeout=20) as plain:
            plain.sendall(request.encode())
            try:
                while piece := plain.recv(4096):
                    answered += piece
            except ConnectionError:
                pass
        assert b"login" not in answered
        assert b"101 " not in answered


@pytest.mark.azure("A-078", "P-018")
def test_capture_of_the_wire_holds_neither_text_nor_token(azure: AzureTenant) -> None:
    url = urlsplit(azure.connect(azure.vm("linux1")).json()["connectionString"])
    token = azure.tokens["vmcontributor"]
    with WireTap(str(url.hostname), url.port or 443) as tap:
        tapped = url._replace(netloc=f"{url.hostname}:{tap.port}").geturl()
        with Terminal(tapped, token, azure.tls) as terminal:
            terminal.login()
            assert terminal.run("echo for nobody else") == "for nobody else"
    assert len(tap.captured) > len(terminal.seen)
    for secret in ("login:", "for nobody", "toor", token):
        assert secret.encode() not in tap.captured


@pytest.mark.azure("A-079", "P-019")
def test_access_stands_in_the_boot_diagnostics_log(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.login()
    with azure.console(machine, "contributor") as terminal:
        terminal.expect("login: ")
    log = azure.log(machine)
    assert "vmcontributor@" in log
    assert "contributor@" in log


@pytest.mark.azure("A-080", "A-085", "P-020", "P-023")
def test_log_is_read_with_read_permission_only(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    azure.create_account("diagnostics1")
    azure.boot_diagnostics(machine, "diagnostics1")
    with azure.console(machine) as terminal:
        terminal.login()
        terminal.run("echo for few eyes")
    assert "for few eyes" in azure.log(machine, "vmcontributor")
    azure.assign("nobody", "Virtual Machine Contributor", machine)
    answer = azure.request("POST", f"{machine}/retrieveBootDiagnosticsData", "nobody")
    assert answer.status_code == 403, answer.text
    azure.assign("nobody", "Virtual Machine Contributor", azure.account("diagnostics1"))
    assert "for few eyes" in azure.log(machine, "nobody")


@pytest.mark.azure("A-081", "P-021")
def test_typed_password_is_not_in_the_log(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.expect("login: ")
        set_password(azure, machine, "rescuer", "Never-told-7")
        terminal.type("")
        terminal.login("rescuer", "Never-told-7", ":~$ ")
        terminal.run("echo I am in")
    log = azure.log(machine)
    assert "I am in" in log
    assert "Never-told-7" not in log


@pytest.mark.azure("A-082", "P-022")
def test_what_a_command_prints_is_in_the_log(azure: AzureTenant) -> None:
    machine = azure.vm("linux1")
    with azure.console(machine) as terminal:
        terminal.login()
        terminal.run("echo a secret | tr a-z A-Z")
    assert "A SECRET" in azure.log(machine)


# -- the terminal ----------------------------------------------------------------------------------------------


@pytest.mark.azure("A-111", "A-117")
def test_paste_of_2048_characters_passes_and_2049_is_refused(azure: AzureTenant) -> None:
    with azure.console(azure.vm("linux1")) as terminal:
        terminal.login()
        command = "echo ${#LONG}; LONG="
        longest = command + "x" * (2048 - len(command))
        terminal.send(longest)
        terminal.send("\r")
        terminal.expect("\r\n")
        assert terminal.run("echo ${#LONG}") == str(2048 - len(command))
        terminal.send(longest.replace("x", "y") + "y")
        terminal.expect("2048")
        assert "y" in terminal.run("echo ${LONG%x*}y")
        assert "yy" not in terminal.run("echo $LONG")


@pytest.mark.azure("A-109", "A-110")
@pytest.mark.needs(guest="agetty")
def test_window_size_is_not_negotiated_and_resize_sets_it(azure: AzureTenant) -> None:
    """A script does here what xterm's resize does: it sends the cursor far away, and asks the terminal where it is."""
    machine = azure.vm("agetty1")
    azure.do("POST", f"{machine}/start")
    with azure.console(machine) as terminal:
        terminal.login()
        assert terminal.run("stty size") in {"0 0", "24 80"}
        resize = r"resize() { printf '\e[s\e[999;999H\e[6n\e[u'; IFS='[;' read -rsdR _ rows cols; stty rows $rows cols $cols; }"
        terminal.run(resize)
        terminal.type("resize")
        terminal.expect("\x1b[6n")
        terminal.send("\x1b[40;132R")
        assert terminal.run("stty size") == "40 132"


# -- the documents' shell commands -----------------------------------------------------------------------------

STATUS = """
export ACCESSTOKEN=($(az account get-access-token --output=json | jq .accessToken | tr -d '"'))
export SUBSCRIPTION_ID=$(az account show --output=json | jq .id -r)
curl "HOST/subscriptions/$SUBSCRIPTION_ID/providers/Microsoft.SerialConsole/consoleServices/default?api-version=2018-05-01"\
 -H "Authorization: Bearer $ACCESSTOKEN" -H "Content-Type: application/json" -H "Accept: application/json" -s | jq .properties
"""
SWITCH = """
export ACCESSTOKEN=($(az account get-access-token --output=json | jq .accessToken | tr -d '"'))
export SUBSCRIPTION_ID=$(az account show --output=json | jq .id -r)
curl -X POST "HOST/subscriptions/$SUBSCRIPTION_ID/providers/Microsoft.SerialConsole/consoleServices/default/CALL\
?api-version=2018-05-01" -H "Authorization: Bearer $ACCESSTOKEN" -H "Content-Type: application/json"\
 -H "Accept: application/json" -s -H "Content-Length: 0"
"""


@pytest.mark.needs("curl", "jq")
@pytest.mark.azure("A-072", "A-073", "A-074", "A-075")
def test_documents_shell_commands_run_but_for_the_host(azure: AzureTenant, tmp_path: Path) -> None:
    """The commands of the document; a script stands for ``az``, which is too large for the tests, and prints what it prints."""
    az = tmp_path / "az"
    subscription = azure.subscription.rpartition("/")[2]
    token = f'{{"accessToken": "{azure.tokens["contributor"]}"}}'
    az.write_text(f"#!/bin/sh\ncase $2 in show) echo '{{\"id\": \"{subscription}\"}}';; *) echo '{token}';; esac\n")
    az.chmod(0o755)
    certificate = tmp_path / "ca.pem"
    certificate.write_text(azure.ca_pem)

    def shell(text: str, call: str = "") -> str:
        script = text.replace("HOST", azure.base_url).replace("CALL", call)
        environment = {"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "CURL_CA_BUNDLE": str(certificate)}
        bash = shutil.which("bash")
        assert bash is not None
        done = subprocess.run([bash, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return re.sub(r"\s", "", done.stdout)

    assert shell(STATUS) == '{"disabled":false}'
    assert shell(SWITCH, "disableConsole") == '{"properties":{"disabled":true}}'
    assert shell(STATUS) == '{"disabled":true}'
    assert shell(SWITCH, "enableConsole") == '{"properties":{"disabled":false}}'
    assert shell(STATUS) == '{"disabled":false}'


@pytest.mark.azure("A-068", "A-071")
def test_calls_can_be_tried_on_the_page_of_the_api(azure: AzureTenant) -> None:
    document = azure.do("GET", "/openapi.json")
    paths = {path.lower() for path in document["paths"]}
    for call in ("disableconsole", "enableconsole"):
        assert any(path.endswith(f"/consoleservices/{{default}}/{call}") for path in paths)
