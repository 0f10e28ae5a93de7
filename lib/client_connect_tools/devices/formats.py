"""The files that devices are imported from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.devices.csv_file import read_csv
from client_connect_tools.devices.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from client_connect_tools.devices.lines import Table

READERS: Mapping[str, Callable[[BinaryIO, str | None], Table]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
}
"""The reader of a file, by the end of its name."""
