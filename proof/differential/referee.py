"""Cedar's own build for Node as a referee: one process, which decides batches."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NODE = Path(sys.executable).with_name("node")
_PROGRAM = Path(__file__).with_name("referee.cjs")


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict of one set of policies on one request.

    Attributes:
        allowed: Cedar's own decision, without policies that err.
        reasons: The ids of the policies that determined it, sorted.
        errors: The ids of the policies that erred, sorted.
    """

    allowed: bool
    reasons: tuple[str, ...]
    errors: tuple[str, ...]


class Referee:
    """A process that decides, as long as the ``with`` block lasts.

    Args:
        schema: The Cedar schema of the requests.
    """

    def __init__(self, schema: str) -> None:
        self._schema = schema

    def __enter__(self) -> Self:
        command = [_NODE, _PROGRAM]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._ask({"schema": self._schema, "sets": [], "requests": []})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def decide(
        self, sets: Sequence[Mapping[str, str]], requests: Sequence[Mapping[str, Any]]
    ) -> list[list[Answer]]:
        """Decide each request by each set of policies, which are texts by their ids."""
        answers = self._ask({"sets": sets, "requests": requests})
        return [
            [Answer(one["allowed"], tuple(one["reasons"]), tuple(one["errors"])) for one in of_set]
            for of_set in answers
        ]

    def _ask(self, batch: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(batch) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the referee ended; what is wrong is in its errors above")
        answers: list[list[dict[str, Any]]] = json.loads(answer)
        return answers
