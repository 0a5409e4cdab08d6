"""The running Windows: its processes, services and clock, its network as seen from outside, and how it ends."""
