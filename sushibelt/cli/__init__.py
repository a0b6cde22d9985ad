"""The command `sushibelt`."""
