"""The app's configuration, read from the CDK context and checked with messages that name the key."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Node

KEYS = (
    "policies",
    "architecture",
    "runtime",
    "timeZone",
    "shadowMode",
    "serverCertificateArn",
    "clientCertificateArn",
    "samlProviderArn",
    "directoryId",
    "vpcId",
    "clientCidr",
    "authorizedGroups",
)


class InvalidContext(ValueError):
    """A key of the context has a value that is not allowed, or is misspelt."""


class Context:
    """The keys of the context that the app reads.

    Args:
        node: The app's node.

    Raises:
        InvalidContext: When a key is spelt in another case than a known one, which would be ignored.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        known = {key.lower(): key for key in KEYS}
        for key in node.get_all_context():
            right = known.get(key.lower().replace("-", "").replace("_", ""))
            if right is not None and key != right:
                raise InvalidContext(f'context "{key}" is not known; write "{right}"')

    def optional(self, key: str, pattern: str, *, example: str) -> str | None:
        """Return a text that matches, or ``None`` when the key is not there or empty."""
        value = self._node.try_get_context(key)
        if value is None or value == "":
            return None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not re.fullmatch(pattern, text):
            self.fail(key, text, f"of the form {example}", f"give -c {key}={example}")
        return text

    def text(self, key: str, pattern: str, *, example: str, default: str | None = None) -> str:
        """Return a text that matches, or the default."""
        value = self.optional(key, pattern, example=example) or default
        if value is None:
            raise InvalidContext(f'context "{key}" is missing; give -c {key}={example}')
        return value

    def texts(self, key: str, pattern: str, *, example: str) -> Sequence[str]:
        """Return the texts of a list that commas separate; none when the key is not there."""
        text = self.optional(key, rf"\s*{pattern}\s*(,\s*{pattern}\s*)*", example=f"{example},...")
        return [] if text is None else [part.strip() for part in text.split(",")]

    def choice(self, key: str, choices: Sequence[str], *, default: str) -> str:
        """Return one of the choices."""
        return self.text(key, "|".join(map(re.escape, choices)), example="|".join(choices), default=default)

    def cidr(self, key: str, *, shortest: int, longest: int, default: str) -> str:
        """Return an IPv4 network whose prefix is within the limits."""
        example = f"{default} (a prefix from /{shortest} to /{longest})"
        text = self.text(key, r"[0-9.]+/[0-9]+", example=example, default=default)
        try:
            network = ip_network(text)
        except ValueError as error:
            self.fail(key, text, f"a network ({error})", f"give -c {key}={default}")
        if not shortest <= network.prefixlen <= longest:
            self.fail(
                key,
                text,
                f"a network with a prefix from /{shortest} to /{longest}",
                f"give -c {key}={default}",
            )
        return text

    def fail(self, key: str, value: str, wanted: str, remedy: str) -> NoReturn:
        """Refuse a value.

        Raises:
            InvalidContext: Always.
        """
        raise InvalidContext(f'context "{key}" is "{value}", which is not {wanted}; {remedy}')
