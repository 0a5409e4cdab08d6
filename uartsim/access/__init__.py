"""How people reach the line: the hub, ptys, sockets, the control socket and our own terminal client.

Nothing is imported here: the command line makes the pty before anything heavy is loaded.
"""
