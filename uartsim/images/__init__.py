"""Disk images: looking at any disk, building the ones that our guests boot from, and keeping them.

An image is never written to: a guest runs on a private overlay.
"""
