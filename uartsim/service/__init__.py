"""The Azure Serial Console, rebuilt: management REST, the WebSocket gateway and the rules in front of real machines.

The rooms of this package stand on floors of their own; imports run downwards only:

=====  ===========================  ============================================================================
floor  room                         what it is
=====  ===========================  ============================================================================
6      ``serving``                  the process: HTTPS and WSS on loopback, certificate, start and stop
5      ``tenant``                   what a TOML file, or the example, says is there
5      ``portal``                   the page in a browser, and what it asks beyond the management REST
5      ``arm``                      the management REST, its OpenAPI document and the page to try it
4      ``gateway``                  sessions, the WebSocket conversation, admin commands
3      ``rules``                    who may open a console, and the text that says why not; faults of the service
2      ``machines``                 the machines that run, through all their boots
1      ``identity``                 users, tokens, roles, locks
1      ``diagnostics``              the boot diagnostics log of each machine, and the audit in it
0      ``store``                    resources by their ARM id, in SQLite
1      ``request_body.py``          the body of a request, as far as it is not too long
0      ``loopback_hosts.py``        the names by which a URL means this computer
0      ``private_headers.py``       the headers of an answer that is for its caller alone
0      ``arm_error.py``             what every room raises to refuse something
=====  ===========================  ============================================================================

``parts.py``, between ``gateway`` and ``arm``, has one object of each for the handlers of requests.
"""
