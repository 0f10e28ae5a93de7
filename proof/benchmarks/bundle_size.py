"""The size of the function's code, and what fills it.

python -m proof.benchmarks bundle_size
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from client_connect_tools import Bundle
from client_connect_tools.bundling.bundle import ARCHITECTURES
from proof.benchmarks.policies import TWENTY
from proof.benchmarks.rows import Row, limited

if TYPE_CHECKING:
    from collections.abc import Mapping

TOPIC = "Bundle"
MEGABYTE = 1_000_000
PARTS = {"cedarpy": "the engine", "tzdata": "the time zones", "client_connect": "our code"}


def zipped(folder: Path) -> Mapping[str, int]:
    """Return the bytes of a folder's files in a ZIP archive, by what they belong to."""
    sizes: Counter[str] = Counter()
    with TemporaryDirectory() as out, ZipFile(Path(out, "code.zip"), "w", ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = file.relative_to(folder)
            archive.write(file, name)
            part = name.parts[0].partition("-")[0]
            sizes[PARTS.get(part, "the rest")] += archive.getinfo(name.as_posix()).compress_size
    return sizes


def rows() -> list[Row]:
    """Measure, and return the findings."""
    found = []
    for architecture in ARCHITECTURES:
        with TemporaryDirectory() as folder:
            Bundle(TWENTY, "3.14", architecture).build(Path(folder, "code"))
            sizes = zipped(Path(folder, "code"))
        total = sum(sizes.values())
        found.append(limited(TOPIC, f"zipped, {architecture}", total / MEGABYTE, "MB", at_most=6))
        shares = ", ".join(f"{part} {size / total:.1%}" for part, size in Counter(sizes).most_common())
        found.append(Row(topic=TOPIC, what=f"what fills it, {architecture}", result=shares))
        print(found[-1], flush=True)
    return found
