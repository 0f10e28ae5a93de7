"""The logs that a command is to read: files, folders, standard input, or a log group of CloudWatch Logs."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from client_connect_tools.commands._shared import wrong_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

    from client_connect_tools.deployed.log_group import LogGroup
    from client_connect_tools.replay.reading.sources import Sources

LogsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Log files, folders of them, or - for standard input, in any form that logs are exported in."
    ),
]
LogGroupOption = Annotated[
    str | None,
    typer.Option(help="Read this log group of CloudWatch Logs instead of files; needs --since."),
]
SinceOption = Annotated[
    str | None, typer.Option(help="With --log-group, from when: 90m, 12h, 7d or 2w ago, or an ISO 8601 time.")
]
UntilOption = Annotated[
    str | None, typer.Option(help="With --log-group, until when, likewise. Default: now.")
]
RegionOption = Annotated[
    str | None, typer.Option(help="The Region of the log group. Default: that of the environment.")
]
ProfileOption = Annotated[
    str | None, typer.Option(help="The AWS profile to read with. Default: that of the environment.")
]


@dataclass(slots=True)
class Understood:
    """Which files the blocks that are decided come from, and whether anything was understood of each."""

    _waiting: deque[str] = field(default_factory=deque)
    _known: dict[str, bool] = field(default_factory=dict)

    def read(self, name: str) -> None:
        """Take note of a block of a file."""
        self._waiting.append(name)

    def decided(self, *, understood: int, unknown: int) -> None:
        """Take note of what was found in the block that was read first of those not decided yet."""
        name = self._waiting.popleft()
        if understood or unknown:
            self._known[name] = self._known.get(name, False) or bool(understood)

    def nothing_of(self) -> list[str]:
        """Return the files that hold something, but nothing that was understood."""
        return [name for name, is_known in self._known.items() if not is_known]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLogs:
    """Logs that were found.

    Attributes:
        source: Where they are.
        name: What they are called.
    """

    source: Sources | LogGroup
    name: str

    @property
    def size(self) -> int | None:
        """How many bytes they have; nothing where that is not known."""
        return getattr(self.source, "size", None)

    def blocks(self, progress: Progress, understood: Understood) -> Iterator[bytes]:
        """Yield what they hold, in lines with an entry each.

        Raises:
            UnreadableLog: When one turns out to be damaged.
        """
        from client_connect_tools.replay.reading.sources import Sources

        task = progress.add_task("Reading", total=self.size)
        if isinstance(self.source, Sources):
            yield from self.source.blocks(lambda count: progress.advance(task, count), understood.read)
        else:
            yield from _of_log_group(
                self.source, understood, lambda text: progress.update(task, description=text)
            )


def _of_log_group(group: LogGroup, understood: Understood, tell: Callable[[str], None]) -> Iterator[bytes]:
    from client_connect_tools.replay.reading.lines import Lines

    lines, events = Lines(), 0

    def on_page(count: int, last: datetime | None) -> None:
        nonlocal events
        events += count
        tell(f"{events:,} events" + ("" if last is None else f", until {last:%Y-%m-%d %H:%M} UTC"))

    for messages in _pages(group, on_page):
        text = "".join(f"{message.rstrip()}\n" for message in messages)
        if block := lines.block(text.encode("utf-8", "surrogatepass")):
            understood.read(group.name)
            yield block
    if end := lines.end():
        understood.read(group.name)
        yield end + b"\n"


def _pages(group: LogGroup, on_page: Callable[[int, datetime | None], None]) -> Iterator[list[str]]:
    from client_connect_tools.deployed.aws import AwsFailed
    from client_connect_tools.replay.reading.logs import UnreadableLog

    try:
        yield from group.messages(on_page)
    except AwsFailed as error:
        raise UnreadableLog(str(error)) from None


def find_logs(  # noqa: PLR0913 - each is an option
    files: list[str] | None,
    *,
    log_group: str | None,
    since: str | None,
    until: str | None,
    region: str | None,
    profile: str | None,
) -> GivenLogs:
    """Find the logs, or end the command.

    Raises:
        UnreadableLog: When a file is missing or cannot be read.
    """
    if log_group is None:
        for option, value in {
            "--since": since,
            "--until": until,
            "--region": region,
            "--profile": profile,
        }.items():
            if value is not None:
                wrong_use(f"{option} is about a log group; name it with --log-group, or leave {option} out")
        if not files:
            wrong_use(
                "no logs are named; give files or folders, - for standard input, or --log-group with --since"
            )
        from client_connect_tools.replay.reading.sources import Sources

        return GivenLogs(source=Sources.find(files), name=", ".join(files))
    if files:
        wrong_use("files and --log-group are both given; replay one of them")
    return GivenLogs(source=_log_group(log_group, since, until, region, profile), name=log_group)


def _log_group(
    name: str, since: str | None, until: str | None, region: str | None, profile: str | None
) -> LogGroup:
    from client_connect_tools.commands._deployed import require_boto3

    if since is None:
        wrong_use("--log-group needs --since, such as --since 7d")
    require_boto3()
    from client_connect_tools.deployed.log_group import LogGroup

    now = datetime.now(UTC)
    first, last = _moment(since, "--since", now), now if until is None else _moment(until, "--until", now)
    if first >= last:
        wrong_use("--since is not before --until; give an earlier --since")
    return LogGroup(name=name, since=first, until=last, region=region, profile=profile)


def _moment(text: str, option: str, now: datetime) -> datetime:
    from client_connect_tools.inputs.timestamps import NotATime, moment_or_ago

    try:
        return moment_or_ago(text, now)
    except NotATime as error:
        wrong_use(f"{option} {error}")


@contextmanager
def unreadable_logs_end_the_command() -> Iterator[None]:
    """End with status 2 when logs cannot be read."""
    from client_connect_tools.errors import ClientConnectError

    try:
        yield
    except ClientConnectError as error:
        wrong_use(error)


@contextmanager
def reading_progress() -> Iterator[Progress]:
    """Show how far logs have been read, on a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from client_connect_tools.output.safe_output import console

    terminal = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        yield progress


def end_for_what_was_not_understood(understood: Understood) -> None:
    """End with status 2 when nothing of some file was understood."""
    if names := understood.nothing_of():
        shown = ", ".join(f'"{name}"' for name in names[:20]) + (", ..." if len(names) > 20 else "")  # noqa: PLR2004
        wrong_use(
            f"nothing was understood of {shown}: neither decision records nor connection logs of Client VPN; "
            "leave such files out, or export the logs as CSV or JSON"
        )
