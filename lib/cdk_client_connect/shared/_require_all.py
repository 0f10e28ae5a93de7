"""Checks of arguments that report all that is wrong at once."""

from __future__ import annotations

from cdk_client_connect.errors import InvalidArgument


def require_all(*arguments: tuple[str, object, bool, str]) -> None:
    """Check arguments: the name of each, its value, whether it is right, and what it must be.

    Raises:
        InvalidArgument: With everything that is wrong.
    """
    problems = [f"{name}={value!r} must be {wanted}" for name, value, right, wanted in arguments if not right]
    if problems:
        raise InvalidArgument("\n".join(problems))
