"""Where Lambda offers SnapStart, and together with what.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack, Token

from cdk_client_connect.errors import InvalidArgument, InvalidConcurrency, InvalidRuntime
from cdk_client_connect.handler.function_reference import FunctionReference
from cdk_client_connect.handler.provisioned_concurrency import ProvisionedConcurrency

if TYPE_CHECKING:
    from constructs import Construct

    from cdk_client_connect.handler._options import Options

# All commercial Regions but these; New Zealand and Taipei.
_REGIONS_WITHOUT = frozenset({"ap-southeast-6", "ap-east-2"})
# These are not commercial.
_PARTITIONS_WITHOUT = ("us-gov-", "us-iso", "eu-iso")


def default_concurrency(*, snap_start: bool) -> ProvisionedConcurrency:
    """Return the environments that are kept initialized where nothing else is said."""
    return ProvisionedConcurrency.none() if snap_start else ProvisionedConcurrency.fixed(2)


def require_snap_start(scope: Construct, options: Options) -> None:
    """Check that Lambda offers SnapStart for what is defined, if it is wanted.

    Raises:
        InvalidArgument: When it has no effect, or the Region lacks it.
        InvalidConcurrency: When environments must be kept initialized too.
        InvalidRuntime: When the runtime has none.
    """
    if not options.snap_start:
        return
    if options.provisioned_concurrency.maximum:
        raise InvalidConcurrency(
            "snap_start=True and provisioned_concurrency exclude each other in Lambda; leave one of them out, or use "
            "ProvisionedConcurrency.none()"
        )
    if options.function_reference is FunctionReference.UNQUALIFIED:
        raise InvalidArgument(
            "snap_start=True has no effect on $LATEST, which the unqualified ARN invokes; use FunctionReference.ALIAS"
        )
    if not options.runtime.supports_snap_start:
        raise InvalidRuntime(
            f'runtime "{options.runtime.name}" has no SnapStart, as far as this CDK knows; use '
            "lambda_.Runtime.PYTHON_3_14, or leave snap_start out"
        )
    region = Stack.of(scope).region
    if not Token.is_unresolved(region) and (
        region in _REGIONS_WITHOUT or region.startswith(_PARTITIONS_WITHOUT)
    ):
        raise InvalidArgument(
            f"snap_start=True, but Lambda has no SnapStart in {region}; leave it out, or use provisioned_concurrency"
        )
