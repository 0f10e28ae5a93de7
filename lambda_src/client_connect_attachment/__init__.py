"""The custom resource that turns a client connect handler on and off for an endpoint; runs in Lambda."""

from client_connect_attachment.attachment import handler

__all__ = ["handler"]
