"""The meeting of a training's workers before it begins. Knows nothing of TensorFlow.

TensorFlow's own workers wait for each other without an end, and what differs between
them shows as collective operations that fail or hang. Here they meet first: each tells
the chief who it is and what it was asked for, over the ports that TensorFlow is going
to listen at. Who doesn't come, comes twice, has other flags or sees another folder is
told in a sentence, to all of them.

A message is a line of JSON. worker → chief: who it is; chief → worker: the name of a
file in `--output`; worker → chief: whether it is there; chief → worker: begin. Where a
worker has gone meanwhile, the chief waits for it to come again, and then shows all of
them another file.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path

from tasks.errors import UserError
from tasks.training.cluster import Cluster
from zoo.version import __version__

# What a worker that connects may take to say something, and a shared folder to show
# a new file.
_ANSWER_SECONDS, _FOLDER_SECONDS, _RETRY_SECONDS = 10, 30, 0.2
_LONGEST = 2**20


def meet(cluster: Cluster, flags: dict, output: Path, seconds: float) -> None:
    """Returns when all workers are there and agree.

    Args:
        cluster: the workers.
        flags: what this one was asked for, fit for JSON: must be the same for all.
        output: the folder, which they have to share.
        seconds: how long to wait for a worker.

    Raises:
        UserError: one isn't there, or they don't agree.
    """
    if len(cluster.addresses) == 1:
        return
    meeting = _Chief if cluster.is_chief else _Worker
    meeting(cluster, flags, output, seconds).meet()


def is_there(folder: Path, name: str) -> bool:
    """Says whether a folder that machines share holds a file, as far as one sees.

    It looks through the folder's list: some file systems keep for a while that a name
    was not there.
    """
    return folder.is_dir() and name in os.listdir(folder)


class _Meeting:
    """What the chief and the others have in common."""

    def __init__(self, cluster, flags, output, seconds):
        self.cluster = cluster
        self.output = output
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.hello = {
            "index": cluster.index,
            "of": len(cluster.addresses),
            "id": secrets.token_hex(8),
            "version": __version__,
            "flags": json.loads(json.dumps(flags, default=str)),
        }

    def listen(self):
        """Returns a socket at this worker's port."""
        host, port = self.cluster.host_and_port()
        try:
            return socket.create_server(("", port), backlog=128)
        except OSError as error:
            raise UserError(
                f"{self.cluster.name().capitalize()} can't listen at {host}:{port} "
                f"({error.strerror}). Is another worker with the same task in "
                "TF_CONFIG, or one of an earlier training, still running here?"
            ) from error


class _Chief(_Meeting):
    other = False  # whether another chief was found

    def __init__(self, *given):
        super().__init__(*given)
        self.said = {}  # by whom that came

    def meet(self):
        with self.listen() as server:
            threading.Thread(target=self._look_for_another, daemon=True).start()
            peers = {}
            try:
                met = False
                while not met:
                    self._gather(server, peers)
                    self._compare(peers)
                    met = self._show_folder(peers)
                for connection in peers.values():
                    connection.send({"begin": True})
            except UserError as error:
                for connection in peers.values():
                    connection.send({"error": str(error)})
                raise
            finally:
                for connection in peers.values():
                    connection.wait_closed()

    def _look_for_another(self):
        """Asks who answers at the chief's address: it may be another chief."""
        try:
            found = socket.create_connection(self.cluster.host_and_port(), 5)
        except OSError:  # not every machine reaches itself by its own name
            return
        with _Connection(found) as connection:
            connection.send({"probe": True})
            said = connection.receive() or {}
        self.other = said.get("id", self.hello["id"]) != self.hello["id"]

    def _gather(self, server, peers):
        """Fills `peers` with a connection for each worker that comes, and stays."""
        while True:
            for index in [n for n, each in peers.items() if not _is_open(each)]:
                peers.pop(index).close()
            if len(peers) == len(self.cluster.addresses) - 1:
                return
            if self.other:
                raise UserError(
                    f"There are two chiefs: at {self.cluster.addresses[0]}, the "
                    "chief's address, another process answers. Name another task in "
                    "TF_CONFIG here or there."
                )
            if time.monotonic() > self.until:
                raise UserError(self._who_is_missing(peers))
            server.settimeout(_RETRY_SECONDS)
            try:
                connection = _Connection(server.accept()[0])
            except TimeoutError:
                continue
            said = connection.receive()
            if said and "probe" in said:
                connection.send({"id": self.hello["id"]})
                connection.close()
                continue
            index = said.get("index") if said else None
            if not isinstance(index, int) or index == self.cluster.index:
                connection.close()  # a passer-by, or one of an earlier training
                continue
            if index in peers and _is_open(peers[index]):  # not one that came again
                message = (
                    f"There are two workers {index}: TF_CONFIG has to name another "
                    "index in each."
                )
                connection.send({"error": message})
                raise UserError(message)
            if index in peers:
                peers[index].close()
            peers[index], self.said[index] = connection, said

    def _who_is_missing(self, peers):
        count = len(self.cluster.addresses)
        missing = [n for n in range(1, count) if n not in peers]
        names = ", ".join(
            f"{self.cluster.name(n)} ({self.cluster.addresses[n]})" for n in missing
        )
        return (
            f"Of {count} workers {len(missing)} didn't come within {self.seconds:g} "
            f"seconds: {names}. Start them with the same command and their own "
            "TF_CONFIG; --join-timeout waits longer."
        )

    def _compare(self, peers):
        """Raises a UserError where a worker was asked for something else."""
        for index in sorted(peers):
            said = self.said[index]
            for what, word in (("of", "workers in TF_CONFIG"), ("version", "version")):
                if said.get(what) != self.hello[what]:
                    raise UserError(
                        f"The chief has {self.hello[what]} as its {word}, "
                        f"{self.cluster.name(index)} has {said.get(what)}. They have "
                        "to be the same."
                    )
            own, theirs = self.hello["flags"], said.get("flags") or {}
            other = [
                name
                for name in dict.fromkeys([*own, *theirs])
                if own.get(name) != theirs.get(name)
            ]
            if other:
                listed = ", ".join(
                    f"--{name.replace('_', '-')} {theirs.get(name)} (the chief: "
                    f"{own.get(name)})"
                    for name in other
                )
                raise UserError(
                    f"{self.cluster.name(index).capitalize()} was started with other "
                    f"flags: {listed}. Give all workers the same."
                )

    def _show_folder(self, peers):
        """Has all look for a new file in the chief's folder.

        Returns:
            Whether all have answered; who hasn't is no peer any more.
        """
        token = self.output / f".workers-{secrets.token_hex(8)}"
        try:
            self.output.mkdir(parents=True, exist_ok=True)
            token.touch()
        except OSError as error:
            raise UserError(
                f"--output {self.output}: the chief can't write there "
                f"({error.strerror})."
            ) from error
        try:
            for connection in peers.values():
                connection.send({"file": token.name})
            for index, connection in sorted(peers.items()):
                answer = connection.receive(_FOLDER_SECONDS + _ANSWER_SECONDS)
                if answer is None:
                    peers.pop(index).close()
                elif not answer.get("found"):
                    raise UserError(
                        f"--output {self.output} isn't shared: "
                        f"{self.cluster.name(index)} doesn't see there what the chief "
                        "writes. Give a folder that all workers have, on NFS, say."
                    )
        finally:
            with contextlib.suppress(OSError):
                token.unlink(missing_ok=True)
        return len(peers) == len(self.cluster.addresses) - 1


class _Worker(_Meeting):
    def meet(self):
        self.listen().close()
        while time.monotonic() < self.until:
            said = self._ask()
            if said and "error" in said:
                raise UserError(said["error"])
            if said and "begin" in said:
                return
            # It isn't there yet, or this was one of an earlier training.
            time.sleep(_RETRY_SECONDS)
        raise UserError(
            f"The chief ({self.cluster.addresses[0]}) didn't answer within "
            f"{self.seconds:g} seconds. Start it with the same command and its own "
            "TF_CONFIG; --join-timeout waits longer."
        )

    def _ask(self):
        """Returns the chief's last word; None where it has gone, or not come."""
        try:
            found = socket.create_connection(self.cluster.host_and_port(0), 5)
        except OSError:
            return None
        with _Connection(found) as connection:
            connection.send(self.hello)
            said = self._hear(connection, _ANSWER_SECONDS)
            while said and "file" in said:
                connection.send({"found": self._sees(said["file"])})
                said = self._hear(connection, _FOLDER_SECONDS + 2 * _ANSWER_SECONDS)
            return said

    def _hear(self, connection, more):
        """Returns what the chief says, who may wait for others as long as this one."""
        return connection.receive(max(self.until - time.monotonic(), 0) + more)

    def _sees(self, name):
        until = time.monotonic() + _FOLDER_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError):  # of a folder that it can't list
                if is_there(self.output, name):
                    return True
            time.sleep(_RETRY_SECONDS)
        return False


class _Connection:
    """A socket that lines of JSON go over."""

    def __init__(self, found):
        self._socket = found
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, message):
        """Sends a message; whoever has gone doesn't hear it."""
        with contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds=_ANSWER_SECONDS):
        """Returns the next message; None where there is none, or none of ours."""
        until = time.monotonic() + max(seconds, 0)
        while b"\n" not in self._rest and len(self._rest) < _LONGEST:
            try:
                self._socket.settimeout(max(until - time.monotonic(), 0.01))
                part = self._socket.recv(2**16)
            except OSError:
                return None
            if not part:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError:
            return None
        return message if isinstance(message, dict) else None

    def wait_closed(self):
        """Closes after the other end: the port stays free for TensorFlow."""
        self.receive(2)
        self.close()


def _is_open(connection):
    """Says whether the other end is still there: it sends nothing now."""
    found = connection._socket
    found.setblocking(False)
    try:
        return found.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        found.setblocking(True)
