"""The power states of a machine.

What leads from one to another:

=================================  ===========================  ==================================================
in state                           on                           the machine is then
=================================  ===========================  ==================================================
stopped, deallocated               ``start``                    starting, and running once its COM1 is served
starting                           the guest cannot be started  stopped, with the reason in :attr:`failure`
running                            ``power_off``                stopping, and stopped once its last byte is out
running                            ``deallocate``               deallocating, and deallocated in the same way
stopped                            ``deallocate``               deallocated
deallocated                        ``power_off``                deallocated: nothing happens
running                            ``restart``                  running; :attr:`hub` is None between the two boots
running                            ``reset``                    running, with the same hub
running                            the guest powers off         stopped
running                            the guest fails              stopped, with the reason in :attr:`failure`
=================================  ===========================  ==================================================

Operations on one machine are done one after the other.  ``start`` of a machine that runs does nothing.  What is wished of a
machine, ``"running"``, ``"stopped"`` or ``"deallocated"``, is kept in ``Resource.private["power"]``: what runs when the
service ends is started again with it.  A guest that fails does not change the wish, one that powers off does.
"""

from __future__ import annotations

from enum import StrEnum


class PowerState(StrEnum):
    """The power states of Azure's machines; the value is what follows ``PowerState/``."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DEALLOCATING = "deallocating"
    DEALLOCATED = "deallocated"
