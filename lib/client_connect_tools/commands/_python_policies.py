"""Policies that a Python module defines, named as ``module:name``."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools.errors import InvalidPolicies

if TYPE_CHECKING:
    from types import ModuleType

    from client_connect_tools.policies import Policies

_NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


def is_named(path: Path) -> bool:
    """Tell whether a path is no file but the name of something in a module."""
    return not path.exists() and _NAME.fullmatch(str(path)) is not None


def policies_named(name: str) -> Policies:
    """Import ``Rules`` or ``Policies``. The module may be in the working directory, and its code runs.

    To rules belong ``networks/NAME.txt`` and the tests in ``MODULE.tests.toml``, both beside the module, if they exist.

    Raises:
        InvalidPolicies: When there are none of that name, or the module cannot be imported.
    """
    from client_connect_tools.policies import TESTS_SUFFIX, Policies
    from client_connect_tools.rules import Rules

    module_name, _, attribute = name.partition(":")
    module = _imported(module_name)
    value = getattr(module, attribute, None)
    if isinstance(value, Policies):
        return value
    if not isinstance(value, Rules):
        came = "is not there" if value is None else f"is of the type {type(value).__name__}"
        raise InvalidPolicies(
            f'"{attribute}" in {module_name} {came}; name Rules or Policies, such as app:rules'
        )
    file = Path(module.__file__ or "")
    tests, networks = file.with_name(f"{file.stem}{TESTS_SUFFIX}"), file.with_name("networks")
    return Policies.from_rules(
        value,
        networks=networks if networks.is_dir() else None,
        tests=[tests] if tests.is_file() else (),
    )


def _imported(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever its code does: an exit would pass for a success
        raise InvalidPolicies(f"cannot import {name}: {type(error).__name__}: {error}") from None
    finally:
        sys.path.pop(0)
