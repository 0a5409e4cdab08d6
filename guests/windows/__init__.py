"""The guest ``windows``: a scripted Windows on a serial line.

``windows_machine`` runs it from power on to power off.  Its rooms, from the ground up (each imports from those before it
only):

- ``terminal``: the 80 by 24 screen of VT-UTF8, the keys, the line editor;
- ``disk``: what survives a restart: BCD, registry, accounts, firewall, network, services, files;
- ``system``: the running system, and whether Remote Desktop reaches it;
- ``bootmgr``: the boot manager's menu and the advanced options;
- ``programs`` and ``shell``: what can be started in a Command Prompt, cmd itself, and a small PowerShell;
- ``sac``: the Special Administration Console with its channels and the login;
- ``windows_system``: all of it put together.

No Windows was at hand: texts are those of Microsoft's public pages, and others are our own (docs/windows.md lists them).
"""
