"""The demo guest's users, what each of them may do, and what is still on its disk after a reboot."""

from __future__ import annotations

import re

import pytest
import trio

from tests.guests.line import Line
from tests.machine.rig import virtual_time
from uartsim import blocking
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.machine import AgentError, CommandResult


def demo(**settings: str) -> GuestDefinition:
    return find_guest("demo").with_settings({"grub_timeout": "0", "boot_seconds": "0", "time_scale": "0.1", **settings})


async def command(line: Line, script: str, shell: str = "sh") -> CommandResult:
    return await line.agent.run_command(script, shell=shell)


async def log_in(line: Line, name: str, password: str, prompt: bytes) -> None:
    await line.expect(b"login: ")
    line.send(f"{name}\r".encode())
    await line.expect(b"Password: ")
    line.send(f"{password}\r".encode())
    await line.expect(prompt)


@virtual_time
async def test_a_command_runs_as_root_beside_the_console_and_its_output_is_captured() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        assert await command(line, "id -un; pwd\necho wrong >&2; exit 7") == CommandResult(7, "root\n/\n", "wrong\n")
        assert (await command(line, "for i in 1 2 3; do echo $i; done | tail -n 1", "bash")).stdout == "3\n"
        assert (await command(line, "read x; echo got $x; stty")).stdout == "got\n"  # there is nothing to read
        assert (await command(line, "if")).status == 2
        line.send(b"\r")
        assert b"wrong" not in await line.expect(b"login: ")


@virtual_time
async def test_a_shell_that_the_machine_lacks_is_refused() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        with pytest.raises(UsageError, match="cannot run a script in 'powershell': its shells are sh, bash, dash"):
            await command(line, "Get-Process", "powershell")


@virtual_time
async def test_before_its_system_has_started_the_machine_says_that_it_cannot() -> None:
    line = Line()
    async with line.open(demo(grub_timeout="-1")):
        await line.expect(b"GRUB")
        with pytest.raises(UsageError, match="demo cannot run commands or set passwords"):
            await command(line, "id")


@virtual_time
async def test_endless_output_is_cut_off_and_ends_with_the_time_limit() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        with pytest.raises(AgentError, match="took longer than 1 s"):
            await line.agent.run_command("while true; do echo x; sleep 0.1; done", timeout_s=1)
        assert len((await command(line, "yes | head -c 3000000")).stdout) == 1 << 20


@virtual_time
async def test_a_panic_ends_the_agent() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        assert (await command(line, "echo c > /proc/sysrq-trigger; sleep 5")).status == 143
        with pytest.raises(UsageError, match="no guest agent"):
            await command(line, "id")


@virtual_time
async def test_a_reset_password_makes_a_user_who_can_log_in_and_use_sudo() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        await line.agent.set_password("ann", "s3cret pass")
        line.send(b"\r")
        await log_in(line, "ann", "s3cret pass", b"ann@demo:~$ ")
        line.send(b"id; pwd; cat /etc/shadow; echo x > /etc/new; echo mine > f; ls -l f; reboot\r")
        said = await line.expect(b"ann@demo:~$ ")
        assert b"uid=1000(ann) gid=1000(ann) groups=1000(ann),27(sudo)" in said
        assert b"/home/ann\r\n" in said
        assert said.count(b"Permission denied") == 2
        assert re.search(rb"-rw-r--r-- 1 ann ann +5 ", said)
        assert b"Interactive authentication required" in said
        line.send(b"sudo cat /etc/shadow\r")
        await line.expect(b"[sudo] password for ann: ")
        line.send(b"wrong\r")
        await line.expect(b"Sorry, try again.")
        await line.expect(b"[sudo] password for ann: ")
        line.send(b"s3cret pass\r")
        assert b"root:$demo$" in await line.expect(b"ann@demo:~$ ")


@virtual_time
async def test_a_reset_password_of_a_user_who_exists_replaces_the_old_one() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        await line.agent.set_password("root", "new")
        line.send(b"root\r")
        await line.expect(b"Password: ")
        line.send(b"toor\r")
        await line.expect(b"Login incorrect")
        await log_in(line, "root", "new", b"root@demo:~# ")


@pytest.mark.parametrize(("user", "password"), [("Ann", "x"), ("-x", "x"), ("a:b", "x"), ("ann", ""), ("ann", "a\nb")])
@virtual_time
async def test_an_impossible_user_or_password_is_refused(user: str, password: str) -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        with pytest.raises(UsageError, match="possible"):
            await line.agent.set_password(user, password)


@virtual_time
async def test_users_and_files_survive_a_reset_and_a_reboot_but_tmp_does_not() -> None:
    line = Line()
    async with line.open(demo()):
        await line.expect(b"login: ")
        await command(line, "useradd -m bob; echo bob:pw | chpasswd; echo kept > /root/note; echo gone > /tmp/note")
        await line.machine.reset()
        await line.expect(b"SeaBIOS")
        await log_in(line, "bob", "pw", b"bob@demo:~$ ")
        assert (await command(line, "cat /root/note; ls /tmp")).stdout == "kept\n"
        await command(line, "echo box > /etc/hostname; reboot")
        await line.expect(b"SeaBIOS")
        await log_in(line, "bob", "pw", b"bob@box:~$ ")


@virtual_time
async def test_each_boot_has_a_boot_id_of_its_own_and_keeps_it() -> None:
    line = Line()
    read = "cat /proc/sys/kernel/random/boot_id"
    async with line.open(demo()):
        await line.expect(b"login: ")
        first = (await command(line, read)).stdout
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n", first)
        assert (await command(line, read)).stdout == first
        assert (await command(line, "sysctl -n kernel.random.boot_id")).stdout == first
        await line.machine.reset()
        await line.expect(b"SeaBIOS")
        await line.expect(b"login: ")
        assert (await command(line, read)).stdout != first


@virtual_time
async def test_a_machine_with_ssh_keys_only_refuses_a_login_until_a_password_has_been_set() -> None:
    line = Line()
    definition = find_guest("ssh-key-only").with_settings({"grub_timeout": "0", "boot_seconds": "0"})
    async with line.open(definition):
        await line.expect(b"login: ")
        for name in ("azureuser", "root"):
            line.send(f"{name}\r".encode())
            await line.expect(b"Password: ")
            line.send(b"toor\r")
            await line.expect(b"Login incorrect")
            await line.expect(b"login: ")
        assert "ssh-ed25519 " in (await command(line, "cat /home/azureuser/.ssh/authorized_keys")).stdout
        await line.agent.set_password("azureuser", "Passw0rd!")
        line.send(b"azureuser\r")
        await line.expect(b"Password: ")
        line.send(b"Passw0rd!\r")
        await line.expect(b"azureuser@ssh-key-only:~$ ")
        line.send(b"sudo id -un\r")
        await line.expect(b"password for azureuser: ")
        line.send(b"Passw0rd!\r")
        await line.expect(b"\r\nroot\r\n")


@virtual_time
async def test_a_root_without_a_password_is_locked_out_of_rescue_mode_too() -> None:
    line = Line()
    async with line.open(demo(password="", cmdline="root=/dev/vda1 ro console=ttyS0,115200 single")):
        await line.expect(b"the root account is locked")
        line.send(b"\r")
        await line.expect(b"login: ")


@virtual_time
async def test_passwd_asks_an_ordinary_user_for_the_present_password() -> None:
    line = Line()
    async with line.open(demo(user="ann", user_password="old")):
        await log_in(line, "ann", "old", b"ann@demo:~$ ")
        line.send(b"passwd root\r")
        await line.expect(b"You may not view or modify password information for root.")
        line.send(b"passwd\r")
        for prompt, answer in (
            ("Current password: ", "old"),
            ("New password: ", "new"),
            ("Retype new password: ", "new"),
        ):
            await line.expect(prompt.encode())
            line.send(f"{answer}\r".encode())
        await line.expect(b"password updated successfully")
        line.send(b"su - ann\r")
        await line.expect(b"Password: ")
        line.send(b"new\r")
        await line.expect(b"ann@demo:~$ ")


@virtual_time
async def test_tmout_in_the_profile_ends_an_idle_session() -> None:
    line = Line()
    async with line.open(demo()):
        await line.log_in()
        line.send(b"echo export TMOUT=600 >> .profile; exit\r")
        await line.expect(b"logout")
        await line.log_in()
        start = trio.current_time()
        await line.expect(b"\atimed out waiting for input: auto-logout\r\n", 700)
        assert trio.current_time() - start == pytest.approx(600, abs=1)
        await line.expect(b"login: ")


@pytest.mark.parametrize("settings", [{"user": "Not A Name"}, {"user_password": "x"}])
@virtual_time
async def test_impossible_settings_of_users_are_refused(settings: dict[str, str]) -> None:
    line = Line()
    async with line.open(demo(**settings)):
        end = await line.machine.wait_ended()
    assert end.reason == "failed"
    assert "user" in end.detail


def test_a_password_that_was_set_in_single_user_mode_by_way_of_grub_is_good_after_the_next_boot() -> None:
    with blocking.open_console("ssh-key-only", clock="virtual", timeout=60) as console:
        console.grub.edit(r"^\s*linux", " rw init=/bin/bash")
        console.grub.boot()
        console.expect(r"root@\(none\):/# ")
        console.sendline("passwd azureuser")
        for prompt in ("New password: ", "Retype new password: "):
            console.expect_exact(prompt)
            console.send_secret("by-grub")
        console.expect("password updated successfully")
        console.sendline("reboot -f")
        console.login("azureuser", "by-grub")
        assert console.run("id -un").output == "azureuser\n"


@virtual_time
async def test_sudo_takes_a_user_and_a_password_from_its_input_and_refuses_where_it_may_not_ask() -> None:
    line = Line()
    async with line.open(demo(user="ann", user_password="pw")):
        await line.expect(b"login: ")
        assert (await command(line, "sudo -n -u ann id -un")).stdout == "ann\n"  # root needs no password
        as_ann = "su ann -c 'echo pw | sudo -S id -un; sudo -n id; sudo id -un'"
        result = await command(line, as_ann)
        assert result.stdout == "root\n"
        assert "sudo: a password is required\nsudo: a terminal is required" in result.stderr
        assert (await command(line, "su ann -c 'echo wrong | sudo -S id'")).status == 1
        assert (await command(line, "sudo -u nobody-here id")).stderr == "sudo: unknown user nobody-here\n"
        assert (await command(line, "sudo --what")).stderr.startswith("usage: sudo")
        await command(line, "useradd bob; echo bob:pw | chpasswd")
        refused = await command(line, "su bob -c 'echo pw | sudo -S id'")
        assert refused.stderr.endswith("bob is not in the sudoers file.\n")
