"""The solver: whether formulas can be true together, and an example where they can. Nothing else imports Z3."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

from client_connect_tools.errors import ClientConnectError
from client_connect_tools.proving.terms import Node, Valuation, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from client_connect_tools.proving.terms import Number, Truth, Value

NOT_INSTALLED = 'z3-solver is not installed; install it by: pip install "cdk-client-connect[prove]"'
_LEAST_MILLISECONDS = 1


class NoSolver(ClientConnectError):
    """The extra ``prove`` is not installed."""


class OutOfTime(Exception):
    """The solver has not come to an end within the time."""


@dataclass(frozen=True, slots=True)
class Model:
    """Values of the variables that make formulas true.

    Attributes:
        values: The values, by the names of the variables.
    """

    values: dict[str, Value]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a truth or a number, as the variable is
        """Return the value of a variable; of one that is in no formula, nothing: false or 0."""
        return self.values.get(name, 0)

    def valuation(self) -> Valuation:
        """Return the values of formulas."""
        return Valuation(self.__getitem__)


class Solver:
    """Asks whether formulas can be true.

    Args:
        seconds: How long one question may take.

    Raises:
        NoSolver: When it is not installed.
    """

    def __init__(self, seconds: float) -> None:
        try:
            z3 = import_module("z3")  # only who proves needs it
        except ImportError:
            raise NoSolver(NOT_INSTALLED) from None
        self._z3: Any = z3
        self._solver: Any = z3.Solver()
        self._seconds = seconds
        self._translated: dict[int, tuple[Node, Any]] = {}
        self._variables: dict[str, Any] = {}

    def require(self, terms: Iterable[Truth]) -> None:
        """Add what is always true."""
        for term in terms:
            self._add(term)

    def model(self, *terms: Truth, prefer: Iterable[Truth] = (), least: Iterable[Node] = ()) -> Model | None:
        """Return values that make formulas true; nothing if no such values exist.

        Args:
            *terms: The formulas.
            prefer: What should be true too, as far as it can be; the most important first.
            least: Numbers that should then be small, so the same question always has the same answer.

        Raises:
            OutOfTime: When the time does not suffice.
        """
        if any(term is False for term in terms):
            return None
        until = monotonic() + self._seconds
        self._solver.push()
        try:
            for term in terms:
                self._add(term)
            if (found := self._found(until)) is None:
                return None
            for term in prefer:
                found = self._improved(found, term, until)
            for number in least:
                found = self._lessened(found, number, until)
        finally:
            self._solver.pop()
        return self._read(found)

    def _improved(self, found: Any, term: Truth, until: float) -> Any:  # noqa: ANN401 - Z3 has no types
        """Return a model with one more formula true, if there is one in time."""
        translated = self._translate(term)
        if self._z3.is_true(found.eval(translated, model_completion=True)):
            self._solver.add(translated)
            return found
        self._solver.push()
        self._solver.add(translated)
        try:
            better = self._found(until)
        except OutOfTime:
            better = None
        self._solver.pop()
        if better is None:
            return found
        self._solver.add(translated)
        return better

    def _lessened(self, found: Any, number: Node, until: float) -> Any:  # noqa: ANN401 - Z3 has no types
        """Return a model where a number is as small as it can be from 0 on, and keep it so."""
        variable = self._translate(number)
        value = found.eval(variable, model_completion=True).as_long()
        least = 0
        while least < value and monotonic() < until:
            middle = (least + value) // 2
            better = self._improved(found, within(number, least, middle), until)
            if better is found:
                least = middle + 1
            else:
                found, value = better, better.eval(variable, model_completion=True).as_long()
        self._solver.add(variable == value)
        return found

    def _found(self, until: float) -> Any:  # noqa: ANN401 - Z3 has no types
        left = int((until - monotonic()) * 1000)
        self._solver.set("timeout", max(left, _LEAST_MILLISECONDS))
        result = self._solver.check()
        if result == self._z3.unknown:
            raise OutOfTime
        return self._solver.model() if result == self._z3.sat else None

    def _read(self, model: Any) -> Model:  # noqa: ANN401 - Z3 has no types
        values: dict[str, Value] = {}
        for name, variable in self._variables.items():
            value = model.eval(variable, model_completion=True)
            values[name] = self._z3.is_true(value) if self._z3.is_bool(variable) else value.as_long()
        return Model(values)

    def _add(self, term: Truth) -> None:
        if term is not True:
            self._solver.add(self._translate(term))

    def _translate(self, term: Number) -> Any:  # noqa: ANN401 - Z3 has no types
        z3 = self._z3
        if isinstance(term, bool):
            return z3.BoolVal(term)
        if not isinstance(term, Node):
            return z3.IntVal(term)
        known = self._translated.get(id(term))
        if known is None:
            known = self._translated[id(term)] = term, self._expression(term)
        return known[1]

    def _expression(self, node: Node) -> Any:  # noqa: ANN401 - Z3 has no types
        z3 = self._z3
        if node.name:
            if node.name not in self._variables:
                self._variables[node.name] = z3.Bool(node.name) if node.is_bool else z3.Int(node.name)
            return self._variables[node.name]
        args = [self._translate(each) for each in node.args]
        function = {"and": z3.And, "or": z3.Or, "not": z3.Not, "if": z3.If, "add": z3.Sum}.get(node.op)
        return _ON_TERMS[node.op](*args) if function is None else function(*args)


# Division of Z3's integers rounds down where the divisor is above 0.
_ON_TERMS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "le": operator.le,
    "mul": operator.mul,
    "div": operator.truediv,
    "mod": operator.mod,
}
