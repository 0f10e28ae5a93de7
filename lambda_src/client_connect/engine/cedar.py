"""Cedar's engine without the Python code around it, which no decision needs.

``cedarpy`` is an extension module, wrapped in classes and syntax nodes whose import takes a good part of a cold start.
In Lambda, they are imported when they are first used. So ``cedarpy`` must not be imported before this module; if it
was, and anywhere but in Lambda, it is imported as usual.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from threading import RLock
from types import ModuleType

from client_connect.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TypeAlias

_PACKAGE = "cedarpy"
_lock = RLock()


class _DeferredPackage(ModuleType):
    """Runs its code when something is asked of it; ``importlib.util.LazyLoader`` would do so at any import."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what a module holds
        with _lock:
            if type(self) is _DeferredPackage:
                assert self.__spec__ is not None  # noqa: S101 - for the type checker
                assert self.__spec__.loader is not None  # noqa: S101 - for the type checker
                import_module(f"{_PACKAGE}.pst")  # or its code would ask this package for it
                self.__spec__.loader.exec_module(self)
                object.__setattr__(self, "__class__", ModuleType)
        return getattr(self, name)


def _defer() -> None:
    spec = PathFinder.find_spec(_PACKAGE)
    if _PACKAGE not in sys.modules and spec is not None:
        package = module_from_spec(spec)
        package.__class__ = _DeferredPackage
        sys.modules[_PACKAGE] = package


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    _defer()

import cedarpy._internal as _engine  # noqa: E402 - after the package was deferred

PolicySet: TypeAlias = _engine.PolicySet
Schema: TypeAlias = _engine.Schema


def policies_to_json(text: str) -> str:
    """Return policies in Cedar's JSON form.

    Raises:
        ValueError: When they cannot be parsed.
    """
    return _engine.policies_to_json_str(text)


def is_authorized(
    request: dict[str, Any], policies: PolicySet, entities: str, schema: Schema | None
) -> dict[str, Any]:
    """Return the engine's answer to a request, whose context is text.

    Its ``decision`` is ``Allow``, ``Deny`` or ``NoDecision``; its ``diagnostics`` have the ids of the determining
    policies as ``reason``, and ``errors``.
    """
    answer: dict[str, Any] = json.loads(_engine.is_authorized(request, policies, entities, schema))
    return answer
