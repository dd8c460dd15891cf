"""The long-memory problems are the papers', and gradient norms are what they say."""

import math

import numpy as np
import pytest

from tests.benchmarks import memory
from tests.benchmarks.memory_tasks import Adding, Copy


def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_sum_is_of_one_marked_number_of_each_half(steps):
    sequences, targets = Adding().batch(generator(), 500, steps)
    values, marks = sequences[..., 0], sequences[..., 1]
    assert sequences.shape == (500, steps, 2)
    assert set(np.unique(marks)) <= {0.0, 1.0}
    np.testing.assert_array_equal(marks[:, : steps // 2].sum(1), 1)
    np.testing.assert_array_equal(marks[:, steps // 2 :].sum(1), 1)
    np.testing.assert_allclose((values * marks).sum(1), targets[:, 0], rtol=1e-6)


def test_addings_baseline_is_the_loss_of_always_saying_one():
    targets = Adding().batch(generator(), 50_000, 10).targets
    loss = np.mean((targets - 1) ** 2)
    assert loss == pytest.approx(Adding().baseline(10), rel=0.02)
    assert Adding().right(targets + 0.03, targets) == 1
    assert Adding().right(targets + 0.05, targets) == 0


def test_copys_symbols_are_asked_for_after_the_sign():
    task = Copy(symbols=3, alphabet=8)
    sequences, targets = task.batch(generator(), 200, 5)
    ids = sequences.argmax(-1)
    assert ids.shape == targets.shape == (200, 5 + 2 * 3)
    np.testing.assert_array_equal(sequences.sum(-1), 1)
    assert set(np.unique(ids[:, :3])) == set(range(8))
    np.testing.assert_array_equal(ids[:, 3:7], task.blank)
    np.testing.assert_array_equal(ids[:, 7], task.sign)
    np.testing.assert_array_equal(ids[:, 8:], task.blank)
    np.testing.assert_array_equal(targets[:, :8], task.blank)
    np.testing.assert_array_equal(targets[:, 8:], ids[:, :3])


def test_copys_baseline_is_the_loss_of_guessing_the_symbols():
    task = Copy(symbols=10, alphabet=8)
    assert task.baseline(100) == pytest.approx(10 * math.log(8) / 120)
    targets = task.batch(generator(), 2000, 20).targets
    guess = np.zeros((*targets.shape, task.outputs))
    guess[:, :-10, task.blank] = 1
    guess[:, -10:, :8] = 1 / 8
    right = np.take_along_axis(guess, targets[..., None], -1)
    assert -np.log(right).mean() == pytest.approx(task.baseline(20))
    assert task.right(guess, targets) == pytest.approx(1 / 8, abs=0.01)
    assert task.right(np.eye(task.outputs)[targets], targets) == 1


@pytest.mark.slow
@pytest.mark.parametrize("task", [Adding(), Copy(symbols=2)], ids=lambda t: t.name)
def test_gradient_norms_are_the_chain_rules(task):
    from tests.benchmarks import memory_training

    model = memory_training.build(task, "rnn", units=4, seed=3)
    found = memory_training.gradient_norms(model, task, 6, seed=3)

    random = np.random.default_rng([3, 0])
    examples = memory_training.GRADIENT_EXAMPLES
    sequences = task.batch(random, examples, 6).sequences
    upstream = random.standard_normal((examples, 4), "float32")
    kernel, recurrent, bias = model.get_layer("recurrent").get_weights()
    states = [np.zeros((examples, 4))]
    for t in range(sequences.shape[1]):
        x = sequences[:, t]
        states.append(np.tanh(x @ kernel + states[-1] @ recurrent + bias))
    norms = []
    for state in states[:0:-1]:
        before_tanh = upstream * (1 - state**2)
        norms.append(np.linalg.norm(before_tanh @ kernel.T, axis=-1).mean())
        upstream = before_tanh @ recurrent.T
    np.testing.assert_allclose(found, np.array(norms) / norms[0], rtol=1e-4)


@pytest.mark.slow
def test_training_ends_when_the_problem_is_solved():
    from tests.benchmarks import memory_training

    task = Adding()
    model = memory_training.build(task, "gru", units=16, seed=0)
    told = []
    trained = memory_training.train(
        model,
        task,
        length=2,
        steps=1000,
        batch_size=64,
        learning_rate=1e-2,
        seed=0,
        progress=lambda step, loss: told.append((step, loss)),
    )
    assert told[-1][0] == trained < 1000
    assert told[-1][1] < 0.01 * task.baseline(2) < told[0][1]
    tested = memory_training.evaluate(model, task, 2, seed=0)
    assert tested["loss"] < 0.02 * tested["baseline"]
    assert tested["right"] > 0.5


def test_command_line_changes_the_settings():
    settings = memory.parse(["--quick", "--lengths", "9", "4", "--steps", "7"]).settings
    assert settings.problems()["copy"][1] == settings.adding_lengths == (4, 9)
    assert settings.steps == 7
    assert settings.units == memory.QUICK.units
    with pytest.raises(SystemExit):
        memory.parse(["--lengths", "1"])
