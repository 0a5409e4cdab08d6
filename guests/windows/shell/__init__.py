"""cmd.exe: its command lines, the prompt, and PowerShell's."""
