"""``client-connect bundle``."""

from __future__ import annotations

import importlib.util
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_connect_tools.commands._shared import (
    GuardrailsOption,
    errors_end_the_command,
    read_files,
    wrong_use,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect_tools.bundling.extra_facts import ExtraFacts


def bundle(  # noqa: PLR0913, PLR0917 - each is an option
    policies: Annotated[Path, typer.Argument(help="A *.cedar file, or a directory of them.")],
    output: Annotated[Path, typer.Option(help="The folder to fill; missing or empty.")],
    python: Annotated[str, typer.Option(help="The Python version of the Lambda runtime.")] = "3.14",
    architecture: Annotated[
        Literal["arm64", "x86_64"], typer.Option(help="The architecture of the function.")
    ] = "arm64",
    extra_facts: Annotated[
        Path | None, typer.Option(help="The module of extra facts: a *.py file, or the folder of a package.")
    ] = None,
    guardrails: GuardrailsOption = None,
    sbom: Annotated[
        Path | None,
        typer.Option(
            help="Write a bill of materials of it to this file, as CycloneDX JSON; needs the extra sbom."
        ),
    ] = None,
) -> None:
    """Build the function's code, to be brought as code=lambda_.Code.from_asset(OUTPUT)."""
    from client_connect_tools import distribution
    from client_connect_tools.bundling.bundle import Bundle, runs_on
    from client_connect_tools.bundling.extra_facts import require_declared
    from client_connect_tools.checking.checks import require_sound

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        wrong_use(f'output "{output}" is not an empty folder; name a new one')
    if not runs_on(python):
        wrong_use(f'--python is "{python}"; give that of a Lambda runtime, 3.11 or later, such as 3.14')
    if sbom is not None and importlib.util.find_spec("cyclonedx") is None:
        wrong_use(
            f'cyclonedx-python-lib is not installed; install it by: pip install "{distribution.name()}[sbom]"'
        )
    if sbom is not None and (sbom.is_dir() or not sbom.absolute().parent.is_dir()):
        wrong_use(f'cannot write the bill of materials "{sbom}"; name a file in a folder that exists')
    if sbom is not None and sbom.is_symlink():
        wrong_use(f'the bill of materials "{sbom}" is a link to "{sbom.readlink()}"; name the file itself')
    with errors_end_the_command():
        source = read_files(policies)
        if guardrails is not None:
            bounds = read_files(guardrails)
            require_sound(bounds)
            source = source.guarded_by(bounds)
        require_sound(source)
        module = None if extra_facts is None else _module(extra_facts)
        require_declared(module, source)
        code = Bundle(
            source.text,
            python,
            architecture,
            extra_facts=module,
            custom=source.custom,
            networks=source.network_table,
        )
    with _emptied_on_failure(output):
        output.mkdir(parents=True, exist_ok=True)
        with errors_end_the_command():
            code.build(output, trusts_project=False)
        if sbom is not None:
            from client_connect_tools.bundling.sbom import bill_of_materials

            sbom.write_text(bill_of_materials(output), "utf-8")


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    """Empty the folder, which was empty before, when it fails or is interrupted: half a bundle is no code."""
    try:
        yield
    except BaseException:
        for part in folder.iterdir() if folder.is_dir() else ():
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink()
        raise


def _module(path: Path) -> ExtraFacts:
    from client_connect_tools.bundling.extra_facts import ExtraFacts
    from client_connect_tools.errors import InvalidExtraFacts

    try:
        return ExtraFacts.from_directory(path) if path.is_dir() else ExtraFacts.from_file(path)
    except InvalidExtraFacts as error:
        if isinstance(error.__context__, OSError | UnicodeDecodeError):
            wrong_use(error)
        raise
