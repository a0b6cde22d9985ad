"""What survives a restart: runs, events, metrics and checkpoint rows, in SQLite or PostgreSQL."""
