"""What survives a restart: runs, events and metrics, in one SQLite file."""
