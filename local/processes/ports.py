"""Ports of this machine that nobody listens on."""

import socket
from contextlib import ExitStack


def free_ports(number: int, first: int = 0) -> list[int]:
    """Ports that nobody listens on, `first` among them where it is given. Raises OSError if that one is taken."""
    with ExitStack() as held:  # all at once, else one might be given twice
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one, port in zip(sockets, (first, *[0] * (number - 1)), strict=True):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Airflow's API server does
            one.bind(("127.0.0.1", port))
        return [one.getsockname()[1] for one in sockets]
