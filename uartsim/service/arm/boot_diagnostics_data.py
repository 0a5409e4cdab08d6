"""``retrieveBootDiagnosticsData``: links to the serial log and the screenshot of a machine."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.compute_power import INSTANCE, MACHINE, TYPES
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.serial_log_blob import serial_log_uri
from uartsim.service.arm_error import ArmError

#: How long a link is good for, in minutes, unless the request says otherwise; and the most that it can say.
DEFAULT_MINUTES: Final = 120
MOST_MINUTES: Final = 1440
#: Where the screenshot is, the same for all machines.
SCREENSHOT_PATH: Final = "/no-screen.bmp"

#: A black picture of 8 times 4 pixels: a machine here has a serial line, and no screen.
_SCREENSHOT: Final = (
    b"BM" + (62 + 16).to_bytes(4, "little") + bytes(4) + (62).to_bytes(4, "little")
    + (40).to_bytes(4, "little") + (8).to_bytes(4, "little") + (4).to_bytes(4, "little")
    + (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(24) + bytes(8) + bytes(16)
)  # fmt: skip


async def _retrieve(request: ArmRequest) -> Answer:
    minutes = _minutes(request.query.get("sasuriexpirationtimeinminutes"))
    log = serial_log_uri(request.parts, request.caller, request.resource(), timedelta(minutes=minutes))
    return Answer(
        {
            "consoleScreenshotBlobUri": f"{request.parts.base_url}{SCREENSHOT_PATH}",
            "serialConsoleLogBlobUri": log,
        }
    )


def _minutes(text: str | None) -> int:
    if text is None:
        return DEFAULT_MINUTES
    if not re.fullmatch(r"\d{1,5}", text) or not 1 <= int(text) <= MOST_MINUTES:
        raise ArmError(
            400,
            "InvalidParameter",
            f"sasUriExpirationTimeInMinutes is a whole number from 1 to {MOST_MINUTES}.",
            target="sasUriExpirationTimeInMinutes",
        )
    return int(text)


async def _screenshot(request: Request) -> Response:
    return Response(_SCREENSHOT, media_type="image/bmp")


ROUTES: Final = (Route(SCREENSHOT_PATH, _screenshot, methods=["GET"]),)

OPERATIONS: Final = tuple(
    Operation(
        "POST",
        f"{path}/retrieveBootDiagnosticsData",
        f"{TYPES[path]}/retrieveBootDiagnosticsData/action",
        _retrieve,
        "Links to the serial log and the screenshot, good for some time",
        {200: "BootDiagnosticsData"},
        query=(QueryParameter("sasUriExpirationTimeInMinutes", f"1 to {MOST_MINUTES}, by default {DEFAULT_MINUTES}"),),
    )
    for path in (MACHINE, INSTANCE)
)
