"""Simple needs as a Python object that renders to Cedar."""

from client_connect_tools.rules.rules import Rules
from client_connect_tools.rules.scope import Scope
from client_connect_tools.rules.values import Hours, Maintenance, MinimumVersion

__all__ = ["Hours", "Maintenance", "MinimumVersion", "Rules", "Scope"]
