"""Ports are free, and nobody's else."""

import socket

from tests import free_port


def test_a_port_is_free_and_each_another(monkeypatch):
    monkeypatch.setattr(free_port, "_COUNT", 3)
    first, second = free_port.free_port(), free_port.free_port()
    assert first != second
    with socket.create_server(("", first)), socket.create_server(("", second)):
        third = free_port.free_port()
        assert third not in (first, second)
        assert third < 32_768  # from where on systems choose themselves
