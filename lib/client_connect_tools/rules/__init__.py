"""Simple needs as a Python object that renders to Cedar."""

from client_connect_tools.rules.periods_file import periods_from_csv
from client_connect_tools.rules.rules import Rules
from client_connect_tools.rules.scope import Scope
from client_connect_tools.rules.values import Hours, MinimumVersion, Period

__all__ = ["Hours", "MinimumVersion", "Period", "Rules", "Scope", "periods_from_csv"]
