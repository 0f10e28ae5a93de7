"""The versions of a function that stay when a deployment publishes another one, for a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_client_connect.shared._support_function import support_function

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

    from cdk_client_connect.shared.function_settings import FunctionSettings

_FUNCTION_NAMES = "CLIENT_CONNECT_FUNCTION_NAMES"
_PREVIOUS_VERSIONS = "CLIENT_CONNECT_PREVIOUS_VERSIONS"


class PreviousVersions:
    """Keeps the versions of a handler and its re-authorizer, and has the oldest removed.

    CloudFormation retains all of them, but for one that a failed deployment has published: retained, that one would
    make the next deployment fail, because Lambda publishes nothing that equals the newest version. It cannot count,
    so a function removes what is too much, once a day.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html

    Args:
        scope: The construct to define it in.
        number: How many previous versions stay.
        encryption_key: The key of the function's variables and log group. Default: AWS's own.
        settings: What an organization asks of the function.
    """

    def __init__(
        self,
        scope: Construct,
        number: int,
        *,
        encryption_key: kms.IKey | None = None,
        settings: FunctionSettings,
    ) -> None:
        self._scope = scope
        self._number = number
        self._encryption_key = encryption_key
        self._settings = settings
        self._names: list[str] = []

    def elsewhere(self, scope: Construct) -> PreviousVersions:
        """Return the same for functions in another stack."""
        return PreviousVersions(
            scope, self._number, encryption_key=self._encryption_key, settings=self._settings
        )

    def options(self) -> lambda_.VersionOptions:
        """Return the options of the current version of a function.

        A version has the description of its function, and no separate one: that could change while the function does
        not, and then Lambda would publish nothing and the deployment would fail.
        """
        policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if self._number else RemovalPolicy.DESTROY
        return lambda_.VersionOptions(removal_policy=policy)

    def prune(self, alias: lambda_.Alias) -> None:
        """Have the oldest versions of a function removed, once a day."""
        if not self._number:
            return
        function = alias.version.lambda_
        self._names.append(function.function_name)
        if len(self._names) == 1:
            self._define()
        self._function.add_environment(_FUNCTION_NAMES, ",".join(self._names))
        self._allow(function.function_arn)

    def _define(self) -> None:
        resources = Construct(self._scope, "PreviousVersions")
        self._function = support_function(
            resources,
            package="client_connect_versions",
            handler="pruning.handler",
            description="Removes the oldest versions of a client connect handler",
            timeout=Duration.minutes(2),
            environment={_PREVIOUS_VERSIONS: str(self._number)},
            encryption_key=self._encryption_key,
            settings=self._settings,
        )
        # Not by the deployment, which would need a custom resource: a version too many does no harm for a day.
        events.Rule(
            resources,
            "Schedule",
            description="Removes the oldest versions of a client connect handler",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[targets.LambdaFunction(self._function)],
        )

    def _allow(self, arn: str) -> None:
        principal = self._function.grant_principal
        # With a qualifier alone, so this can remove a version, but not the function.
        for actions, resource in (
            (["lambda:ListAliases", "lambda:ListVersionsByFunction"], arn),
            (["lambda:DeleteFunction"], f"{arn}:*"),
        ):
            # In the role's own policy, which the function waits for, whatever the feature flags.
            principal.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        policy = self._function.role and self._function.role.node.try_find_child("DefaultPolicy")
        if policy is not None:
            logical_id = Stack.of(policy).resolve(arn)["Fn::GetAtt"][0]
            id = f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>:*]"
            reason = "versions get their numbers at deployment"
            Validations.of(policy).acknowledge(Acknowledgment(id=id, reason=reason))
