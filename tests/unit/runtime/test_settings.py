"""The settings, from the environment that the construct writes."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from client_connect.settings import (
    ANSWERED_ENDPOINTS,
    CONNECTIONS_TABLE,
    DEFAULT_DENIAL,
    DEFAULT_MESSAGE,
    DEVICES_TABLE,
    EXTRA_FACTS,
    SHADOW_MODE,
    SHARED_CERTIFICATES,
    TIME_ZONE,
    WAIVERS_TABLE,
    Settings,
)


def test_an_empty_environment_gives_the_defaults() -> None:
    """Enforced, in UTC, with a message that helps."""
    assert Settings.from_environment() == Settings(
        shadow_mode=False, default_message=DEFAULT_DENIAL, time_zone=UTC
    )
    assert 0 < len(DEFAULT_DENIAL) <= 255


def test_each_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable of the construct is a separate setting."""
    monkeypatch.setenv(SHADOW_MODE, "true")
    monkeypatch.setenv(DEFAULT_MESSAGE, "Call 555.")
    monkeypatch.setenv(TIME_ZONE, "Europe/Berlin")
    monkeypatch.setenv(DEVICES_TABLE, "devices")
    monkeypatch.setenv(WAIVERS_TABLE, "waivers")
    monkeypatch.setenv(CONNECTIONS_TABLE, "connections")
    monkeypatch.setenv(EXTRA_FACTS, "risk")
    monkeypatch.setenv(SHARED_CERTIFICATES, "true")
    monkeypatch.setenv(ANSWERED_ENDPOINTS, "cvpn-endpoint-a=prod,cvpn-endpoint-b")
    assert Settings.from_environment() == Settings(
        shadow_mode=True,
        default_message="Call 555.",
        time_zone=ZoneInfo("Europe/Berlin"),
        devices_table="devices",
        waivers_table="waivers",
        connections_table="connections",
        extra_facts="risk",
        shared_certificates=True,
        endpoints={"cvpn-endpoint-a": "prod", "cvpn-endpoint-b": None},
    )


def test_an_empty_list_of_endpoints_answers_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was meant to restrict."""
    monkeypatch.setenv(ANSWERED_ENDPOINTS, "")
    assert Settings.from_environment().endpoints == {}


@pytest.mark.parametrize("value", ["", "True", "yes"])
def test_fails_for_certificates_that_are_neither_shared_nor_not(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """The name of a device is not guessed."""
    monkeypatch.setenv(SHARED_CERTIFICATES, value)
    with pytest.raises(ValueError, match=f'^{SHARED_CERTIFICATES} is "{value}"; allowed are'):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["", "True", "1", "yes", "true "])
def test_fails_for_a_shadow_mode_that_is_neither_true_nor_false(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Whether policies are enforced is not guessed."""
    monkeypatch.setenv(SHADOW_MODE, value)
    with pytest.raises(ValueError, match=f'^{SHADOW_MODE} is "{value}"; allowed are "true" and "false"$'):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["", "Mars/Olympus", "Europe", "/etc/localtime", "../UTC", "Zürich"])
def test_fails_for_what_is_no_time_zone(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The message names the variable."""
    monkeypatch.setenv(TIME_ZONE, value)
    with pytest.raises(ValueError, match=f'^{TIME_ZONE} is "{value}", which is not a time zone'):
        Settings.from_environment()
