"""Guest output to a WebSocket client, in 4 KB pieces: the gateway, and trio-websocket in the same rounds.

    python -m benchmarks.gateway_throughput [--rounds 7] [--megabytes 64]

- ``gateway``: the service without TLS; its hub is fed by a source of its own in pieces of 4096 bytes, as fast as the client
  reads.  The goal is at least 3 times ``trio-websocket``, which sends such pieces as messages.
- ``with TLS``: the same as users have it.
- ``binary``: the same with the frames that a page asks for.
- ``end to end``: the bytes come from a guest over an unlimited line; and the same with TLS.

The client is the same for all, and counts payload.  CPU is the server's.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import NamedTuple

from benchmarks.gateway_peers import BINARY, PIECE, RawSocket, order, peer
from benchmarks.rig import cpu_seconds, median, table

PEERS = {
    "trio-websocket": ("trio-websocket",),
    "gateway": ("service", "echo", "bare"),
    "binary frames": ("service", "echo", "bare"),
    "with TLS": ("service", "echo", "tls", "bare"),
    "binary, TLS": ("service", "echo", "tls", "bare"),
    "end to end": ("service", "source"),
    "end to end, TLS": ("service", "source", "tls"),
}


class Flood(NamedTuple):
    """What a peer has sent."""

    mb_per_s: float
    cpu_ms_per_mb: float
    kb_per_frame: float


def flood(client: RawSocket, running: subprocess.Popen[bytes], size: int, *, guest: bool) -> Flood:
    """``size`` bytes from the guest, or from the source that stands for it."""
    before, start = cpu_seconds(running.pid), time.perf_counter()
    if guest:
        client.send(b"%d\n" % size)
    else:
        order(running, size)
    frames = client.count(size)
    took = time.perf_counter() - start
    return Flood(size / took / 1e6, (cpu_seconds(running.pid) - before) / size * 1e9, size / frames / 1e3)


def measure(name: str, size: int) -> Flood:
    """One round of a peer; what it does first is not counted."""
    with peer(*PEERS[name], query=BINARY if "binary" in name else "") as (client, running):
        flood(client, running, 64 * PIECE, guest="end to end" in name)
        return flood(client, running, size, guest="end to end" in name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=64)
    options = parser.parse_args()
    size = round(options.megabytes * 1e6) // PIECE * PIECE
    rounds = [{name: measure(name, size) for name in PEERS} for _ in range(options.rounds)]
    rows = []
    for name in PEERS:
        found = [one[name] for one in rounds]
        ratio = median([one[name].mb_per_s / one["trio-websocket"].mb_per_s for one in rounds])
        cells = (median([one[field] for one in found]) for field in range(3))
        speed, cost, frame = cells
        rows.append([name, f"{speed:.0f}", f"{ratio:.1f}", f"{cost:.1f}", f"{frame:.0f}"])
    head = ["peer", "MB/s", "x trio-websocket", "CPU ms per MB", "KB per frame"]
    table(f"{options.megabytes:g} MB to a WebSocket client", head, rows)


if __name__ == "__main__":
    main()
