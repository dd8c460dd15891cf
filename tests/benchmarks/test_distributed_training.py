"""What the benchmark of several workers reckons with."""

import socket

import pytest

from tests.benchmarks import distributed_training as benchmark


def test_a_ring_sends_each_array_nearly_twice():
    # 100 MB at 8 Gbit/s are 0.1 s: of two machines each sends it once.
    latency = 2 * benchmark.LATENCY
    assert benchmark.ring_seconds(1e8, 2, 8) == pytest.approx(0.1 + latency)
    assert benchmark.ring_seconds(1e8, 4, 8) == pytest.approx(0.15 + 3 * latency)
    assert benchmark.ring_seconds(1e8, 1, 8) == 0


def test_one_machine_is_as_fast_as_itself_and_more_are_never_faster_than_their_sum():
    assert benchmark.efficiency(0.1, 1e6, 1, 1) == 1
    found = [benchmark.efficiency(0.1, 1e6, m, 1) for m in benchmark.MACHINES]
    assert found == sorted(found, reverse=True)


def test_more_machines_pay_where_steps_are_long_and_networks_fast():
    assert benchmark.most_machines(0.01, 1e8, 1) == 1
    assert benchmark.most_machines(100.0, 1e6, 100) == benchmark.MACHINES[-1]
    by_network = [benchmark.most_machines(1.0, 1e7, g) for g in benchmark.GIGABITS]
    assert by_network == sorted(by_network)


def test_bytes_are_those_that_this_process_got():
    with socket.create_server(("localhost", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        with one, other:
            before = benchmark.received()
            one.sendall(bytes(1000))
            other.sendall(bytes(500))
            assert len(other.recv(1000, socket.MSG_WAITALL)) == 1000
            assert len(one.recv(500, socket.MSG_WAITALL)) == 500
            assert benchmark.received() - before == 1500


@pytest.mark.slow  # two processes train
def test_workers_send_each_other_rows_of_tables_or_the_whole():
    rows, whole = (benchmark.measure(2, dense, 2) for dense in (False, True))
    assert rows["table"] == whole["table"]
    # Each receives the other's half of what is summed, and its sum, at least.
    assert whole["received"] > whole["table"]
    assert rows["received"] < whole["received"] / 2
