"""``python -m client_connect_tools`` is the command ``client-connect``."""

from client_connect_tools.cli import main

main(prog_name="client-connect")
