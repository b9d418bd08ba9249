"""Many slides: listed, each asked in a process of its own, rows kept as they come."""
