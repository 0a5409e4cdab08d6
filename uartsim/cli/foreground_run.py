"""A machine in the foreground: what ``uartsim run`` does in real time once it knows what is wanted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from uartsim.cli.ending_signals import EndingSignals
from uartsim.cli.run_records import RecordSettings
from uartsim.cli.status_text import recording_state
from uartsim.error_groups import first_error

if TYPE_CHECKING:
    from uartsim.access.attach_client import AttachClient
    from uartsim.access.endpoints import Endpoints
    from uartsim.access.hub import Hub
    from uartsim.access.machine_server import MachineServer
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.machine import Guest, GuestEnd, Machine, PortOptions
    from uartsim.record import LineRecorder
    from uartsim.scenarios.begin_steps import BeginStep


class LineSettings(NamedTuple):
    """The settings of the line.

    Attributes:
        port: the options of the serial port.
        policy: how a second client that wants to send is treated: ``"refuse"`` or ``"take-over"``.
        records: which records are made.
    """

    port: PortOptions
    policy: str
    records: RecordSettings

    def check_outputs(self) -> None:
        """Check that the recordings can be made, before anything is made.

        Raises:
            UsageError: two recordings are the same file, a file exists already, or its folder does not exist.
        """
        from os import fspath

        from uartsim.own_files.outputs import check_outputs

        named = [("trace", self.port.get("trace")), ("vcd", self.port.get("vcd"))]
        recordings = [(option, fspath(path)) for option, path in named if path is not None]
        check_outputs([*(("record", path) for path in self.records.paths), *recordings])


class ForegroundRun:
    """One run of a guest on endpoints that are open.

    Args:
        definition: the guest as its folder defines it.
        guest: the guest.
        endpoints: the machine's; :meth:`run` releases them.
        line: the settings of the line.
        attach: whether this terminal is the first client.
        begin: what is done to the machine once it runs.

    Attributes:
        incomplete: whether a recording lacks something; known once the run is over.
    """

    def __init__(
        self,
        definition: GuestDefinition,
        guest: Guest,
        endpoints: Endpoints,
        line: LineSettings,
        *,
        attach: bool,
        begin: tuple[BeginStep, ...] = (),
        scenarios: tuple[str, ...] = (),
    ) -> None:
        from uartsim.access.log import Log
        from uartsim.guest.start_checks import check_start

        check_start(definition)
        self._definition = definition
        self._guest = guest
        self._endpoints = endpoints
        self._name = endpoints.folder.name
        self._line = line
        self._attach = attach
        self._begin = begin
        self._scenarios = scenarios
        self._hub: Hub | None = None
        self._log = Log()
        self._recorder: LineRecorder | None = None
        self._server: MachineServer | None = None
        self._machine: Machine | None = None  # once it has started
        self._client: AttachClient | None = None  # this terminal, while it is attached
        self._end: GuestEnd | None = None
        self.incomplete = False
        self._signals = EndingSignals(self._name, self._abandon)

    def run(self) -> GuestEnd | None:
        """Run until the guest ends, a signal comes, or the person at the terminal quits.

        Returns:
            How the guest ended; None when it was ended from here.

        Raises:
            UartsimError: it could not be started.
        """
        import trio

        self._endpoints.device.look()
        try:
            trio.run(self._run)
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        finally:
            self._signals.over()
            self._close_recordings()
            self._endpoints.release()  # before anything that may wait: from here on a second signal ends us at once
            self._log.close()
        if self._end is None and self._machine is not None:
            return self._machine.ended  # the attached terminal, told of the guest's end, was quicker than we were
        return self._end

    async def _run(self) -> None:
        from pathlib import Path

        import trio

        from uartsim.machine import GuestEnd, open_machine

        async with trio.open_nursery() as nursery:
            await nursery.start(self._signals.heed, nursery.cancel_scope)
            async with open_machine(
                self._guest,
                self._name,
                runtime_dir=Path(self._endpoints.folder.path),
                log=self._say,
                prepare=self._prepare,
                **self._line.port,
            ) as machine:
                self._machine = machine
                assert self._server is not None
                await self._begin_with(machine)
                await nursery.start(self._server.run, machine)
                if self._attach:
                    nursery.start_soon(self._attach_here, nursery.cancel_scope)
                await machine.wait_ended()
                await self._server.finish()
            self._end = machine.ended or GuestEnd("stopped")
            nursery.cancel_scope.cancel()

    async def _begin_with(self, machine: Machine) -> None:
        """Do what a scenario does to a machine before anybody is at its console, and tell the person that it has begun."""
        if self._begin and self._hub is not None:
            from uartsim.scenarios.begin_steps import Stage

            for step in self._begin:
                await step(Stage(machine, self._hub))
        if self._scenarios:
            from uartsim.cli.scenario_start import begun_lines

            self._log.write("".join(begun_lines(self._scenarios, self._name)), sys.stdout.fileno())
            self._log.flush()

    def _prepare(self, machine: Machine) -> None:
        """Make what has to be there before the guest's first byte."""
        from uartsim.access.hub import Hub, LinePolicy
        from uartsim.access.machine_server import MachineServer
        from uartsim.machine.last_output import last_output

        self._recorder = self._line.records.open(machine, self._say)
        self._announce()
        hub = Hub(machine.com1, policy=LinePolicy(self._line.policy))
        if saved := getattr(self._guest, "restored_console", None):
            hub.recall(last_output(saved))
        hub.record = self._recorder
        self._hub = hub
        self._server = MachineServer(self._endpoints, hub, self._definition.description)

    def _announce(self) -> None:
        """Tell the person where the machine can be reached."""
        link = self._endpoints.folder.link
        if self._attach:
            how_to_leave = "leave    Ctrl-] q (stops the machine); Ctrl-] d says where it is"
        else:
            how_to_leave = f"stop     Ctrl-C here, or: uartsim stop {self._name}"
        self._log.write(
            f"machine  {self._name}: {self._definition.description}\n"
            f"pty      {self._endpoints.device.path}\n"
            f"link     {link}\n"
            f"attach   picocom -b 115200 {link}     leave picocom: Ctrl-A Ctrl-X\n"
            f"{how_to_leave}\n",
            sys.stdout.fileno(),
        )
        self._log.flush()

    def _say(self, text: str) -> None:
        """Tell the person something: on the attached terminal, or on standard error."""
        for line in self._log.condense(text):
            if self._client is None or not self._client.say(line):
                self._log.write(f"uartsim: {line}\n")

    async def _attach_here(self, scope: Any) -> None:
        """Make this terminal the first client; when the person quits, the machine ends."""
        from uartsim.access.attach_client import AttachClient
        from uartsim.access.attach_messages import connect

        messages = await connect(self._endpoints.folder.attach)
        self._client = AttachClient(messages, sys.stdin.fileno(), sys.stdout.fileno(), ends_on_signals=False)
        self._client.view.name = self._name
        await self._client.run(watch=False, force=False, history=None, yields=True)
        scope.cancel()

    def _abandon(self) -> None:
        """Put everything away while the loop is blocked; called on another thread than the loop's."""
        if self._client is not None:
            self._client.abandon()
        self._endpoints.release()
        if self._machine is not None:
            self._machine.com1.close_taps()
        self._close_recordings()
        self._log.close()

    def _close_recordings(self) -> None:
        """Close the recordings, and say what they lack; a machine that has not started leaves none behind."""
        if self._recorder is not None:
            if self._machine is None:
                self._recorder.discard()
            self._recorder.close()
            for state in self._recorder.statuses() if self._machine is not None else ():
                if state["trouble"]:
                    self.incomplete = True
                    self._say(f"the record {recording_state(state)}")
        if self._machine is not None:
            for what, state in self._machine.com1.recordings().items():
                if state["trouble"]:
                    self.incomplete = True
                    self._say(f"the {what} {recording_state(state)}")


def exit_status(end: GuestEnd | None, *, incomplete: bool = False) -> int:
    """The exit status of ``uartsim run``: 1 if the guest failed, or its program ended with a status of its own.

    It is also 1 if a recording is incomplete.  It is the same however long the program has run, so that a script can rely
    on it on a slow machine too.
    """
    return int(incomplete or (end is not None and (end.reason == "failed" or bool(end.status))))
