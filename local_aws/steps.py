"""Steps of a program, shown while they go on."""

from __future__ import annotations

import contextlib
from time import perf_counter
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

_LONGEST_LINE = 60


@contextlib.contextmanager
def step(console: Console, title: str) -> Iterator[Callable[[str], None]]:
    """Show that a step goes on, with the last line of its output, and how long it took."""
    started = perf_counter()
    if not console.is_terminal:
        console.print(f"  {title} ...")
    with console.status(title) as status:
        yield lambda line: status.update(f"{title}  [dim]{escape(line.strip()[:_LONGEST_LINE])}[/]")
    console.print(f"[green]✓[/] {title} [dim]{perf_counter() - started:.1f} s[/]")
