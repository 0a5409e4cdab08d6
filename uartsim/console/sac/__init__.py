"""Windows' Special Administration Console (SAC) on a serial line: its channels, and the Command Prompt behind one."""
