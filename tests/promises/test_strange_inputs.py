"""2,000 strange texts or piano rolls for each preset, through its SavedModel."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.promises import strange_inputs
from tests.quick_tracing import optimized_as_elsewhere

ROOT = Path(__file__).parents[2] / "pretrained"
COUNT, SEED = 2_000, 20
# The first batches are of all lengths. Where an answer is written step by step, another
# of them costs as much as hundreds of others, and a long answer as much as many short
# ones: there only a part of the first is one, an empty text and a long one with what
# lies between them; long answers are written to all of the first, and to each
# so-manieth of the others. What is scored costs as much: behind the first every other
# batch is, and of translations beginnings of so many bytes.
BATCH, MIXED = 40, 5
WRITING, MIXED_IF_WRITTEN = ("text", "translation"), slice(14, 24)
WHOLE, LONG, SHORT, BEGINNING = 20, 16, 4, 12
# Of inputs that are alike, so many are a batch, none much longer than the shortest.
ALIKE, LONGER, MORE = 250, 2, 20
PRESETS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())

pytestmark = pytest.mark.slow


def calls(signatures, template, inputs, whole, number):
    """Yields the name of a signature of a template's model and its answer.

    Args:
        signatures: of the SavedModel.
        template: of its model.
        inputs: a batch.
        whole: whether what is written may be long.
        number: of the batch.
    """
    if template == "music":
        steps = max(len(roll) for roll in inputs)
        padded = [np.pad(roll, [(0, steps - len(roll)), (0, 0)]) for roll in inputs]
        lengths = tf.constant([len(roll) for roll in inputs], tf.int32)
        roll = tf.constant(np.stack(padded), tf.float32)
        yield "score", signatures["score"](roll=roll, lengths=lengths)
        numbers = drawn(steps=steps + 8)
        yield "generate", signatures["generate"](primer=roll, **numbers)
        return
    texts = tf.constant(inputs)
    if template == "text":
        if whole or number % 2:
            yield "score", signatures["score"](text=texts)
        if whole or not number % 2:
            numbers = drawn_text(length=LONG if whole else SHORT)
            yield "generate", signatures["generate"](prompt=texts, **numbers)
        return
    if template != "translation" or whole:
        yield "serving_default", signatures["serving_default"](text=texts)
    if template != "translation":
        return
    if whole:
        yield "greedy", signatures["greedy"](text=texts)
    else:
        yield "translate", signatures["translate"](text=texts, **searched(SHORT))
    if whole or number % 2:
        scored = [each if whole else each[:BEGINNING] for each in reversed(inputs)]
        answer = signatures["score"](text=texts, translation=tf.constant(scored))
        yield "score", answer


def batches(inputs, template):
    """Returns some batches of all lengths, and the other inputs beside their like.

    With each goes whether what is written to it may be long.
    """
    if template not in WRITING:
        mixed = [inputs[n * BATCH : (n + 1) * BATCH] for n in range(MIXED)]
        return [(each, True) for each in (*mixed, *alike(inputs[MIXED * BATCH :]))]
    first, others = inputs[:BATCH], sorted(inputs[BATCH:], key=len)
    mixed = first[MIXED_IF_WRITTEN]
    del first[MIXED_IF_WRITTEN]
    whole = [mixed, *alike(first + others[::WHOLE])]
    del others[::WHOLE]
    short = alike(others)
    return [(each, True) for each in whole] + [(each, False) for each in short]


def alike(inputs):
    """Returns batches of inputs beside their like.

    What a batch costs grows with its longest input, times its rows.
    """
    found = []
    for each in sorted(inputs, key=len):
        full = not found or len(found[-1]) == ALIKE
        if full or len(each) > LONGER * len(found[-1][0]) + MORE:
            found.append([])
        found[-1].append(each)
    return found


def drawn(steps):
    return {
        "steps": tf.constant(steps),
        "temperature": tf.constant(1.0),
        "seed": tf.constant(SEED, tf.int64),
    }


def searched(length):
    return {
        "length_penalty": tf.constant(0.6),
        "coverage_penalty": tf.constant(0.2),
        "max_length": tf.constant(length),
    }


def drawn_text(length):
    return {
        "length": tf.constant(length),
        "temperature": tf.constant(0.9),
        "top_k": tf.constant(0),
        "top_p": tf.constant(0.95),
        "seed": tf.constant(SEED, tf.int64),
    }


def unlike(answer, rows):
    """Returns what is wrong with the answer to a batch of `rows` inputs."""
    wrong = []
    for name, tensor in answer.items():
        if tensor.shape.rank == 0 or tensor.shape[0] != rows:
            wrong.append(f"{name} is {tensor.shape}, not {rows} rows")
        elif tensor.dtype.is_floating and not np.isfinite(tensor).all():
            wrong.append(f"{name} has NaN or infinity")
        elif tensor.dtype == tf.string:
            try:
                [text.decode("utf-8") for text in tensor.numpy().ravel()]
            except UnicodeDecodeError:
                wrong.append(f"{name} is not UTF-8")
    return wrong


@pytest.mark.parametrize("preset", PRESETS)
def test_no_input_makes_a_saved_model_fail(preset):
    model = tf.saved_model.load(str(ROOT / preset / "saved_model"))
    template = preset.split("_")[0]
    make = strange_inputs.rolls if template == "music" else strange_inputs.texts
    inputs = make(COUNT, SEED)
    with optimized_as_elsewhere():
        for number, (batch, whole) in enumerate(batches(inputs, template)):
            asked = calls(model.signatures, template, batch, whole, number)
            for signature, answer in asked:
                found = unlike(answer, len(batch))
                assert not found, (signature, number, found)


def test_the_strange_texts_are_strange_and_the_same_each_time():
    inputs = strange_inputs.texts(COUNT, SEED)
    for template in ("sentiment", *WRITING):
        made = batches(inputs, template)
        assert sorted(inputs) == sorted(itertools.chain(*(batch for batch, _ in made)))
        mixed, written = made[0]
        assert written
        assert b"" in mixed
        assert max(map(len, mixed)) > 500
    assert inputs == strange_inputs.texts(COUNT, SEED)
    assert b"" in inputs
    assert any(b"\x00" in text for text in inputs)
    assert (
        sum(
            text.decode("utf-8", "replace") != text.decode("utf-8", "ignore")
            for text in inputs
        )
        > 50
    )
    assert sum(len(text) > 1_000 for text in inputs) > 5
