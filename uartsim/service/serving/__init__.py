"""The process: HTTPS and WSS on loopback, its certificate, start and stop."""
