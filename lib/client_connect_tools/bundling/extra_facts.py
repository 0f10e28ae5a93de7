"""A team's module that gives facts to the handler, checked before it is bundled."""

from __future__ import annotations

import ast
import sys
import warnings
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from client_connect.settings import CUSTOM_SCHEMA_FILE
from client_connect_tools.errors import InvalidExtraFacts
from client_connect_tools.files.folders import contents, read_bytes, read_text, shown
from client_connect_tools.files.hidden_characters import has_hidden_characters, hidden_characters

if TYPE_CHECKING:
    import os

    from client_connect_tools.policies import Policies

_OLDEST_PYTHON = (3, 11)
# Lambda takes 250 MB in all.
_MAX_BYTES = 200 * 2**20
# The modules that one at the top of the bundle would hide: those in it, and those of Lambda's image.
_BUNDLED = ("client_connect", "cedarpy", "tzdata")
_IMAGE = (
    *("awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "runtime_client", "s3transfer"),
    *("simplejson", "six", "snapshot_restore_py", "urllib3"),
)
# In the standard library of later Pythons than the one that may run here.
_LATER = ("annotationlib", "compression")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraFacts:
    """A Python module with ``facts(request) -> dict``, which the handler asks before each decision.

    Its result is ``context.custom``, of the type that ``custom.cedarschema`` next to the policies declares.
    It may use the standard library, boto3 and what else Lambda's image has. Made by one of the factories.

    Attributes:
        module: The name that imports it.
        files: Its files: the path within the bundle, and the content.
    """

    module: str
    files: tuple[tuple[str, bytes], ...]

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> ExtraFacts:
        """Take one file, such as ``facts.py``.

        Raises:
            InvalidExtraFacts: When it cannot be read, is not valid for Python 3.11 and later, defines no
                ``facts`` that takes one argument, or has a name that another module has.
        """
        file = Path(path)
        try:
            file.stat()
        except OSError as error:
            raise InvalidExtraFacts(f'cannot read "{path}": {error}') from None
        if file.suffix != ".py" or not file.is_file():
            raise InvalidExtraFacts(f'"{path}" is not a Python file; give one such as facts.py')
        _require_name(file.stem, path)
        return ExtraFacts(module=file.stem, files=((file.name, _source(file, defines_facts=True)),))

    @staticmethod
    def from_directory(path: str | os.PathLike[str]) -> ExtraFacts:
        """Take a package: a directory with an ``__init__.py``, and all that is in it but bytecode and hidden files.

        Raises:
            InvalidExtraFacts: As of a file; ``facts`` is defined in ``__init__.py``. Or a link that leaves the
                directory or leads to a folder, a pipe or a device, and for more than 200 MiB.
        """
        directory = Path(path)
        main = directory / "__init__.py"
        try:
            files = _files(directory) if main.is_file() else None
        except OSError as error:
            raise InvalidExtraFacts(f'cannot read "{path}": {error}') from None
        if files is None:
            raise InvalidExtraFacts(f'"{path}" is not a Python package; give a directory with an __init__.py')
        name = directory.resolve().name
        _require_name(name, path)
        return ExtraFacts(
            module=name,
            files=tuple(
                (f"{name}/{file.relative_to(directory).as_posix()}", _content(file, main=main))
                for file in files
            ),
        )


def require_declared(extra_facts: ExtraFacts | None, policies: Policies) -> None:
    """Check that policies come with the type of the facts, when there are any.

    Raises:
        InvalidExtraFacts: When they do not: then no policy could read one.
    """
    if extra_facts is not None and policies.custom is None:
        raise InvalidExtraFacts(
            f'extra facts of the module "{extra_facts.module}" are given, but the policies come without a '
            f"{CUSTOM_SCHEMA_FILE}, so none could be read; write one next to the policies that says what facts() "
            "returns, such as { riskScore: Long, vip?: Bool }"
        )


def _require_name(name: str, path: object) -> None:
    if not (name.isidentifier() and name.isascii()) or iskeyword(name):
        raise InvalidExtraFacts(f'"{path}" cannot be imported by its name; rename it to one such as facts')
    if name in (*sys.stdlib_module_names, *_LATER, *_BUNDLED, *_IMAGE):
        raise InvalidExtraFacts(
            f'"{path}" would be imported in the place of the module {name} that the handler or its runtime needs; '
            f"rename it, such as to our_{name}"
        )


def _files(directory: Path) -> list[Path]:
    found = contents(directory, skip=_is_left_out)
    disguised = [
        f'"{shown(path)}" has a character in its name that is not shown as it is; rename it'
        for path in (*found.files, *found.folders)
        if not path.name.isprintable() or has_hidden_characters(path.name)
    ]
    if problems := found.problems + disguised:
        raise InvalidExtraFacts(f'"{shown(directory)}" cannot be bundled:', problems=problems)
    if sum(file.stat().st_size for file in found.files) > _MAX_BYTES:
        raise InvalidExtraFacts(
            f'"{shown(directory)}" has more than {_MAX_BYTES // 2**20} MiB, too much for a function; make it smaller'
        )
    return found.files


def _is_left_out(path: Path) -> bool:
    return path.suffix == ".pyc" or path.name.startswith((".", "__pycache__"))


def _content(file: Path, *, main: Path) -> bytes:
    if file.suffix == ".py":
        return _source(file, defines_facts=file == main)
    try:
        return read_bytes(file, limit=_MAX_BYTES)
    except OSError as error:
        raise InvalidExtraFacts(f'cannot read "{file}": {error}') from None


def _source(file: Path, *, defines_facts: bool) -> bytes:
    """Return a source in UTF-8 with line feeds, so the bundle is the same whoever saved it."""
    try:
        text = read_text(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, feature_version=_OLDEST_PYTHON)
            compile(tree, file.as_posix(), "exec", dont_inherit=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidExtraFacts(f'cannot read "{file}": {error}') from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise InvalidExtraFacts(
            f"{file.as_posix()}:{line}: this is not Python 3.11 or later: {error}"
        ) from None
    for line, column, problem in hidden_characters(text):
        raise InvalidExtraFacts(f"{shown(file)}:{line}:{column}: {problem}")
    if defines_facts:
        _require_facts(tree, file)
    return text.encode()


def _require_facts(tree: ast.Module, file: Path) -> None:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = next((node for node in reversed(functions) if node.name == "facts"), None)
    if found is None:
        raise InvalidExtraFacts(
            f"{file.as_posix()}: no function facts is defined at the top; write def facts(request): ..."
        )
    if isinstance(found, ast.AsyncFunctionDef):
        raise InvalidExtraFacts(
            f"{file.as_posix()}:{found.lineno}: facts is async, but is called as it is; use def"
        )
    if not _takes_one(found.args):
        raise InvalidExtraFacts(
            f"{file.as_posix()}:{found.lineno}: facts must take one argument; write def facts(request): ..."
        )


def _takes_one(arguments: ast.arguments) -> bool:
    """Tell whether a function can be called with one positional argument."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    keywords = [default for default in arguments.kw_defaults if default is None]
    return required <= 1 and (positional >= 1 or arguments.vararg is not None) and not keywords
