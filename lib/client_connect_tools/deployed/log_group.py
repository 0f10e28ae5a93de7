"""The events of a log group in CloudWatch Logs in a period, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import NoCredentialsError

from client_connect_tools.deployed.aws import AwsFailed, aws_errors, client, is_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A time of a log group.

    Attributes:
        name: The name of the log group, or its ARN.
        since: The first moment.
        until: The last one.
        region: Its Region; ``None`` for that of the environment.
        profile: The profile with the credentials; ``None`` for those of the environment.
    """

    name: str
    since: datetime
    until: datetime
    region: str | None = None
    profile: str | None = None

    def messages(self, on_page: Callable[[int, datetime | None], None]) -> Iterator[list[str]]:
        """Yield the messages of each page.

        Args:
            on_page: Called with the number of events of a page and the time of its last one.

        Raises:
            AwsFailed: When AWS cannot be asked, or refuses.
        """
        logs = client("logs", self.region, profile=self.profile)
        for events in self._pages(logs):
            last = max((event["timestamp"] for event in events), default=None)
            on_page(len(events), None if last is None else datetime.fromtimestamp(last / 1000, UTC))
            yield [event["message"] for event in events]

    def _pages(self, logs: Any) -> Iterator[list[dict[str, Any]]]:  # noqa: ANN401 - boto3's own
        asked: dict[str, Any] = {
            (
                "logGroupIdentifier" if self.name.startswith("arn:") else "logGroupName"
            ): self.name.removesuffix(":*"),
            "startTime": _milliseconds(self.since),
            "endTime": _milliseconds(self.until),
        }
        while True:
            try:
                with aws_errors():
                    page = logs.filter_log_events(**asked)
            except AwsFailed as error:
                raise AwsFailed(self._explained(error)) from None
            yield page.get("events", [])
            token = page.get("nextToken")
            if not token or token == asked.get("nextToken"):
                return
            asked["nextToken"] = token

    def _explained(self, error: AwsFailed) -> str:
        if is_missing(error):
            region = self.region or "this Region"
            return (
                f'there is no log group "{self.name}" in {region}; look at its name, --region and --profile'
            )
        hint = (
            "; log in, or name credentials with --profile"
            if isinstance(error.__cause__, NoCredentialsError)
            else ""
        )
        return f'cannot read the log group "{self.name}": {error}{hint}'


def _milliseconds(time: datetime) -> int:
    return max(0, round(time.timestamp() * 1000))
