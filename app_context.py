"""The app's configuration, read from the CDK context and checked with messages that name the key."""

from __future__ import annotations

import difflib
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
    "deviceInventory",
    "connectionRegistry",
    "reauthorizedEndpoints",
    "serverCertificateArn",
    "clientCertificateArn",
    "samlProviderArn",
    "directoryId",
    "vpcId",
    "clientCidr",
    "authorizedGroups",
    "monitoring",
    "alarmTopicArn",
    "reauthorizer",
    "gradualDeployment",
)


class InvalidContext(ValueError):
    """A key of the context has a value that is not allowed, or is misspelt."""


class Context:
    """The keys of the context that the app reads.

    Args:
        node: The app's node.

    Raises:
        InvalidContext: When a key is nearly spelt as a known one, which would be ignored.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        for key in node.get_all_context():
            if key not in KEYS and (right := _meant(key)):
                raise InvalidContext(f'context "{key}" is not known; write "{right}"')

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""
        return self._node.try_get_context(key) is not None

    def optional(self, key: str, pattern: str, *, example: str) -> str | None:
        """Return a text that matches, or ``None`` when the key is not there.

        An empty text is refused: it comes of a variable that is not set, and to go on without what it should
        have said could mean the contrary.
        """
        value = self._node.try_get_context(key)
        if value is None:
            return None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not re.fullmatch(pattern, text):
            self.fail(key, text, f"of the form {example}", f"give -c {key}={example}, or leave the key out")
        return text

    def text(self, key: str, pattern: str, *, example: str, default: str | None = None) -> str:
        """Return a text that matches, or the default."""
        value = self.optional(key, pattern, example=example) or default
        if value is None:
            raise InvalidContext(f'context "{key}" is missing; give -c {key}={example}')
        return value

    def texts(self, key: str, pattern: str, *, example: str) -> Sequence[str]:
        """Return the texts of a list, or of a text separated by commas; none without the key."""
        value = self._node.try_get_context(key)
        if value is None:
            return []
        parts = value if isinstance(value, list) else str(value).split(",")
        texts = [str(part).strip() for part in parts]
        if not texts or not all(re.fullmatch(pattern, text) for text in texts):
            self.fail(
                key,
                str(value),
                f"of the form {example},...",
                f"give -c {key}={example}, or leave the key out",
            )
        if len(set(texts)) < len(texts):
            self.fail(key, str(value), "a list of different texts", "give each once")
        return texts

    def choice(self, key: str, choices: Sequence[str], *, default: str) -> str:
        """Return one of the choices."""
        return self.text(key, "|".join(map(re.escape, choices)), example="|".join(choices), default=default)

    def flag(self, key: str) -> bool:
        """Return whether a key is ``true``; without it, it is not."""
        return self.choice(key, ["true", "false"], default="false") == "true"

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


def _meant(key: str) -> str | None:
    """Return our key that another one is probably meant to be; CDK's own have a colon."""
    if ":" in key:
        return None
    near = difflib.get_close_matches(
        re.sub("[-_]", "", key).lower(), [each.lower() for each in KEYS], n=1, cutoff=0.85
    )
    return next((each for each in KEYS if [each.lower()] == near), None)
