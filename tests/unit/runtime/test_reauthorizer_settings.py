"""The settings of the re-authorizer, from the environment that the construct writes."""

from __future__ import annotations

import pytest

from client_connect.reauthorizer.settings import ReauthorizerSettings
from client_connect.reauthorizer.unknown_connections import UnknownConnections

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
    """The variables that the construct always sets."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("per_user", [None, 2])
def test_each_setting_is_read(
    monkeypatch: pytest.MonkeyPatch, *, dry_run: bool, per_user: int | None
) -> None:
    """Each variable of the construct is a separate setting."""
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


def test_the_limits_of_terminations_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them there are those of the construct: a quarter, but ten in any case, within an hour."""
    default = ReauthorizerSettings.from_environment()
    assert (default.maximum_share, default.share_floor, default.window_s) == (0.25, 10, 3600)
    assert default.certificate_endpoints == ()
    monkeypatch.setenv("CLIENT_CONNECT_MAXIMUM_SHARE", "0.5")
    monkeypatch.setenv("CLIENT_CONNECT_SHARE_FLOOR", "3")
    monkeypatch.setenv("CLIENT_CONNECT_TERMINATION_WINDOW_SECONDS", "7200")
    monkeypatch.setenv("CLIENT_CONNECT_CERTIFICATE_ENDPOINTS", "e,f")
    changed = ReauthorizerSettings.from_environment()
    assert (changed.maximum_share, changed.share_floor, changed.window_s) == (0.5, 3, 7200)
    assert changed.certificate_endpoints == ("e", "f")


@pytest.mark.parametrize(
    ("connections", "most"), [(0, 3), (1, 3), (11, 3), (12, 3), (16, 4), (19, 4), (27, 6), (28, 7), (999, 7)]
)
def test_what_the_policies_may_end(connections: int, most: int) -> None:
    """A share of the connections, but a few in any case, and never more than the highest number."""
    settings = ReauthorizerSettings(
        endpoints=("e",), maximum_terminations=7, maximum_share=0.25, share_floor=3
    )
    assert settings.most_terminations(connections) == most
    assert ReauthorizerSettings(endpoints=("e",), maximum_terminations=0).most_terminations(connections) == 0


@pytest.mark.parametrize("name", VARIABLES)
def test_fails_for_a_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The users to disconnect are not guessed."""
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


@pytest.mark.parametrize(
    ("share", "connections", "most"),
    [(0.29, 100, 29), (0.57, 100, 57), (0.07, 300, 21), (1, 12, 12), (0.25, 63, 15)],
)
def test_a_share_is_what_its_decimals_say(share: float, connections: int, most: int) -> None:
    """Not one less because of how a computer stores it."""
    settings = ReauthorizerSettings(endpoints=("e",), maximum_share=share)
    assert settings.most_terminations(connections) == most
