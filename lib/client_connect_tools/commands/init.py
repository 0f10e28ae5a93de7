"""``client-connect init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client_connect_tools.commands._shared import wrong_use

_NEXT = """
Next:
  client-connect test policies
  client-connect matrix policies
  npx aws-cdk@2 deploy -c endpoint=cvpn-endpoint-...  (in shadow mode; before, pip install -r requirements.txt)"""


def init(folder: Annotated[Path, typer.Argument(help="Where; it need not exist.")] = Path()) -> None:
    """Begin a project: policies with tests, a CDK app in shadow mode, a pipeline, and settings of an editor."""
    from client_connect_tools.errors import ClientConnectError
    from client_connect_tools.project.new_project import write_project

    try:
        written = write_project(folder)
    except ClientConnectError as error:
        wrong_use(error)
    for file in written:
        print(f"wrote {file.as_posix()}")
    print(_NEXT)
