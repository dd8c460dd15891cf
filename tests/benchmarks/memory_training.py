"""Trains a recurrent layer on a long-memory problem, and looks at its gradients."""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.recurrent import BY_CELL

SOLVED = 0.01
"""Training ends early once its loss is below this part of the baseline."""
TEST_EXAMPLES = 512
GRADIENT_EXAMPLES = 64
_EVERY = 50


def build(task, cell: str, units: int, seed: int) -> keras.Model:
    """Returns a layer of `cell`s and its readout, with Keras' initial weights."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((None, task.inputs)),
            BY_CELL[cell](units, return_sequences=task.every_step, name="recurrent"),
            keras.layers.Dense(task.outputs),
        ]
    )


def train(
    model: keras.Model,
    task,
    length: int,
    steps: int,
    *,
    batch_size: int,
    learning_rate: float,
    seed: int,
    progress: Callable[[int, float], object],
) -> int:
    """Trains on examples that are never seen twice, so that no loss is flattered.

    Args:
        model: of `build`.
        task: of `memory_tasks`.
        length: the problem's T.
        steps: at most how many batches.
        batch_size: examples a step.
        learning_rate: Adam's.
        seed: of the examples.
        progress: is told the number of steps and their recent mean loss.

    Returns:
        After how many steps the problem was solved, or `steps`.
    """
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    model.compile(optimizer, task.loss, jit_compile=False)
    goal = SOLVED * task.baseline(length)
    recent = []
    for step in range(1, steps + 1):
        batch = task.batch(np.random.default_rng([seed, step]), batch_size, length)
        model.reset_metrics()  # the loss of this batch, not the mean since the start
        recent.append(float(model.train_on_batch(*batch)))
        if step % _EVERY == 0:
            mean, recent = float(np.mean(recent)), []
            progress(step, mean)
            if not np.isfinite(mean):
                raise FloatingPointError(f"The loss became {mean} at step {step}.")
            if mean < goal:
                return step
    return steps


def evaluate(model: keras.Model, task, length: int, seed: int) -> dict[str, float]:
    """Returns `loss`, `baseline` and the part that is `right`, on unseen examples."""
    # Training's generators are seeded by [seed, 1], [seed, 2], …
    generator = np.random.default_rng([seed, 0])
    sequences, targets = task.batch(generator, TEST_EXAMPLES, length)
    predicted = model.predict(sequences, batch_size=64, verbose=0)
    loss = keras.losses.get(task.loss)(targets, predicted)
    return {
        "loss": float(keras.ops.mean(loss)),
        "baseline": task.baseline(length),
        "right": task.right(predicted, targets),
    }


def gradient_norms(model: keras.Model, task, length: int, seed: int) -> np.ndarray:
    """Returns how much the last state depends on each input, by distance.

    ```
    norm[d] = mean over the examples of ‖gᵀ ∂a<end>/∂x<end-d>‖ / the same at d = 0
    ```

    with a random direction g for each example. x<t> enters only through a<t>, by
    the same weights at every step: what is lost, is lost on the way from a<t> to
    a<end>.

    Returns:
        (steps,), the first at distance 0, where it is 1.
    """
    generator = np.random.default_rng([seed, 0])
    sequences = tf.constant(task.batch(generator, GRADIENT_EXAMPLES, length).sequences)
    layer = model.get_layer("recurrent")
    direction = generator.standard_normal((GRADIENT_EXAMPLES, layer.units), "float32")
    with tf.GradientTape() as tape:
        tape.watch(sequences)
        outputs = layer(sequences, training=True)
        last = outputs[:, -1] if task.every_step else outputs
    gradients = tape.gradient(last, sequences, output_gradients=direction)
    norms = np.linalg.norm(gradients.numpy().astype("float64"), axis=-1).mean(0)[::-1]
    return norms / norms[0]


def run(task, cell: str, length: int, settings, progress: Callable) -> dict:
    """Trains and tests a cell on a problem of one length.

    Args:
        task: of `memory_tasks`.
        cell: a name in `zoo.layers.BY_CELL`.
        length: T in training; tested at T and 2 T.
        settings: has `units`, `steps`, `batch_size`, `learning_rate` and `seed`.
        progress: see `train`.
    """
    began = time.perf_counter()
    model = build(task, cell, settings.units, settings.seed)
    before = gradient_norms(model, task, length, settings.seed)
    trained = train(
        model,
        task,
        length,
        settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        progress=progress,
    )
    return {
        **{"task": task.name, "cell": cell, "length": length, "trained": trained},
        "test": evaluate(model, task, length, settings.seed),
        "test_twice": evaluate(model, task, 2 * length, settings.seed),
        "gradients_before": before.tolist(),
        "gradients_after": gradient_norms(model, task, length, settings.seed).tolist(),
        "seconds": time.perf_counter() - began,
    }
