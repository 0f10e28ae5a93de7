"""Custom facts: a Python module in the bundle, asked before each decision."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from client_connect import custom_values
from client_connect.cedar_json import Unreadable
from client_connect.facts import Facts
from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect.sources.deadlines import Described

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from client_connect.request import ConnectionRequest


class CustomFacts:
    """A function ``facts(request) -> dict``.

    Args:
        facts: The function.
        validation_error: Tells how facts differ from the schema: ``Authorizer.validation_error``.
        module: The name of the module that it is from, to say where in it an exception was raised.
    """

    def __init__(
        self,
        facts: Callable[[ConnectionRequest], Mapping[str, object]],
        *,
        validation_error: Callable[[Facts], str],
        module: str = "",
    ) -> None:
        self._facts = facts
        self._validation_error = validation_error
        self._module = module

    @classmethod
    def of_module(cls, name: str, *, validation_error: Callable[[Facts], str]) -> CustomFacts:
        """Return the facts of a module, which is imported with the first call: one that fails fails the call."""
        return cls(
            lambda request: import_module(name).facts(request), validation_error=validation_error, module=name
        )

    def of(self, request: ConnectionRequest) -> Mapping[str, Any]:
        """Return the facts in Cedar's JSON form.

        Raises:
            Described: With the type and the place of what the module raises, but not its text, which may hold a
                secret, such as an address with a key in it; and when what it returns is no mapping, nothing that a
                policy can read, too large, or not what the schema declares.
        """
        try:
            custom = _converted(self._facts(request))
        except Described:
            raise
        except BaseException as error:  # noqa: BLE001 - another team's module may raise anything
            raise Described(_place(error, self._module)) from None
        if reason := self._validation_error(Facts(request, custom_facts="available", custom=custom)):
            raise Described(
                f"ValueError: facts() returned what {CUSTOM_SCHEMA_FILE} does not declare: {reason}"
            )
        return custom


def _converted(facts: object) -> Mapping[str, Any]:
    if not isinstance(facts, Mapping):
        raise Described(f"TypeError: facts() returned {type(facts).__name__}, not a dict")
    try:
        converted: Mapping[str, Any] = custom_values.value(facts)
    except Unreadable as error:
        raise Described(f"ValueError: facts() returned what no policy can read: {error}") from None
    return converted


def _place(error: BaseException, module: str) -> str:
    """Return an exception's type, and where the module raised it: the last place in it, or else the last of all."""
    name = type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = f"{name} ({error.name})"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{name} at {PurePath(error.filename).name}:{error.lineno}"
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return name
    if frames[-1][0].f_code.co_filename == __file__:
        return f"{name}: {error}"  # the interpreter's own words: there is no such function, or it takes no request
    frame, line = ([each for each in frames if _belongs(each[0], module)] or frames)[-1]
    return f"{name} at {PurePath(frame.f_code.co_filename).name}:{line} in {frame.f_code.co_name}"


def _belongs(frame: FrameType, module: str) -> bool:
    name = frame.f_globals.get("__name__")
    return bool(module) and f"{name}.".startswith(f"{module}.")
