"""Guests that are Python scripts: loading, errors with file and line, reset, NMI, power."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest
import trio

from tests.machine.rig import FarEnd, Listener, virtual_time
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest, list_guests
from uartsim.guest.make_guest import make_guest
from uartsim.guest.script import load_main
from uartsim.machine import GuestEnd, Machine, open_machine


def make_script(folder: Path, source: str, settings: str = "", **files: str) -> GuestDefinition:
    """A guest's folder with a script in it; ``files`` are further modules."""
    folder.mkdir(exist_ok=True)
    (folder / "guest.toml").write_text(
        f'[guest]\nkind = "script"\ndescription = "a test"\n[script]\nfile = "guest.py"\n[settings]\n{settings}'
    )
    for name, text in {"guest": source, **files}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return find_guest(str(folder))


async def end_of(definition: GuestDefinition) -> GuestEnd:
    async with open_machine(make_guest(definition)) as machine:
        return await machine.wait_ended()


ECHO = """
    async def main(host):
        host.tty.open()
        host.on_nmi = lambda: host.tty.write_nowait(b"NMI")
        await host.tty.write(b"up ")
        while True:
            data, flag = await host.tty.receive()
            await host.tty.write(data)
"""


@virtual_time
async def test_a_script_powers_off_when_it_returns(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", "async def main(host):\n    return None\n")
    assert await end_of(definition) == GuestEnd("poweroff")


@virtual_time
async def test_a_script_that_asks_for_a_reboot_starts_again_on_a_reset_chip(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        boots = 0

        async def main(host):
            global boots
            assert host.tty.com1.uart.ier == 0
            host.tty.open()
            boots += 1
            await host.tty.write(b"boot %d " % boots)
            await host.tty.drain()
            return "reboot" if boots < 3 else "poweroff"
        """,
    )
    ears: list[FarEnd] = []
    async with open_machine(make_guest(definition), prepare=lambda m: ears.append(FarEnd(m.com1))) as machine:
        assert await machine.wait_ended() == GuestEnd("poweroff")
        await trio.sleep(0.01)
        assert ears[0].data == b"boot 1 boot 2 boot 3 "


@virtual_time
async def test_reset_cancels_the_script_and_starts_it_again(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", ECHO)
    ears: list[FarEnd] = []
    async with open_machine(make_guest(definition), prepare=lambda m: ears.append(FarEnd(m.com1))) as machine:
        await ears[0].wait_for(3)
        await machine.reset()
        await ears[0].wait_for(6)
        machine.com1.far_send(b"x")
        assert await ears[0].wait_for(7) == b"up up x"
        assert machine.ended is None


@virtual_time
async def test_nmi_calls_what_the_script_has_set(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", ECHO)
    ears: list[FarEnd] = []
    async with open_machine(make_guest(definition), prepare=lambda m: ears.append(FarEnd(m.com1))) as machine:
        await ears[0].wait_for(3)
        await machine.nmi()
        assert await ears[0].wait_for(6) == b"up NMI"


@virtual_time
async def test_nmi_to_a_script_that_has_set_nothing_does_nothing(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", "import trio\nasync def main(host):\n    await trio.sleep_forever()\n")
    async with open_machine(make_guest(definition)) as machine:
        await trio.sleep(1)
        await machine.nmi()
        await trio.sleep(1)
        assert machine.ended is None


@virtual_time
async def test_an_error_in_the_nmi_handler_ends_the_guest_and_not_who_pressed_the_button(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        import trio

        def handler():
            raise ValueError("no panic today")

        async def main(host):
            host.on_nmi = handler
            await trio.sleep_forever()
        """,
    )
    async with open_machine(make_guest(definition)) as machine:
        await trio.sleep(1)
        await machine.nmi()
        end = await machine.wait_ended()
        assert end == GuestEnd("failed", detail="ValueError: no panic today (guest.py:5)")


@virtual_time
async def test_an_error_in_a_script_ends_it_with_file_and_line(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        from .part import work

        async def main(host):
            await work()
        """,
        part="""
        import trio

        async def work():
            await trio.sleep(1)
            {}["missing"]
        """,
    )
    assert await end_of(definition) == GuestEnd("failed", detail="KeyError: 'missing' (part.py:6)")


@virtual_time
async def test_an_error_in_a_script_s_nursery_is_named_and_not_the_group(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        import trio

        async def worker():
            await trio.sleep(1)
            raise RuntimeError("lost")

        async def main(host):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(worker)
                nursery.start_soon(trio.sleep_forever)
        """,
    )
    assert await end_of(definition) == GuestEnd("failed", detail="RuntimeError: lost (guest.py:6)")


@virtual_time
async def test_sys_exit_in_a_script_ends_the_guest_and_not_us(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", "import sys\nasync def main(host):\n    sys.exit(3)\n")
    assert await end_of(definition) == GuestEnd("failed", detail="SystemExit: 3 (guest.py:3)")


@virtual_time
async def test_a_script_that_returns_nonsense_is_told_what_it_may_return(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", "async def main(host):\n    return 'rebot'\n")
    end = await end_of(definition)
    assert end.reason == "failed"
    assert "'rebot'" in end.detail
    assert "'reboot'" in end.detail
    assert "'poweroff'" in end.detail


@virtual_time
async def test_a_script_that_only_ever_reboots_can_still_be_stopped(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", "async def main(host):\n    return 'reboot'\n")
    async with open_machine(make_guest(definition)) as machine:
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        machine.power_off()
        assert await machine.wait_ended() == GuestEnd("stopped")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("async def main(host)\n    pass\n", r"guest\.py.*(expected ':'|invalid syntax).*line 1"),
        ("import no_such_module_at_all\n", r"no_such_module_at_all.*guest\.py:1"),
        ("x = 1\n\n1 / 0\n", r"ZeroDivisionError.*guest\.py:3"),
        ("raise SystemExit(1)\n", r"SystemExit.*guest\.py:1"),
        ("def main(host):\n    pass\n", r"async def main\(host\)"),
        ("main = 3\n", r"async def main\(host\)"),
        ("", r"async def main\(host\)"),
    ],
)
@virtual_time
async def test_a_script_that_cannot_be_loaded_is_one_sentence_with_the_place(
    tmp_path: Path, source: str, why: str
) -> None:
    definition = make_script(tmp_path / "g", source)
    with pytest.raises(UsageError, match=why):
        await end_of(definition)


@virtual_time
async def test_a_script_sees_its_settings_and_its_folder(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        async def main(host):
            host.tty.open()
            text = f"{host.settings['who']} {(host.folder / 'data.txt').read_text()}"
            await host.tty.write(text.encode())
            await host.tty.drain()
        """,
        settings='who = "nobody"\n',
    ).with_settings({"who": "somebody"})
    (tmp_path / "g" / "data.txt").write_text("else")
    ears: list[FarEnd] = []
    async with open_machine(make_guest(definition), prepare=lambda m: ears.append(FarEnd(m.com1))) as machine:
        await machine.wait_ended()
        assert await ears[0].wait_for(13) == b"somebody else"


@virtual_time
async def test_two_guests_with_files_of_the_same_names_do_not_meet(tmp_path: Path) -> None:
    source = """
        from .words import WORD

        async def main(host):
            host.tty.open()
            await host.tty.write(WORD)
            await host.tty.drain()
    """
    for word in ("one", "two"):
        definition = make_script(tmp_path / word, source, words=f"WORD = b{word!r}")
        ears: list[FarEnd] = []

        def prepare(machine: Machine, ears: list[FarEnd] = ears) -> None:
            ears.append(FarEnd(machine.com1))

        async with open_machine(make_guest(definition), prepare=prepare) as machine:
            await machine.wait_ended()
            assert await ears[0].wait_for(3) == word.encode()


@virtual_time
async def test_power_off_cancels_the_script_and_lets_it_put_away_its_things(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "g",
        """
        import trio

        async def main(host):
            try:
                await trio.sleep_forever()
            finally:
                (host.folder / "gone").write_text("yes")
        """,
    )
    async with open_machine(make_guest(definition)):
        await trio.sleep(1)
    assert (tmp_path / "g" / "gone").read_text() == "yes"


@virtual_time
async def test_the_line_stays_usable_after_a_script_has_failed(tmp_path: Path) -> None:
    """Whoever is attached still gets what the guest had sent before it failed."""
    definition = make_script(
        tmp_path / "g",
        """
        async def main(host):
            host.tty.open()
            await host.tty.write(b"last words")
            raise RuntimeError
        """,
    )
    ears: list[FarEnd] = []
    async with open_machine(make_guest(definition), prepare=lambda m: ears.append(FarEnd(m.com1))) as machine:
        assert (await machine.wait_ended()).reason == "failed"
        await trio.sleep(0.1)
        assert ears[0].data == b"last words"


@virtual_time
async def test_the_last_words_of_a_script_that_fails_reach_the_far_end_whole(tmp_path: Path) -> None:
    definition = make_script(
        tmp_path / "talker",
        """
        async def main(host):
            host.tty.open()
            await host.tty.write(b"last words " * 40)
            raise RuntimeError("boom")
        """,
    )
    said: list[bytes] = []

    def listen(machine: Machine) -> None:
        Listener(machine.com1, lambda data, at: said.append(data))

    async with open_machine(make_guest(definition), prepare=listen) as machine:
        end = await machine.wait_ended()
        await trio.sleep(0.01)
    assert end == GuestEnd("failed", detail="RuntimeError: boom (guest.py:5)")
    assert b"".join(said) == b"last words " * 40


@pytest.mark.parametrize("guest", sorted(one.name for one in list_guests() if one.kind == "script"))
def test_machines_with_the_same_guest_of_the_catalogue_share_its_modules_which_hold_no_state(guest: str) -> None:
    """State would be a container at the top of a module that code can change, or a name that a function rebinds."""
    definition = find_guest(guest)
    file = str(definition.options.get("file", "guest.py"))
    main = load_main(definition.folder, file)
    assert load_main(definition.folder, file) is main
    for path in definition.folder.rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)], path
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call | ast.List | ast.Dict):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                assert all(name.lstrip("_").isupper() or name[:1].isupper() for name in names), (path, names)


def test_a_folder_of_the_users_own_is_loaded_anew_for_each_machine(tmp_path: Path) -> None:
    definition = make_script(tmp_path / "g", ECHO)
    assert load_main(definition.folder, "guest.py") is not load_main(definition.folder, "guest.py")
