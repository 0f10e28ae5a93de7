"""The settings of the re-authorizer, from the environment that the construct writes."""

from __future__ import annotations

import pytest

from client_connect.reauthorizer_settings import ReauthorizerSettings
from client_connect.unknown_connections import UnknownConnections

VARIABLES = {
    "CLIENT_CONNECT_ENDPOINTS": "cvpn-endpoint-1,cvpn-endpoint-2",
    "CLIENT_CONNECT_INTERVAL_SECONDS": "90",
    "CLIENT_CONNECT_MAXIMUM_TERMINATIONS": "7",
    "CLIENT_CONNECT_UNKNOWN_CONNECTIONS": "decide",
    "CLIENT_CONNECT_DRY_RUN": "false",
    "CLIENT_CONNECT_HANDLER_VERSION": "arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-handler:7",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the construct sets in any case."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("per_user", [None, 2])
def test_each_setting_is_read(
    monkeypatch: pytest.MonkeyPatch, *, dry_run: bool, per_user: int | None
) -> None:
    """Each variable of the construct is a setting of its own."""
    monkeypatch.setenv("CLIENT_CONNECT_DRY_RUN", str(dry_run).lower())
    if per_user is not None:
        monkeypatch.setenv("CLIENT_CONNECT_CONNECTIONS_PER_USER", str(per_user))
    assert ReauthorizerSettings.from_environment() == ReauthorizerSettings(
        endpoints=("cvpn-endpoint-1", "cvpn-endpoint-2"),
        interval_s=90,
        maximum_terminations=7,
        connections_per_user=per_user,
        unknown_connections=UnknownConnections.DECIDE,
        dry_run=dry_run,
        handler_version="arn:aws:lambda:eu-central-1:111111111111:function:AWSClientVPN-handler:7",
    )


@pytest.mark.parametrize("name", VARIABLES)
def test_fails_for_a_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whom to disconnect is not guessed."""
    monkeypatch.delenv(name)
    with pytest.raises(KeyError, match=f"^'{name}'$"):
        ReauthorizerSettings.from_environment()


def test_as_text_settings_that_differ_differ() -> None:
    """By it a run knows a scan that was begun by other settings."""
    settings = ReauthorizerSettings(endpoints=("e",))
    others = [
        ReauthorizerSettings(endpoints=("e",), unknown_connections=UnknownConnections.DECIDE),
        ReauthorizerSettings(endpoints=("e",), dry_run=True),
        ReauthorizerSettings(endpoints=("e", "f")),
        ReauthorizerSettings(endpoints=("e",), handler_version="2"),
    ]
    assert len({each.to_json() for each in (settings, *others)}) == 5
    assert settings.to_json() == ReauthorizerSettings(endpoints=("e",)).to_json()
