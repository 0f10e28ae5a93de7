"""Handlers that are deployed: their versions, and the way back to one."""
