"""A person's terminal, in tmux: keys are pressed, and the screen is looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.access.rig import environment, wait_until
from tests.patience import patience

#: Echoes like a person's machine: what is typed comes back in brackets.
TYPEWRITER = """
    async def main(host):
        host.tty.open()
        await host.tty.write(b"welcome\\r\\n")
        while True:
            data = (await host.tty.receive()).data
            await host.tty.write(b"".join(b"<%c>" % c if c >= 32 else b"<%02x>" % c for c in data))
"""


class Terminal:
    """A terminal in tmux with one program in it."""

    def __init__(self, folder: Path, runtime: Path, command: str) -> None:
        self._socket = str(folder / "tmux")
        self._screens = folder / "screen"
        self._screens.mkdir(mode=0o700)
        self._environment = {**environment(runtime), "SCREENDIR": str(self._screens), "HOME": str(folder)}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", command)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments: str) -> str:
        """Run tmux; returns what it prints."""
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=patience(20),
            check=True,
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """What the person sees."""
        return self.tmux("capture-pane", "-p")

    def expect(self, text: str, timeout_s: float = 20) -> None:
        """Wait until ``text`` is on the screen."""
        try:
            wait_until(lambda: text in self.screen().replace("\n", ""), text, timeout_s)
        except AssertionError:
            raise AssertionError(f"no {text!r} on the screen:\n{self.screen()}") from None

    def ended(self) -> bool:
        """Whether the program has ended."""
        return self.tmux("list-panes", "-F", "#{pane_dead}").strip() == "1"

    def close(self) -> None:
        """End everything.  GNU screen would live on without its terminal."""
        if any(self._screens.iterdir()):
            subprocess.run(["screen", "-X", "quit"], env=self._environment, capture_output=True, check=False)
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
