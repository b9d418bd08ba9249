"""Helpers for several rooms: writing files whole, processes, claims on folders, tables, and finding
parts of the package."""
