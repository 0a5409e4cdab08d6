"""The cable between the machine's port and whoever attaches: frames in exact time, breaks, modem lines."""
