"""Lambda and CloudFormation as boto3 finds them: credentials and endpoint are those of its standard chain."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

# A handler may take 30 s to answer.
_CONFIG = Config(connect_timeout=5, read_timeout=40, retries={"mode": "standard", "total_max_attempts": 3})


class AwsFailed(Exception):
    """AWS cannot be asked, or refuses; the message says why."""


class Refused(Exception):
    """Nothing was changed, for a reason that the user can resolve."""


def client(
    service: Literal["lambda", "cloudformation", "logs", "ec2", "acm", "iam", "events"],
    region: str | None,
    *,
    profile: str | None = None,
) -> Any:  # noqa: ANN401 - by the service
    """Return a client.

    Args:
        service: The service.
        region: The Region; ``None`` for that of the environment.
        profile: The profile of the configuration; ``None`` for that of the environment.

    Raises:
        AwsFailed: When there is no Region, or the configuration is not right.
    """
    with aws_errors():
        session = boto3.Session(profile_name=profile)
        if region is None and session.region_name is None:
            raise AwsFailed("no Region is set; set AWS_DEFAULT_REGION, or give the ARN of the function")
        return session.client(service, region_name=region, config=_CONFIG)


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn what boto3 raises into one error.

    Raises:
        AwsFailed: When it raises something.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        raise AwsFailed(str(error)) from error


def is_missing(error: AwsFailed) -> bool:
    """Tell whether AWS says that there is no such thing."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in {
        "ResourceNotFoundException",
        "ProvisionedConcurrencyConfigNotFoundException",
    }
