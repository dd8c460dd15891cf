"""Workers meet before a training: in threads here, over real ports."""

import concurrent.futures
import contextlib
import json
import socket
import time

import pytest

from tasks.errors import UserError
from tasks.training import rendezvous
from tasks.training.cluster import Cluster
from tests.free_port import free_port
from zoo.version import __version__


def addresses(count):
    """Returns addresses on this machine at which nobody listens."""
    return tuple(f"localhost:{free_port()}" for _ in range(count))


def meet(members, seconds=60):
    """Has several meet at once, and returns what each was told, None for no mistake.

    Args:
        members: for each its addresses, its index, its flags and its folder.
        seconds: how long they wait.
    """

    def one(member):
        addresses, index, flags, folder = member
        try:
            rendezvous.meet(Cluster(addresses, index), flags, folder, seconds)
        except UserError as error:
            return str(error)
        return None

    with concurrent.futures.ThreadPoolExecutor(len(members)) as threads:
        return list(threads.map(one, members))


def _until_listening(address):
    """Returns a connection to an address, when somebody listens there."""
    host, _, port = address.partition(":")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            return socket.create_connection((host, int(port)), 60)
        time.sleep(0.01)
    raise AssertionError(f"Nobody listens at {address}.")


def test_workers_that_agree_begin(tmp_path):
    ports, flags = addresses(3), {"epochs": 2, "shares": [1.0, 0.5], "files": None}
    assert meet([(ports, n, flags, tmp_path / "new") for n in range(3)]) == [None] * 3
    assert not list((tmp_path / "new").iterdir())
    # At once again, as after a restart.
    assert meet([(ports, n, flags, tmp_path / "new") for n in range(3)]) == [None] * 3


def test_one_worker_meets_nobody(tmp_path):
    assert meet([(addresses(1), 0, {}, tmp_path)]) == [None]


def test_all_are_told_who_is_missing(tmp_path):
    ports = addresses(3)
    told = meet([(ports, n, {}, tmp_path) for n in (0, 1)], 3)
    assert told[0] == told[1]
    assert f"1 didn't come within 3 seconds: worker 2 ({ports[2]})" in told[0]


def test_a_worker_is_told_that_the_chief_is_missing(tmp_path):
    ports = addresses(2)
    [told] = meet([(ports, 1, {}, tmp_path)], 0.5)
    assert f"The chief ({ports[0]}) didn't answer within 0.5 seconds" in told


def test_all_are_told_of_other_flags(tmp_path):
    ports = addresses(2)
    one, other = {"epochs": 2, "cell": "gru"}, {"epochs": 3, "cell": "gru"}
    told = meet([(ports, 0, one, tmp_path), (ports, 1, other, tmp_path)])
    assert told[0] == told[1]
    assert "Worker 1 was started with other flags: --epochs 3 (the chief: 2)" in told[0]
    assert "cell" not in told[0]


def test_all_are_told_of_folders_that_are_not_shared(tmp_path, monkeypatch):
    monkeypatch.setattr(rendezvous, "_FOLDER_SECONDS", 0.5)
    ports = addresses(2)
    told = meet([(ports, n, {}, tmp_path / str(n)) for n in range(2)])
    assert told[0] == told[1]
    assert f"--output {tmp_path / '0'} isn't shared: worker 1" in told[0]


def test_two_chiefs_on_one_machine_are_told(tmp_path):
    ports = addresses(2)
    told = meet([(ports, 0, {}, tmp_path)] * 2, 3)
    assert any("can't listen at" in each for each in told)


def test_two_workers_of_one_index_are_told(tmp_path):
    ports = addresses(3)
    elsewhere = (*ports[:1], *addresses(1), *ports[2:])  # as on another machine
    told = meet([(ports, 0, {}, tmp_path), (ports, 1, {}, tmp_path),
                 (elsewhere, 1, {}, tmp_path)])  # fmt: skip
    assert set(told) == {told[0]}
    assert "There are two workers 1" in told[0]


@pytest.mark.slow
def test_a_chief_finds_another_at_its_address(tmp_path):
    ports = addresses(2)

    class Elsewhere(rendezvous._Chief):
        """A chief on another machine, whose own port there is free."""

        def listen(self):
            return socket.create_server(("localhost", 0))

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(meet, [(ports, 0, {}, tmp_path)], 6)
        _until_listening(ports[0]).close()
        # Seconds are enough for the thread that asks.
        with pytest.raises(UserError, match="There are two chiefs"):
            Elsewhere(Cluster(ports, 0), {}, tmp_path, 5).meet()
        assert "didn't come" in first.result()[0]


def hello(index, of):
    """Returns what a worker says that goes at once."""
    said = {"index": index, "of": of, "id": "x", "version": __version__, "flags": {}}
    return json.dumps(said).encode() + b"\n"


def test_a_worker_that_has_gone_is_waited_for(tmp_path):
    ports = addresses(3)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        chief = threads.submit(meet, [(ports, 0, {}, tmp_path)])
        with _until_listening(ports[0]) as connection:
            connection.sendall(hello(1, 3))
        assert meet([(ports, n, {}, tmp_path) for n in (1, 2)]) == [None] * 2
        assert chief.result() == [None]


def test_a_worker_that_goes_amid_the_meeting_is_waited_for(tmp_path):
    """The others, who have seen the folder, look again when it has come again."""
    ports = addresses(3)
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        chief = threads.submit(meet, [(ports, 0, {}, tmp_path)])
        with _until_listening(ports[0]) as connection:
            connection.sendall(hello(1, 3))
            second = threads.submit(meet, [(ports, 2, {}, tmp_path)])
            assert b'"file"' in connection.recv(2**16)
        time.sleep(0.5)
        assert not chief.done()
        assert meet([(ports, 1, {}, tmp_path)]) == [None]
        assert chief.result() == second.result() == [None]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_worker_that_has_gone_for_good_did_not_come(tmp_path):
    ports = addresses(3)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        both = threads.submit(meet, [(ports, n, {}, tmp_path) for n in (0, 2)], 5)
        with _until_listening(ports[0]) as connection:
            connection.sendall(hello(1, 3))
            assert b'"file"' in connection.recv(2**16)
        told = both.result()
    assert told[0] == told[1]
    assert f"1 didn't come within 5 seconds: worker 1 ({ports[1]})" in told[0]


def test_all_are_told_at_once_where_the_chief_cannot_write(tmp_path):
    (tmp_path / "file").touch()
    ports, began = addresses(2), time.monotonic()
    told = meet([(ports, n, {}, tmp_path / "file") for n in range(2)], 60)
    assert time.monotonic() - began < 30
    assert told[0] == told[1]
    assert f"--output {tmp_path / 'file'}: the chief can't write there (" in told[0]


def test_a_folder_that_a_worker_cannot_list_is_not_shared(tmp_path, monkeypatch):
    def is_there(folder, name):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(rendezvous, "_FOLDER_SECONDS", 0.5)
    monkeypatch.setattr(rendezvous, "is_there", is_there)
    ports = addresses(2)
    told = meet([(ports, n, {}, tmp_path) for n in range(2)])
    assert told[0] == told[1]
    assert "isn't shared: worker 1" in told[0]


def test_passers_by_are_no_workers(tmp_path):
    ports = addresses(2)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        chief = threads.submit(meet, [(ports, 0, {}, tmp_path)])
        strange = b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"\xff\n", b'{"index": 0}\n', b""
        for said in strange:
            with _until_listening(ports[0]) as connection:
                connection.sendall(said)
        assert meet([(ports, 1, {}, tmp_path)]) == [None]
        assert chief.result() == [None]
