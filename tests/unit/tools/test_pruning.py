"""Which versions are removed."""

from __future__ import annotations

import pytest

from client_connect_versions.pruning import surplus


@pytest.mark.parametrize(
    ("versions", "running", "keep", "removed"),
    [
        ({1, 2, 3, 4}, {4}, 2, [1]),
        ({1, 2, 3, 4}, {4}, 3, []),
        ({1, 2, 3, 4}, {4}, 0, [1, 2, 3]),
        ({1, 2, 3, 4}, {2}, 5, []),
        ({1, 2, 3, 4, 5}, {3}, 1, [1]),
        ({1, 2, 3, 4, 5}, {1, 5}, 1, [2, 3]),
        ({3, 10, 9}, {10}, 1, [3]),
        ({1, 2}, set(), 0, []),
        (set(), set(), 0, []),
    ],
)
def test_the_oldest_go(versions: set[int], running: set[int], keep: int, removed: list[int]) -> None:
    """By number, never one that runs or is newer than that, and nothing at all if it is unknown what runs."""
    assert surplus(versions, running, keep=keep) == removed
