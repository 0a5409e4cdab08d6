"""``retrieveBootDiagnosticsData``: links to the serial log and the screenshot of a machine."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.compute_power import INSTANCE, MACHINE, TYPES
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.arm.serial_log_blob import screenshot_uri, serial_log_uri
from uartsim.service.arm_error import ArmError

#: How long a link is good for, in minutes, unless the request says otherwise; and the most that it can say.
DEFAULT_MINUTES: Final = 120
MOST_MINUTES: Final = 1440


async def _retrieve(request: ArmRequest) -> Answer:
    lifetime = timedelta(minutes=_minutes(request.query.get("sasuriexpirationtimeinminutes")))
    asked = request.parts, request.caller, request.resource(), lifetime
    return Answer(
        {"consoleScreenshotBlobUri": screenshot_uri(*asked), "serialConsoleLogBlobUri": serial_log_uri(*asked)}
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
