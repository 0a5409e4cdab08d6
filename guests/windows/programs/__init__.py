"""The programs that a Command Prompt can start, and cmd's own commands on files."""
