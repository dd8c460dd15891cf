"""The workers of a training: processes, on one machine or several (`tf.distribute`).

All run the same `train`. Each computes with its shard of every batch, and the sum of
all gradients changes the weights of all alike. What is written, told and measured is
the chief's part alone.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tasks.data.sharding import Shard
from tasks.errors import LostWorkerError, UserError, tensorflow_says
from tasks.training import cluster, fingerprints, rendezvous
from zoo.models.construction import rebuilt


class Done(Exception):  # noqa: N818 - no error
    """Ends a worker that has nothing left to do: the chief does the rest."""


# What operations over several workers fail with when one has gone.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
_joined: list[tf.distribute.MultiWorkerMirroredStrategy] = []


def join(flags: dict, output: Path, seconds: float) -> None:
    """Makes this process one of a training's workers, by `TF_CONFIG`.

    It has to be the first that TensorFlow does in a process.

    Args:
        flags: what this worker was asked for: must be the same for all.
        output: the folder, which they have to share.
        seconds: how long to wait for the others.

    Raises:
        UserError: `TF_CONFIG` is wrong, a worker is missing, or they don't agree.
    """
    workers = cluster.read(os.environ)
    rendezvous.meet(workers, flags, output, seconds)
    if len(workers.addresses) == 1:
        return
    print(
        f"worker      {workers.index} of {len(workers.addresses)}, at "
        f"{workers.addresses[workers.index]}",
        flush=True,
    )
    _joined.append(tf.distribute.MultiWorkerMirroredStrategy())
    # TensorFlow's own handler notes it, and goes on. (While a model is trained:
    # `within_epoch`.)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not workers.is_chief:  # tells what there is
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - to the process' end


def strategy() -> tf.distribute.Strategy | None:
    """Returns the strategy of the workers that this process has joined, if it has."""
    return _joined[-1] if _joined else None


def count() -> int:
    """Returns how many workers there are."""
    return len(cluster.read(os.environ).addresses) if _joined else 1


def is_chief() -> bool:
    """Says whether this process writes and tells what there is."""
    return not _joined or cluster.read(os.environ).is_chief


@contextlib.contextmanager
def lost_told() -> Iterator[None]:
    """Raises LostWorkerError where an operation fails for lack of another worker."""
    try:
        yield
    except LOST as error:
        if not _joined:
            raise
        reason = tensorflow_says(error.message)
        raise LostWorkerError(
            f"Another worker has gone, or can't be reached ({reason}). Start all of "
            "them again by the same commands: they go on where the chief last saved."
        ) from error


def check_data(**data: Any) -> None:
    """Raises a UserError where workers have read different data.

    Args:
        **data: what was read, by name: see `fingerprints.of_data`.
    """
    if not _joined:
        return
    own = {name: fingerprints.of_data(part) for name, part in data.items()}
    for index, other in enumerate(_of_all(own)):
        wrong = [name for name in own if own[name] != other.get(name)]
        if wrong:
            raise UserError(
                f"Worker {index} has read other data than this one: {', '.join(wrong)}."
                " All of them need the same files, and the same versions of datasets."
            )


def as_the_chief(value: Any) -> Any:
    """Returns the chief's value, fit for JSON, on all workers."""
    if not _joined:
        return value
    return _of_all(value if is_chief() else None)[0]


def _of_all(value):
    """Returns what each worker has, fit for JSON, on all of them."""
    own = np.frombuffer(json.dumps(value).encode(), np.uint8).astype(np.int32)
    index = cluster.read(os.environ).index
    sizes = np.zeros(count(), np.int32)
    sizes[index] = len(own)
    sizes = _summed(sizes)
    texts = np.zeros([count(), sizes.max()], np.int32)
    texts[index, : len(own)] = own
    texts = _summed(texts).astype(np.uint8)
    return [
        json.loads(row[:size].tobytes()) for row, size in zip(texts, sizes, strict=True)
    ]


def _summed(array):
    """Returns the sum of all workers' arrays, int32, of the same shape."""
    found = strategy()
    local = found.num_replicas_in_sync // count()

    def of_replica(context):
        first = context.replica_id_in_sync_group % local == 0
        return tf.constant(array if first else np.zeros_like(array))

    each = found.experimental_distribute_values_from_function(of_replica)
    return found.reduce("SUM", each, axis=None).numpy()


def distributed(
    batches: Any, found: tf.distribute.Strategy, batches_before: int = 0
) -> Any:
    """Returns batches as a strategy's replicas take them, each its shard.

    Args:
        batches: has `dataset(shard)` and a length.
        found: the strategy that the model was made in.
        batches_before: how many batches to leave out, the epoch's first ones.
    """
    if found is not strategy():
        return batches.dataset().skip(batches_before)

    def read(context):
        local = found.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * local
        return _in_turn(
            [
                batches.dataset(Shard(first + number, found.num_replicas_in_sync)).skip(
                    batches_before
                )
                for number in range(local)
            ]
        )

    datasets = found.distribute_datasets_from_function(read)
    datasets._cardinality = (
        len(batches) - batches_before
    )  # steps, whatever a step takes
    return datasets


def _in_turn(datasets):
    """Returns the first of each dataset, then the second of each, and so on."""
    if len(datasets) == 1:
        return datasets[0]

    def of_step(*parts):
        found = tf.data.Dataset.from_tensors(parts[0])
        for part in parts[1:]:
            found = found.concatenate(tf.data.Dataset.from_tensors(part))
        return found

    return tf.data.Dataset.zip(tuple(datasets)).flat_map(of_step)


def for_one_process(model: keras.Model) -> keras.Model:
    """Returns the model to save and to measure: of the same weights, in no strategy.

    Args:
        model: a `zoo.models.base.Model`.

    Raises:
        Done: this is another worker than the chief.
    """
    if not _joined:
        return model
    if not is_chief():
        raise Done
    return rebuilt(model)
