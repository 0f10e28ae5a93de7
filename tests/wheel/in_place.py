"""Resources that CloudFormation would replace, or refuse to update, between two templates of the same stack."""

from __future__ import annotations

from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

REGION = "eu-central-1"
TABLE = "AWS::DynamoDB::Table"
# With the contents, or with what others have noted elsewhere.
STATEFUL = {TABLE, "AWS::EC2::ClientVpnEndpoint", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SNS::Topic"}


def not_in_place(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what is lost, replaced or refused, by logical id."""
    old, new = before["Resources"], after["Resources"]
    found = [
        f"{name} ({each['Type']}) is removed, with what it holds"
        for name, each in old.items()
        if each["Type"] in STATEFUL and name not in new
    ]
    for name in sorted(old.keys() & new.keys()):
        one, other = old[name], new[name]
        if one["Type"] != other["Type"]:
            found.append(f"{name} becomes {other['Type']}, and CloudFormation changes no types")
            continue
        properties = (one.get("Properties", {}), other.get("Properties", {}))
        found += [f"{name}: another {each} replaces it" for each in _replaced(one["Type"], *properties)]
        if one["Type"] == TABLE:
            found += [f"{name}: {each}" for each in _refused_by_dynamodb(*properties)]
    return found


def _replaced(type_: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the properties that are set at creation only, and differ."""
    if type_.startswith("Custom::") or type_ == "AWS::CloudFormation::CustomResource":
        return ["ServiceToken"] if before.get("ServiceToken") != after.get("ServiceToken") else []
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    pointers = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    names = [pointer.removeprefix("/properties/").split("/") for pointer in pointers]
    return ["/".join(path) for path in names if _at(before, path) != _at(after, path)]


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _refused_by_dynamodb(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what an update of a table cannot do.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    old, new = _indexes(before), _indexes(after)
    found = [
        f"the index {name} keeps its {part}; add an index of another name, and remove this one later"
        for name in sorted(old.keys() & new.keys())
        for part in ("KeySchema", "Projection")
        if old[name].get(part) != new[name].get(part)
    ]
    if before.get("LocalSecondaryIndexes") != after.get("LocalSecondaryIndexes"):
        found.append("local indexes are made with the table")
    if len(old.keys() ^ new.keys()) > 1:
        found.append("an update adds or removes one index only")
    return found


def _indexes(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["IndexName"]: each for each in table.get("GlobalSecondaryIndexes", [])}
