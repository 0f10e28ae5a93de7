"""Policies that a Python module defines, named as ``module:name``."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect_tools.errors import ClientConnectError, InvalidPolicies

if TYPE_CHECKING:
    from types import ModuleType

    from client_connect_tools.policies import Policies
    from client_connect_tools.rules import Rules

_NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


def is_named(path: Path) -> bool:
    """Tell whether a path is no file but the name of something in a module."""
    return not path.exists() and _NAME.fullmatch(str(path)) is not None


@dataclass(frozen=True, slots=True)
class Named:
    """The meaning of a name in a module.

    Attributes:
        rules: Its rules.
        policies: Its policies; of rules, their tests and named networks alone.
    """

    rules: tuple[Rules, ...]
    policies: Policies


def named(name: str) -> Named:
    """Import ``Rules``, a list of them, or ``Policies``. The module may be in the working directory, and its code runs.

    To rules belong ``networks/NAME.txt`` and the tests in ``MODULE.tests.toml``, next to the module, if they exist.

    Raises:
        InvalidPolicies: When the module has no such name, or the module cannot be imported.
    """
    from client_connect_tools.files.networks import lists_given
    from client_connect_tools.policies import TESTS_SUFFIX, Policies
    from client_connect_tools.rules import Rules

    module_name, _, attribute = name.partition(":")
    module = _imported(module_name)
    value = getattr(module, attribute, None)
    if isinstance(value, Policies):
        return Named((), value)
    rules = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not rules or not all(isinstance(each, Rules) for each in rules):
        came = "is not there" if value is None else f"is of the type {type(value).__name__}"
        raise InvalidPolicies(
            f'"{attribute}" in {module_name} {came}; name Rules, a list of them, or Policies, such as app:rules'
        )
    file = Path(module.__file__ or "")
    tests, networks = file.with_name(f"{file.stem}{TESTS_SUFFIX}"), file.with_name("networks")
    rest = Policies(
        (),
        (tests,) if tests.is_file() else (),
        networks=lists_given(networks if networks.is_dir() else None),
    )
    return Named(rules, rest)


def _imported(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ClientConnectError as error:
        raise InvalidPolicies(f"cannot import {name}:", problems=str(error).splitlines()) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever its code does: an exit would pass for a success
        raise InvalidPolicies(f"cannot import {name}: {type(error).__name__}: {error}") from None
    finally:
        sys.path.pop(0)
