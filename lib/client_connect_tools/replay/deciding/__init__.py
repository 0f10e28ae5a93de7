"""Recorded connections, decided by other policies."""
