"""Prices, from the file of this library or one with the same keys."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE = "prices.toml"


class InvalidPrices(ValueError):
    """A file of prices cannot be used."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a Region.

    Attributes:
        tables: The contents of the file.
    """

    tables: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Which prices they are."""
        return f"list prices of {self.tables['region']}, {self.tables['date']}"

    def of(self, service: str, name: str, architecture: str | None = None) -> float:
        """Return a price; of what costs differently by architecture, that of one."""
        price = self.tables[service][name]
        return float(price if architecture is None else price[architecture])


def shipped_prices() -> Prices:
    """Return the prices of this library."""
    return Prices(tomllib.loads((files(__package__) / _FILE).read_text("utf-8")))


def read_prices(file: Path) -> Prices:
    """Return prices of another Region or date, from a copy of the file with other numbers.

    Raises:
        InvalidPrices: When one is missing, or is none.
        OSError: When it cannot be read.
    """
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise InvalidPrices(f'"{file}" is no TOML: {error}') from None
    if problems := list(_problems(shipped_prices().tables, tables, "")):
        raise InvalidPrices(
            f'"{file}": {"; ".join(problems)}; begin with a copy of {_FILE}, by --show-prices'
        )
    return Prices(tables)


def prices_text() -> str:
    """Return the file of this library, to be copied."""
    return (files(__package__) / _FILE).read_text("utf-8")


def _problems(known: Mapping[str, Any], given: Any, path: str) -> list[str]:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(given, dict):
        return [f"{path.rstrip('.')} must be a table"]
    problems = [f"{path}{name} is not known" for name in given.keys() - known.keys()]
    for name, value in known.items():
        if name not in given:
            problems.append(f"{path}{name} is missing")
        elif isinstance(value, dict):
            problems += _problems(value, given[name], f"{path}{name}.")
        elif isinstance(value, float) and not _is_price(given[name]):
            problems.append(f"{path}{name} must be a number of 0 or more")
        elif isinstance(value, str) and not isinstance(given[name], str):
            problems.append(f"{path}{name} must be a text")
    return sorted(problems)


def _is_price(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    )
