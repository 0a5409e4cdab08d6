"""The health report that an Azure machine writes to the serial port where no console uses it.

Its first line is known; what the JSON object holds is our own choice.
"""

from __future__ import annotations

import json

from ..disk.service_settings import FIREWALL_SERVICE, TERM_SERVICE
from .running_windows import VERSION, RunningWindows


def health_report(windows: RunningWindows) -> str:
    """One report, its lines ended by CR LF."""
    when = windows.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    disk, services = windows.disk, windows.services
    network, desktop = windows.network(), windows.remote_desktop()
    body = {
        "computerName": disk.host_name,
        "operatingSystem": {"name": disk.product, "version": VERSION, "safeMode": windows.options.safeboot or "no"},
        "bootTime": (windows.now() - windows.uptime()).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "specialAdministrationConsole": "enabled" if windows.has_sac else "disabled",
        "network": {"address": disk.adapter.address, "reachable": network.reachable, "reason": network.reason},
        "remoteDesktop": {"reachable": desktop.reachable, "reason": desktop.reason},
        "services": {
            name: "running" if services.is_running(name) else "stopped" for name in (TERM_SERVICE, FIREWALL_SERVICE)
        },
        "fileSystem": "damaged" if disk.volume.damaged else "healthy",
    }
    title = "Microsoft Azure VM Health Report"
    text = f"======== {title} - Start {when} ========\n{json.dumps(body)}\n======== {title} - End {when} ========\n"
    return text.replace("\n", "\r\n")
