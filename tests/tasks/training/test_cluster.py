"""What TF_CONFIG says, and what is told where it is wrong."""

import json

import pytest

from tasks.errors import UserError
from tasks.training import cluster

TWO = {"worker": ["a:1", "b:2"]}


def read(jobs, kind="worker", index=0, **others):
    config = {"cluster": jobs, "task": {"type": kind, "index": index}, **others}
    return cluster.read({"TF_CONFIG": json.dumps(config)})


def test_worker_0_is_the_chief_where_there_is_no_other():
    assert read(TWO).is_chief
    other = read(TWO, index=1)
    assert other == (("a:1", "b:2"), 1)
    assert not other.is_chief
    assert other.host_and_port(0) == ("a", 1)


def test_a_chief_comes_before_the_workers():
    jobs = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    assert read(jobs, "chief") == (("c:3", "a:1", "b:2"), 0)
    assert read(jobs, "worker", 1).index == 2


def test_what_launchers_write_is_read():
    assert read(TWO, index="1").index == 1  # a number as a string
    assert read(TWO, environment="cloud", job={}).index == 0  # Vertex AI says more
    assert read({"worker": ["[::1]:2222"]}).host_and_port() == ("::1", 2222)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "needs TF_CONFIG"),
        ("{", "is no JSON"),
        ("[]", 'has no "cluster"'),
        ('{"cluster": {}}', 'has no "cluster"'),
        ('{"cluster": {"worker": []}}', "names no worker"),
        ('{"cluster": {"worker": ["a:1"]}}', 'has no "task"'),
        ('{"cluster": {"worker": "a:1"}}', "no list of host:port"),
        ('{"cluster": {"worker": ["a"]}}', "no list of host:port"),
        ('{"cluster": {"worker": ["a:99999"]}}', "no list of host:port"),
        ('{"cluster": {"worker": [1]}}', "no list of host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "names a:1 twice"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}}', "has the job 'ps'"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}}', "has 2 chiefs"),
    ],
)
def test_a_cluster_that_is_none_is_told(text, told):
    with pytest.raises(UserError, match=told):
        cluster.read({"TF_CONFIG": text})


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("chief", 0),
        ("evaluator", 0),
        ("worker", 2),
        ("worker", -1),
        ("worker", "x"),
        ("worker", True),
        ("worker", None),
    ],
)
def test_a_task_that_the_cluster_has_not_is_told(kind, index):
    with pytest.raises(UserError, match=r"says that this is .*It looks like this"):
        read(TWO, kind, index)
