"""Which ARN of the function an endpoint is given."""

from __future__ import annotations

from enum import Enum


class FunctionReference(Enum):
    """Which ARN of the function an endpoint is given.

    AWS wrote in 2020 that versions are not supported and the ARN must be unqualified, and writes since 2021
    that "Qualified Lambda functions are supported".
    """

    ALIAS = "alias"
    """The ARN of the alias ``live``. Provisioned concurrency takes effect only through it."""

    UNQUALIFIED = "unqualified"
    """The ARN without a qualifier, which invokes ``$LATEST``, where Lambda applies no provisioned concurrency."""
