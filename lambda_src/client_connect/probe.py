"""A probe: an operator asks a version whether it works, and which policies it has, before clients ask it.

No client can make one. Client VPN sends a client's data as values of its own keys, and the key of a probe is none
of them. Its answer has no ``allow``, so if Client VPN ever got it, it would deny. A probe is answered as a connection
would be, but it is neither recorded as one nor counted, and nothing is written to the registry.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from client_connect import record_log
from client_connect.printable import printable_json
from client_connect.request import PROBE

if TYPE_CHECKING:
    from collections.abc import Callable


def answer_probe(event: Any, answered: Callable[[Any], dict[str, Any]], context: object) -> dict[str, Any]:  # noqa: ANN401 - of a probe
    """Answer a probe, with what is wrong where something is. Never raises.

    Args:
        event: The probe.
        answered: Returns what there is to say of the probe's request.
        context: Lambda's context object.
    """
    try:
        found = answered(event[PROBE])
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the engine is not an Exception
        found = {"error": {"type": type(error).__name__, "detail": str(error)}}
    # Not as a record: alarms, notifications, queries and replays look for ``allow`` and metrics at the top of a line.
    shown = {name: value for name, value in found.items() if name != "text"} | {"asked": event[PROBE]}
    record_log.log.write(
        logging.INFO,
        "answered a probe",
        {"probe": printable_json(shown)},
        request_id=getattr(context, "aws_request_id", None),
    )
    return {PROBE: found}
