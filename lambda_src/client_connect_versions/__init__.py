"""Removes the oldest versions of functions; runs in Lambda."""

from client_connect_versions.pruning import handler

__all__ = ["handler"]
