"""Ports for servers that begin to listen seconds after they were chosen."""

import itertools
import os
import socket

# Below those that systems give whoever asks for any: meanwhile nobody gets one.
_FIRST, _COUNT = 20_000, 12_000
# Another process begins elsewhere.
_places = itertools.count(7 * os.getpid())


def free_port() -> int:
    """Returns a port of this machine at which nobody listens, each time another."""
    for place in itertools.islice(_places, _COUNT):
        port = _FIRST + place % _COUNT
        try:
            socket.create_server(("", port)).close()
        except OSError:
            continue
        return port
    raise OSError(f"No port from {_FIRST} to {_FIRST + _COUNT} is free.")
