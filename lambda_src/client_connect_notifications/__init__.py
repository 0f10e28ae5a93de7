"""Runs in Lambda, next to the handler: announces each denied connection on a bus or a topic."""

from client_connect_notifications.forwarder import handler

__all__ = ["handler"]
