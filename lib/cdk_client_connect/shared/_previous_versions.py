"""The versions of a function that stay when a deployment publishes another one, so that there is a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import custom_resources as cr
from constructs import Construct

from cdk_client_connect.shared._sdk_call import sdk_call
from cdk_client_connect.shared._support_function import support_function
from cdk_client_connect.shared.function_settings import FunctionSettings

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sqs as sqs

_FUNCTION_NAMES = "CLIENT_CONNECT_FUNCTION_NAMES"
_PREVIOUS_VERSIONS = "CLIENT_CONNECT_PREVIOUS_VERSIONS"


class PreviousVersions:
    """Keeps the versions of a handler and its re-authorizer, and has the oldest removed after each deployment.

    CloudFormation retains all of them, but for one that a failed deployment has published: retained, that one would
    make the next deployment fail, because Lambda publishes nothing that equals the newest version. It cannot count,
    so a function removes what is too much.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html

    Args:
        scope: The construct to define it in.
        number: How many previous versions stay.
        encryption_key: The key of the function's variables and log group. Default: AWS's own.
        dead_letter_queue: That of the function. Default: none.
    """

    def __init__(
        self,
        scope: Construct,
        number: int,
        *,
        encryption_key: kms.IKey | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
    ) -> None:
        self._scope = scope
        self._number = number
        self._encryption_key = encryption_key
        self._dead_letter_queue = dead_letter_queue
        self._names: list[str] = []

    def options(self, description: str) -> lambda_.VersionOptions:
        """Return the options of the current version of a function.

        Args:
            description: What the version says of itself; it may only change when the code or the settings do.
        """
        policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if self._number else RemovalPolicy.DESTROY
        return lambda_.VersionOptions(description=description, removal_policy=policy)

    def prune(self, alias: lambda_.Alias) -> None:
        """Have the oldest versions of a function removed whenever its alias has moved to another one."""
        if not self._number:
            return
        function = alias.version.lambda_
        self._names.append(function.function_name)
        if len(self._names) == 1:
            self._define(alias)
        self._function.add_environment(_FUNCTION_NAMES, ",".join(self._names))
        self._allow(function.function_arn)
        self._run.node.add_dependency(alias)

    def _define(self, alias: lambda_.Alias) -> None:
        resources = Construct(self._scope, "PreviousVersions")
        self._function = support_function(
            resources,
            package="client_connect_versions",
            handler="pruning.handler",
            description="Removes the oldest versions of a client connect handler",
            timeout=Duration.minutes(2),
            environment={_PREVIOUS_VERSIONS: str(self._number)},
            encryption_key=self._encryption_key,
            settings=FunctionSettings(dead_letter_queue=self._dead_letter_queue),
        )
        call = cr.AwsSdkCall(
            service="Lambda",
            action="invoke",
            parameters={
                "FunctionName": self._function.function_name,
                "InvocationType": "Event",
                "Payload": f'{{"deployed": "{alias.version.version}"}}',
            },
            physical_resource_id=cr.PhysicalResourceId.of(f"{resources.node.path}/run"),
            output_paths=["StatusCode"],
            # A version too many is no reason for a deployment to fail.
            ignore_error_codes_matching=".*",
        )
        self._run = sdk_call(
            Construct(resources, "Deployment"),
            "Run",
            on_create=call,
            on_update=call,
            permission=iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[self._function.function_arn]
            ),
            encryption_key=self._encryption_key,
        )

    def _allow(self, arn: str) -> None:
        principal = self._function.grant_principal
        # With a qualifier alone, so that this can remove a version, but not the function.
        for actions, resource in (
            (["lambda:ListAliases", "lambda:ListVersionsByFunction"], arn),
            (["lambda:DeleteFunction"], f"{arn}:*"),
        ):
            # In the role's own policy, which the function waits for, whatever the feature flags.
            principal.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        policy = self._function.role and self._function.role.node.try_find_child("DefaultPolicy")
        if policy is not None:
            reason = "versions get their numbers at deployment"
            Validations.of(policy).acknowledge(Acknowledgment(id="AwsSolutions-IAM5", reason=reason))
