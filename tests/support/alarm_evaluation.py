"""Evaluates the definitions of alarms over datapoints, as CloudWatch documents that it does.

The emulator knows neither expressions nor anomaly detection. A band of anomalies is the mean of all datapoints before
the evaluated ones, with as many standard deviations as the alarm says.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
import statistics
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Samples: TypeAlias = "Mapping[tuple[str, str], Sequence[Sequence[float]]]"
"""The samples of metrics, by namespace and name, in periods of 5 minutes, the oldest first."""
_Series: TypeAlias = "list[float | None]"

SHORTEST_S = 300

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": statistics.fmean,
    "SampleCount": len,
}
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
}
_CROSSES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
    "GreaterThanUpperThreshold": operator.gt,
}


def state(alarm: Mapping[str, Any], samples: Samples, *, periods: int) -> str:
    """Return ``ALARM``, ``OK`` or ``INSUFFICIENT_DATA`` after so many periods of 5 minutes.

    Args:
        alarm: Its properties in the template.
        samples: What was measured; a metric that is not there has no data.
        periods: How many periods have passed.
    """
    series, threshold = _watched(alarm, samples, periods)
    count = int(alarm["EvaluationPeriods"])
    evaluated = ([None] * count + series)[-count:]
    if all(value is None for value in evaluated) and alarm.get("TreatMissingData", "missing") == "missing":
        return "INSUFFICIENT_DATA"
    crosses = _CROSSES[alarm["ComparisonOperator"]]
    if threshold is None:
        threshold = _band(alarm, [value for value in series[:-count] if value is not None])
    breaching = sum(
        alarm["TreatMissingData"] == "breaching" if value is None else crosses(value, threshold)
        for value in evaluated
    )
    return "ALARM" if breaching >= int(alarm.get("DatapointsToAlarm", count)) else "OK"


def _watched(alarm: Mapping[str, Any], samples: Samples, periods: int) -> tuple[_Series, float | None]:
    """Return what an alarm looks at, and its threshold unless that is a band."""
    if "MetricName" in alarm:
        return _single(alarm, samples, periods), float(alarm["Threshold"])
    named = {
        each["Id"]: _single(
            {**each["MetricStat"]["Metric"], "Statistic": each["MetricStat"]["Stat"], **each["MetricStat"]},
            samples,
            periods,
        )
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    if "ThresholdMetricId" in alarm:
        (series,) = named.values()
        return series, None
    (expression,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    tree = ast.parse(expression, mode="eval").body
    length = max(map(len, named.values()))
    found = [_value(tree, {name: series[at] for name, series in named.items()}) for at in range(length)]
    return found, float(alarm["Threshold"])


def _single(metric: Mapping[str, Any], samples: Samples, periods: int) -> _Series:
    """Return a metric by the period and statistic."""
    measured = [*samples.get((metric["Namespace"], metric["MetricName"]), ())]
    assert len(measured) <= periods
    measured = [()] * (periods - len(measured)) + measured
    together = int(metric["Period"]) // SHORTEST_S
    statistic = _STATISTICS[metric["Statistic"]]
    # The last period is whole, so the first may be shorter.
    chunks = [measured[max(0, end - together) : end] for end in range(periods, 0, -together)][::-1]
    merged = [[sample for each in chunk for sample in each] for chunk in chunks]
    return [float(statistic(each)) if each else None for each in merged]


def _value(node: ast.expr, names: Mapping[str, float | None]) -> Any:  # noqa: PLR0911 - as many kinds of nodes
    """Evaluate an expression of one period; without a datapoint, all but FILL has none."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.List(elts=elements):
            return [_value(each, names) for each in elements]
        case ast.BinOp(left=left, op=sign, right=right):
            return _both(_OPERATORS[type(sign)], _value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _both(_OPERATORS[type(sign)], _value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id="FILL"), args=[metric, filling]):
            found = _value(metric, names)
            return _value(filling, names) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            found = _value(condition, names)
            return None if found is None else _value(then if found else otherwise, names)
        case ast.Call(func=ast.Name(id=name), args=[several]):
            present = [each for each in _value(several, names) if each is not None]
            return {"MIN": min, "MAX": max, "SUM": sum}[name](present) if present else None
    raise AssertionError(f"CloudWatch's {ast.unparse(node)} is not known here")


def _both(sign: Callable[[Any, Any], Any], left: float | None, right: float | None) -> float | bool | None:
    return None if left is None or right is None else sign(left, right)


def _band(alarm: Mapping[str, Any], usual: Sequence[float]) -> float:
    (width,) = (
        float(each["Expression"].rstrip(")").split(",")[1])
        for each in alarm["Metrics"]
        if "Expression" in each
    )
    return statistics.fmean(usual) + width * statistics.pstdev(usual) if usual else float("inf")
