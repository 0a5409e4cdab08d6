"""Guests, which own COM1: the catalogue, and the code that runs a script, a process, QEMU or boot code as a guest.

This file imports nothing, because each kind of guest needs other modules, and the command line needs only the catalogue.
"""
