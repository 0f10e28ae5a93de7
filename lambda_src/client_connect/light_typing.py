"""The part of ``typing`` that the modules of a cold start need, whose import would take a tenth of that time.

Type checkers see the originals. To them, whatever is named ``TYPE_CHECKING`` is true.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    __all__ = ["TYPE_CHECKING", "NamedTuple"]
else:

    class _Fields(type):
        """Makes a named tuple of a class with annotations; a value that a field has there is its default."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.pop("__annotations__")
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))  # noqa: PYI024
            for key, value in namespace.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """The base of classes that become named tuples."""
