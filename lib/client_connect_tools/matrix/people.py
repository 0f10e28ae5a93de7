"""Who connects: groups one at a time, users and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cedarpy import pst

from client_connect.names import lower_case
from client_connect_tools.matrix.axis import Axis, Value
from client_connect_tools.matrix.circumstances import USER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_connect_tools.cedar.constants import Constants


def axes(constants: Constants) -> Iterator[Axis]:
    """Yield the axes of what policies ask about who connects."""
    if groups := constants.entities("ClientVpn::Group"):
        values = (Value(name, {"groups": [name]}) for name in groups)
        yield Axis("group", (*values, Value("no named group", {"groups": []})))
    yield from _users(constants)
    yield from _certificates(constants)
    if endpoints := constants.entities("ClientVpn::Endpoint"):
        values = (Value(id_, {"endpoint-id": id_}) for id_ in endpoints)
        yield Axis("endpoint", (Value("any other endpoint"), *values))
    if constants.reads("endpointName"):
        values = (Value(name, {"endpoint-name": name}) for name in constants.texts("endpointName"))
        yield Axis(
            "endpoint name", (*values, Value("any other", {"endpoint-name": "other"}), Value("no name"))
        )


def _users(constants: Constants) -> Iterator[Axis]:
    names = [*constants.texts("username"), *map(lower_case, constants.entities("ClientVpn::User"))]
    values = [Value(name, {"username": name}) for name in dict.fromkeys(names)]
    values += [
        Value(f"like {text}", {"username": sample}) for text, sample in _samples(constants, "username")
    ]
    if constants.tests_for("ClientVpn::Device"):
        values.append(Value("no user, a certificate alone", {"username": "", "common-name": USER}))
    if values:
        yield Axis("user", (Value("any other user"), *values))


def _certificates(constants: Constants) -> Iterator[Axis]:
    values = [Value(name, {"common-name": name}) for name in constants.texts("commonName")]
    values += [
        Value(f"like {text}", {"common-name": each}) for text, each in _samples(constants, "commonName")
    ]
    if constants.reads("ownCertificate"):
        values.append(Value("the user's own", {"own-certificate": True}))
    if constants.reads("commonName"):
        values.append(Value("no certificate", {"common-name": ""}))
    if values:
        yield Axis("certificate", (Value("any other", {"common-name": "another-device"}), *values))


def _samples(constants: Constants, name: str) -> Iterable[tuple[str, str]]:
    """Yield each pattern with a text that it matches."""
    for pattern in constants.patterns(name):
        shown = "".join("*" if isinstance(each, pst.Wildcard) else each.value for each in pattern)
        yield shown, shown.replace("*", "x") or "x"
