"""Many slides enter, one row for each leaves. Each is estimated in a process of its own."""
