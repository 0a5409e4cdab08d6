"""Sessions of the console: the WebSocket conversation and the admin commands."""
