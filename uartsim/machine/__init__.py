"""One running COM1 and the machine around it: chip and cable on a clock, power, reset and NMI."""

from uartsim.machine.agent_guest import AgentError, AgentGuest, AgentNotRunningError, CommandResult, agent_of
from uartsim.machine.com1 import Com1
from uartsim.machine.driver import Flag, Received, SerialDriver
from uartsim.machine.machine import Guest, GuestEnd, Machine, SavingGuest, open_machine
from uartsim.machine.port_options import PortOptions

__all__ = [
    "AgentError",
    "AgentGuest",
    "AgentNotRunningError",
    "Com1",
    "CommandResult",
    "Flag",
    "Guest",
    "GuestEnd",
    "Machine",
    "PortOptions",
    "Received",
    "SavingGuest",
    "SerialDriver",
    "agent_of",
    "open_machine",
]
