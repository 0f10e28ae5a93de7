"""Recorded decisions, read from logs."""
