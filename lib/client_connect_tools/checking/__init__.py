"""Errors in policies, and things that are probably not meant."""
