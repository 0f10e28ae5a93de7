"""The policies in the template, so ``cdk diff`` shows which of them change."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from aws_cdk import CfnResource

from client_connect_tools.bundling.bundle import policies_file
from client_connect_tools.deployed.description import policies_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from client_connect_tools import Policies

# The names of the digests of lists of networks, which are no policies.
NETWORKS = "networks/"

KEY = "cdk-client-connect:policies"

# A template may have 1 MB in all.
MAX_CHARACTERS = 50_000


def show_policies(alias: lambda_.Alias, policies: Policies) -> None:
    """Write the policies' ids and digests into the metadata of the alias.

    Of the function's metadata the CDK would make another version; a version is another resource each time.
    """
    resource = alias.node.default_child
    if isinstance(resource, CfnResource):
        resource.add_metadata(KEY, _shortened(policies.digests()))


def digests_of(policies: Policies | None, *, is_prebuilt: bool) -> tuple[str | None, dict[str, str]]:
    """Return the digest of policies as records have it, and that of each; of unknown ones, nothing.

    Args:
        policies: The policies, if they are known.
        is_prebuilt: Whether they came out of a bundle; then they are as they were bundled.
    """
    if policies is None:
        return None, {}
    text = policies.text if is_prebuilt else policies_file(policies.text, policies.network_table)
    each = {name: known for name, known in policies.digests().items() if not name.startswith(NETWORKS)}
    return policies_digest(text), each


def _shortened(digests: Mapping[str, str]) -> dict[str, str]:
    """Return the entries, or one for all of them when they would take too much of the template."""
    text = json.dumps(digests)
    if len(text) <= MAX_CHARACTERS:
        return dict(digests)
    return {f"all {len(digests)}": sha256(text.encode()).hexdigest()[:12]}
