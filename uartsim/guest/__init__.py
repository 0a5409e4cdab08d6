"""What owns COM1: the catalogue of guests, and the code that runs a script, a process or QEMU as a guest.

Nothing is imported here: a script, a process and QEMU need different things, and the command line only the catalogue.
"""
