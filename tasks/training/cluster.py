"""What `TF_CONFIG` says of the workers of a training. Knows nothing of TensorFlow.

```
TF_CONFIG='{"cluster": {"worker": ["a.example:2222", "b.example:2222"]},
            "task": {"type": "worker", "index": 0}}'
```

So Kubeflow, Vertex AI and Slurm's scripts start workers. The chief is the task `chief`,
or, where the cluster has none, worker 0.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from tasks.errors import UserError

VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host:port", "host:port"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_JOBS = ("chief", "worker")
_ADDRESS = re.compile(r"(?P<host>\S+):(?P<port>\d{1,5})")


class Cluster(NamedTuple):
    """The workers of a training, and which one this process is.

    Attributes:
        addresses: `host:port` of each, the chief's first.
        index: this one's place among them; 0 is the chief.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes and tells what there is to tell."""
        return self.index == 0

    def name(self, index: int | None = None) -> str:
        """Returns what a worker is called in messages, this one by default."""
        index = self.index if index is None else index
        return "the chief" if index == 0 else f"worker {index}"

    def host_and_port(self, index: int | None = None) -> tuple[str, int]:
        """Returns where a worker listens, this one by default."""
        address = self.addresses[self.index if index is None else index]
        host, _, port = address.rpartition(":")
        return host.strip("[]"), int(port)


def read(environment: Mapping[str, str]) -> Cluster:
    """Returns the cluster that `TF_CONFIG` describes.

    Args:
        environment: `os.environ`.

    Raises:
        UserError: it is missing, no JSON, or no description of workers.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        raise UserError(
            f"--distributed needs {VARIABLE}, which says who the workers are, in this "
            f"process' environment: {_EXAMPLE}. --workers N starts N of them here."
        )
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _wrong(f"is no JSON ({error})") from error
    jobs = found.get("cluster") if isinstance(found, dict) else None
    if not isinstance(jobs, dict) or not jobs:
        raise _wrong('has no "cluster", a dict of lists of addresses')
    _check_jobs(jobs)
    task = found.get("task")
    if not isinstance(task, dict) or not {"type", "index"} <= set(task):
        raise _wrong('has no "task" with "type" and "index": which one this process is')
    return Cluster(
        tuple(address for job in _JOBS for address in jobs.get(job, ())),
        _place(jobs, task["type"], task["index"]),
    )


def _check_jobs(jobs):
    """Raises a UserError where a cluster isn't one of workers."""
    other = next((job for job in jobs if job not in _JOBS), None)
    if other is not None:
        raise _wrong(f"has the job {other!r}; the jobs here are chief and worker")
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise _wrong(f"has {job} = {addresses!r}, which is no list of host:port")
    if len(jobs.get("chief", ())) > 1:
        raise _wrong(f"has {len(jobs['chief'])} chiefs, {jobs['chief']}: name one")
    addresses = [address for each in jobs.values() for address in each]
    if not addresses:
        raise _wrong("names no worker")
    twice = next((each for each in addresses if addresses.count(each) > 1), None)
    if twice is not None:
        raise _wrong(f"names {twice} twice: each worker has an address of its own")


def _is_address(value):
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    return match is not None and 0 < int(match["port"]) < 2**16


def _place(jobs, kind, index):
    """Returns a task's place among all workers."""
    if kind not in jobs:
        raise _wrong(
            f"says that this is a task {kind!r}, of which the cluster has none"
        )
    # Some launchers write numbers as strings.
    if isinstance(index, str) and index.isdecimal():
        index = int(index)
    count = len(jobs[kind])
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise _wrong(
            f"says that this is {kind} {index!r}, and the cluster has {count}, counted "
            "from 0"
        )
    return index + (len(jobs.get("chief", ())) if kind == "worker" else 0)


def _wrong(what):
    return UserError(f"{VARIABLE} {what}. It looks like this: {_EXAMPLE}.")
