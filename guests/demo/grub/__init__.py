"""The boot loader GRUB 2.06 on a serial terminal: menu, entry editor, command line."""
