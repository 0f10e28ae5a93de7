"""Has ``cedarpy.pst``, the engine's syntax nodes, imported when they are first used, not together with the engine.

``cedarpy`` imports them itself. A decision needs none, and importing them takes a good part of a cold start. To be
imported before ``cedarpy``; after it, and anywhere but in Lambda, this does nothing.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

_NODES = "cedarpy.pst"
_lock = RLock()


class _DeferredModule(ModuleType):
    """Runs its code when something is asked of it; ``importlib.util.LazyLoader`` would do so at any import."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what a module holds
        with _lock:
            if type(self) is _DeferredModule:
                assert self.__spec__ is not None  # noqa: S101 - for the type checker
                assert self.__spec__.loader is not None  # noqa: S101 - for the type checker
                self.__spec__.loader.exec_module(self)
                object.__setattr__(self, "__class__", ModuleType)
        return getattr(self, name)


def _defer() -> None:
    package = PathFinder.find_spec("cedarpy")
    spec = PathFinder.find_spec(_NODES, package.submodule_search_locations if package else None)
    if "cedarpy" not in sys.modules and spec is not None:
        module = module_from_spec(spec)
        module.__class__ = _DeferredModule
        sys.modules[_NODES] = module


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    _defer()
