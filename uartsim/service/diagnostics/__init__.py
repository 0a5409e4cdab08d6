"""Boot diagnostics: a circular serial log for each virtual machine, and the audit of who used its console."""

from uartsim.service.diagnostics.audit import Audit as Audit
from uartsim.service.diagnostics.audit import AuditEntry as AuditEntry
from uartsim.service.diagnostics.audit import AuditPage as AuditPage
from uartsim.service.diagnostics.boot_diagnostics import Diagnostics as Diagnostics
from uartsim.service.diagnostics.serial_log import LOG_BYTES as LOG_BYTES
from uartsim.service.diagnostics.serial_log import SerialLog as SerialLog
