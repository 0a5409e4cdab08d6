"""The program of docs/azure-gateway.md that goes on when the connection is lost: it is run as it stands there."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, cast

import pytest
import websocket

from tests.patience import patience
from tests.service.gateway.console_rig import ALICE, open_rig
from uartsim.service.gateway.gateway_options import KNOWN
from uartsim.service.machines.virtual_machine import PowerState

PAGE = (Path(__file__).parents[3] / "docs" / "azure-gateway.md").read_text()


def test_the_program_shows_each_byte_once_though_the_connection_is_lost(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    (program,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "frames=binary" in block)
    sockets: list[websocket.WebSocket] = []

    def remember(*arguments: Any, **options: Any) -> websocket.WebSocket:
        sockets.append(connect(*arguments, **options))
        return sockets[-1]

    connect = websocket.create_connection
    monkeypatch.setattr(websocket, "create_connection", remember)
    names: dict[str, Any] = {}
    exec(program, names)
    codes: list[int] = []
    with open_rig() as rig:
        names["console"] = rig.open
        rig.write("grö".encode()[:3])
        watching = threading.Thread(target=lambda: codes.append(names["show"](rig.open, ALICE)))
        watching.start()
        for number in range(3):
            rig.wait_until(lambda number=number: len(rig.audit.entries) == 2 * number + 1, "it is there")  # type: ignore[misc]
            rig.write("ö".encode()[1:] + f" line {number} grö".encode()[:-1])
            cast(Any, sockets[-1]).sock.shutdown(2)
            rig.wait_until(lambda number=number: len(rig.audit.entries) == 2 * number + 3, "it is back")  # type: ignore[misc]
        rig.write("ö\n".encode()[1:])
        rig.wait_until(
            lambda: rig.machine.hub and not any(one.waiting for one in rig.machine.hub.clients), "it is shown"
        )
        rig.call(rig.machine.switch_off, PowerState.STOPPED)
        watching.join(patience(10))
    assert codes == [4000]
    assert capfdbinary.readouterr().out.decode() == "gr" + "".join(f"ö line {n} gr" for n in range(3)) + "ö\n"


def test_each_option_of_the_url_is_on_the_page() -> None:
    for option in KNOWN:
        assert re.search(rf"[`?&]{option}=", PAGE), option
