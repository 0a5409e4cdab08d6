"""The Special Administration Console: channels, SAC's prompt and commands, the login of a Command Prompt, ``!SAC>``."""
