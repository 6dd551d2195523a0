"""Find free TCP ports on this machine."""

import socket
from contextlib import ExitStack


def free_ports(number: int, first: int = 0) -> list[int]:
    """Return free ports. The first one is `first`, unless that is 0. Raises OSError if `first` is in use."""
    with ExitStack() as open_sockets:  # all are open at once, or one port might be returned twice
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(number)]
        for probe, port in zip(sockets, (first, *[0] * (number - 1)), strict=True):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # Airflow's API server does so too
            probe.bind(("127.0.0.1", port))
        return [probe.getsockname()[1] for probe in sockets]
