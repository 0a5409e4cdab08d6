"""What stays on the machine's disk when it restarts: BCD, registry, accounts, firewall, network, services, files."""
