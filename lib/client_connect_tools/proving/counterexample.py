"""The connection that a model describes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, cast

import client_connect
from client_connect import ConnectionRequest, Device, OsVersion, cedar_json
from client_connect_tools.proving.clock import moment_at
from client_connect_tools.proving.custom_types import RecordType, SetType
from client_connect_tools.proving.texts import matches

if TYPE_CHECKING:
    from client_connect.states import CustomFactsState, Inventory
    from client_connect_tools.proving.custom_types import CustomType
    from client_connect_tools.proving.facts import Facts
    from client_connect_tools.proving.solver import Model


def connection(facts: Facts, model: Model, used: frozenset[str]) -> client_connect.Facts:
    """Return the facts of a connection as a model has them.

    Args:
        facts: The variables.
        model: Their values.
        used: The names of the variables in the formulas that the model is of.
    """
    return _Reading(facts, model).facts(used)


class _Reading:
    def __init__(self, facts: Facts, model: Model) -> None:
        self._facts = facts
        self._model = model

    def facts(self, used: frozenset[str]) -> client_connect.Facts:
        model, clock = self._model, self._facts.clock
        custom_facts = cast("CustomFactsState", self._text("customFacts"))
        inventory = cast("Inventory", self._text("inventory"))
        return client_connect.Facts(
            request=self._request(),
            now=clock.decoded(model, used),
            time_zone=clock.decoded_zone(model, used),
            inventory=inventory,
            device=self._device() if inventory == "known" else None,
            waivers=frozenset(self._members("waivers")),
            active_connections=model["activeConnections"] if model["has activeConnections"] else None,
            custom_facts=custom_facts,
            endpoint_name=self._text("endpointName") if model["has endpointName"] else None,
            custom=self._custom("custom", self._facts.custom_type) if custom_facts == "available" else None,
        )

    def _request(self) -> ConnectionRequest:
        model = self._model
        is_user = model["is user"]
        groups = (
            self._facts.texts.texts[number] for number in self._facts.groups if model[f"group {number}"]
        )
        return ConnectionRequest(
            connection_id=self._text("connectionId"),
            endpoint_id=self._text("endpoint"),
            platform=self._text("platform"),
            public_ip=IPv4Address(model["IPv4 address"])
            if model["is IPv4"]
            else IPv6Address(model["IPv6 address"]),
            common_name=self._text("commonName") if model["has commonName"] else None,
            username=self._text("pid") if is_user else None,
            platform_version=self._platform_version() if model["has platformVersion"] else None,
            client_openvpn_version=self._version("openvpn"),
            groups=tuple(groups) if is_user else (),
            aws_client_version=self._version("awsClient"),
        )

    def _platform_version(self) -> str:
        number = self._model["platformVersion"]
        if number == self._facts.readable:
            return f"{self._os('os')},amd64"
        if number < self._facts.readable:
            return self._facts.texts.texts[int(number)]
        wanted = {each: self._model[free.name] for each, free in self._facts.patterns.items()}
        unread = (
            text
            for text in self._facts.texts.texts
            if text
            and OsVersion.of_windows(text) is None
            and all(matches(each, text) == match for each, match in wanted.items())
        )
        return next(unread, "unknown")

    def _version(self, name: str) -> str | None:
        if not self._model[f"has {name}"]:
            return None
        return ".".join(str(self._model[f"{name}.{part}"]) for part in ("major", "minor", "patch"))

    def _os(self, path: str) -> OsVersion:
        major, minor, build = (self._model[f"{path}.{part}"] for part in ("major", "minor", "build"))
        return OsVersion(major, minor, build if self._model[f"has {path}.build"] else None)

    def _device(self) -> Device:
        model, texts = self._model, self._facts.texts.texts
        return Device(
            compliant=bool(model["device.compliant"]) if model["has device.compliant"] else None,
            last_seen=moment_at(model["device.lastSeen"]) if model["has device.lastSeen"] else None,
            os=self._os("device.os") if model["has device.os"] else None,
            tags={
                texts[name]: texts[model[text.name]]
                for name, (has, text) in self._facts.tags.items()
                if model[has.name]
            },
        )

    def _custom(self, path: str, of: CustomType) -> Any:  # noqa: ANN401, PLR0911 - as the schema says
        match of:
            case RecordType(attributes):
                return {
                    name: self._custom(f"{path}.{name}", inner)
                    for name, (inner, required) in attributes.items()
                    if required or self._model[f"has {path}.{name}"]
                }
            case SetType("String"):
                return sorted(self._members(path))
            case "Bool":
                return bool(self._model[path])
            case "String":
                return self._text(path)
            case "Long":
                return self._model[path]
            case "datetime":
                return cedar_json.instant(moment_at(self._model[path]))
            case "duration":
                return {"__extn": {"fn": "duration", "arg": f"{self._model[path]}ms"}}
        return _OF_NO_MATTER.get(of if isinstance(of, str) else "set", 0)

    def _text(self, name: str) -> str:
        return self._facts.texts.texts[int(self._model[name])]

    def _members(self, name: str) -> list[str]:
        return [
            self._facts.texts.texts[number]
            for number, variable in self._facts.members_of(name).items()
            if self._model[variable.name]
        ]


# Values of the types that are not encoded, so no formula asks for them.
_OF_NO_MATTER: dict[str, object] = {
    "set": [],
    "decimal": {"__extn": {"fn": "decimal", "arg": "0.0"}},
    "ipaddr": {"__extn": {"fn": "ip", "arg": "192.0.2.1"}},
}
