"""A bounded memory of what was computed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")


class Memo(Generic[_Key, _Value]):
    """Keeps what was used lately, at most ``size`` entries.

    Two generations: when the young one is full it becomes the old one, whose unused entries are dropped.

    Attributes:
        lately: Returns what is kept for a key in the young generation, or nothing: faster than ``get``.
    """

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._young: dict[_Key, _Value] = {}
        self._old: dict[_Key, _Value] = {}
        self.lately: Callable[[_Key], _Value | None] = self._young.get

    def get(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """Return what is kept for a key; make and keep it when there is nothing."""
        try:
            return self._young[key]
        except KeyError:
            pass
        made = self._old[key] if key in self._old else make()
        if len(self._young) >= self._half:
            self._old = self._young.copy()
            self._young.clear()
        self._young[key] = made
        return made

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
