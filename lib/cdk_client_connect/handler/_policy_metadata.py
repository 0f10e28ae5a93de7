"""The policies in the template, so that ``cdk diff`` shows which of them change."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from aws_cdk import CfnResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from client_connect_tools import Policies

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


def _shortened(digests: Mapping[str, str]) -> dict[str, str]:
    """Return the entries, or one for all of them when they would take too much of the template."""
    text = json.dumps(digests)
    if len(text) <= MAX_CHARACTERS:
        return dict(digests)
    return {f"all {len(digests)}": sha256(text.encode()).hexdigest()[:12]}
