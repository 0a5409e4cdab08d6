"""cmd.exe."""

from ..disk.local_users import Token
from ..system.running_windows import VERSION, RunningWindows
from ..terminal.console_window import ConsoleWindow


class CommandProcessor:
    """A session of cmd."""

    def __init__(self, windows: RunningWindows, token: Token, terminal: ConsoleWindow) -> None:
        self.t = terminal

    async def run(self) -> None:
        """Run until `exit`."""
        await self.t.write(
            f"Microsoft Windows [Version {VERSION}]\n(c) 2016 Microsoft Corporation. All rights reserved.\n"
        )
        while True:
            await self.t.write("\nC:\\Windows\\system32>")
            line = await self.t.read_line()
            if line == "exit":
                return
