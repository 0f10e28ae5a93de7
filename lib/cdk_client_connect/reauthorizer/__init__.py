"""Decides open connections again."""
