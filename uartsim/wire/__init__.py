"""The cable between the machine's port and the client that is attached: frames in exact time, breaks, modem lines."""
