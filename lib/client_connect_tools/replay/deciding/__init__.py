"""Recorded connections, decided with other policies."""
