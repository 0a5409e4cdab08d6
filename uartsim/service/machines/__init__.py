"""The machines that run, through all their boots."""
