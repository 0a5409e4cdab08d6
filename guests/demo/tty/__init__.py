"""The terminal: ttyS0's serial core, the line discipline N_TTY, and the device that programs read and write."""
