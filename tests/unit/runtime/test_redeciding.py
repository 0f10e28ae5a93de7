"""What the re-authorizer decides by: sources that fail, and what the service tells of a connection."""

from __future__ import annotations

import pytest

from client_connect import ConnectionRequest
from client_connect.client_vpn import Connection
from client_connect.redeciding import Source, _told


def test_a_source_that_failed_three_times_in_a_row_is_not_asked_again() -> None:
    """Each call of one that hangs would cost the run its time; an answer in between begins the count anew."""
    source, answers = (
        Source(),
        iter([OSError("a"), OSError("b"), 1, OSError("c"), OSError("d"), OSError("e"), 2]),
    )

    def call() -> object:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert [source.ask(call) for _ in range(9)] == [None, None, 1, None, None, None, None, None, None]
    assert source.problem == "OSError: e"
    assert next(answers) == 2


@pytest.mark.parametrize(
    ("username", "common_name", "principal"),
    [
        ("bob", None, ("bob", None)),
        ("bob", "BOB", ("bob", None)),  # the user's name, which the service repeats
        ("bob", "laptop", ("bob", "laptop")),
        (None, "laptop", (None, "laptop")),
    ],
)
def test_who_is_connected_is_who_the_service_tells(
    username: str | None, common_name: str | None, principal: tuple[str | None, str | None]
) -> None:
    """A certificate's common name and the user are told apart."""
    request, _ = _told(
        Connection(connection_id="c", endpoint_id="e", username=username, common_name=common_name)
    )
    assert (request.username, request.common_name) == principal
    assert ConnectionRequest.from_event(request.to_event()) == request


def test_a_connection_of_nobody_is_asked_about_like_any_other() -> None:
    """A module of extra facts may rely on a user or a device."""
    request, unknown = _told(Connection(connection_id="c", endpoint_id="e"))
    assert ConnectionRequest.from_event(request.to_event()) == request
    assert {"principal", "username", "commonName", "device", "custom"} <= unknown
