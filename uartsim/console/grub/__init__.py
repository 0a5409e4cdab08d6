"""GRUB on a serial line: its menu, its editor and its command line, as a person sees and drives them."""
