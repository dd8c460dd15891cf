"""Counting entities in the graph, against seqeval and against reading the spans."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.metrics import EntityF1, TokenAccuracy
from zoo.tags import spans

IOB = ("O", "B-X", "I-X", "B-Y", "I-Y")
NAMES = {
    "iob1": IOB,
    "iob2": IOB,
    # Not in the order of a scheme, and without an O.
    "iobes": ("I-Y", "B-Y", "E-Y", "S-Y", "S-X", "E-X", "B-X", "I-X"),
}


def batch(names, seed, shape=(48, 9)):
    """Ids, true and near, and weights with holes and padding."""
    random = np.random.default_rng(seed)
    true = random.integers(0, len(names), shape)
    other = random.integers(0, len(names), shape)
    predicted = np.where(random.random(shape) < 0.8, true, other)
    lengths = random.integers(0, shape[1] + 1, shape[0])
    weights = random.random(shape) < 0.8
    weights &= np.arange(shape[1]) < lengths[:, None]
    return true, predicted, weights.astype(np.float32)


def sentences(names, ids, weights):
    return [
        [names[k] for k, weight in zip(row, kept, strict=True) if weight]
        for row, kept in zip(ids, weights, strict=True)
    ]


def entities(names, scheme, ids, weights):
    return {
        (number, span)
        for number, sentence in enumerate(sentences(names, ids, weights))
        for span in spans(sentence, scheme)
    }


def graph_update(metric, jit_compile=False):
    return tf.function(metric.update_state, jit_compile=jit_compile)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", NAMES)
def test_counts_are_those_of_the_spans_in_every_scheme(scheme):
    names, metric = NAMES[scheme], EntityF1(NAMES[scheme], scheme)
    counts = collections.Counter()
    update = graph_update(metric)
    for seed in range(8):
        true, predicted, weights = batch(names, seed)
        update(true, predicted, weights)
        actual = entities(names, scheme, true, weights)
        found = entities(names, scheme, predicted, weights)
        for key, chosen in enumerate((found & actual, found, actual)):
            counts.update((key, span.label) for _, span in chosen)
    expected = [[counts[key, label] for label in metric.labels] for key in range(3)]
    assert min(map(min, expected)) > 10
    np.testing.assert_array_equal(metric.counts, expected)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["iob2", "iobes"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_figures_are_those_of_seqeval_strict_over_all_batches(scheme, jit_compile):
    report = pytest.importorskip("seqeval.metrics").classification_report
    library = pytest.importorskip("seqeval.scheme")
    names, metric = NAMES[scheme], EntityF1(NAMES[scheme], scheme)
    true_tags, predicted_tags = [], []
    update = graph_update(metric, jit_compile)
    for seed in range(4):
        true, predicted, weights = batch(names, seed)
        update(true, predicted, weights)
        true_tags += sentences(names, true, weights)
        predicted_tags += sentences(names, predicted, weights)

    expected = report(
        true_tags,
        predicted_tags,
        mode="strict",
        scheme=getattr(library, scheme.upper()),
        output_dict=True,
    )
    assert float(metric.result()) == pytest.approx(expected["micro avg"]["f1-score"])
    for label, figures in metric.per_type().items():
        row = expected[label]
        assert figures["precision"] == pytest.approx(row["precision"])
        assert figures["recall"] == pytest.approx(row["recall"])
        assert figures["f1"] == pytest.approx(row["f1-score"])
        assert figures["entities"] == row["support"]


def ids(sentence):
    return np.array([[IOB.index(tag) for tag in sentence.split()]])


@pytest.mark.parametrize(
    ("true", "predicted", "f1"),
    [
        ("B-X I-X O", "B-X I-X O", 1),
        ("B-X I-X O", "B-X I-X I-X", 0),  # the end
        ("O B-X I-X", "B-X I-X I-X", 0),  # the start
        ("B-X I-X O", "B-Y I-Y O", 0),  # the type
        ("B-X I-X I-X", "B-X B-X I-X", 0),
        ("B-X I-X I-Y", "B-X I-X O", 1),  # what continues nothing is no entity
        ("B-X O I-X", "B-X O O", 1),
        ("I-X B-X I-X", "O B-X I-X", 1),
        ("B-X B-X O", "B-X O O", 2 / 3),
    ],
)
def test_an_entity_is_hit_just_by_its_start_end_and_type(true, predicted, f1):
    metric = EntityF1(IOB)
    metric.update_state(ids(true), ids(predicted))
    assert float(metric.result()) == pytest.approx(f1)
    metric.reset_state()
    metric.update_state(ids(predicted), ids(true))
    assert float(metric.result()) == pytest.approx(f1)


def test_an_entity_goes_on_behind_a_step_that_is_left_out():
    true, predicted = ids("B-X O I-X O"), ids("B-X B-Y I-X O")
    left_out = np.array([[True, False, True, True]])
    by_weight, by_mask, by_truth = (EntityF1(IOB) for _ in range(3))

    by_weight.update_state(true, predicted, left_out.astype(np.float32))
    scores = tf.one_hot(predicted, len(IOB))
    scores._keras_mask = tf.constant(left_out)
    by_mask.update_state(true, scores)
    by_truth.update_state(np.where(left_out, true, -1), predicted)

    for metric in (by_weight, by_mask, by_truth):
        np.testing.assert_array_equal(metric.counts, [[1, 0], [1, 0], [1, 0]])


def test_a_sentence_of_weight_zero_does_not_count():
    metric = EntityF1(IOB)
    true = np.concatenate([ids("B-X I-X"), ids("B-Y O")])
    metric.update_state(true, true, np.array([0.0, 0.5]))
    np.testing.assert_array_equal(metric.counts, [[0, 1]] * 3)


def test_entities_do_not_reach_into_the_next_sentence():
    metric = EntityF1(IOB)
    true = np.concatenate([ids("O B-X"), ids("I-X O")])
    predicted = np.concatenate([ids("O B-X"), ids("O O")])
    metric.update_state(true, predicted)
    assert float(metric.result()) == 1


def test_ids_that_are_no_tags_are_outside():
    metric = EntityF1(IOB)
    metric.update_state(ids("B-X I-X O B-Y"), np.array([[1, -1, 77, 3]]))
    np.testing.assert_array_equal(metric.counts, [[0, 1], [1, 1], [1, 1]])


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ("O O", "O I-X", (0, 0, 0, 0)),
        ("O O", "B-X O", (0, 0, 0, 0)),
        ("B-X O", "O O", (0, 0, 0, 1)),
    ],
)
def test_without_entities_the_figures_are_zero(true, predicted, expected):
    metric = EntityF1(IOB)
    assert float(metric.result()) == 0
    metric.update_state(ids(true), ids(predicted))
    assert float(metric.result()) == 0
    assert tuple(metric.per_type()["X"].values()) == expected


def test_a_batch_without_steps_counts_nothing():
    metric = EntityF1(IOB)
    metric.update_state(np.zeros((2, 0), int), np.zeros((2, 0), int))
    assert not np.any(metric.counts)


def test_resetting_forgets():
    metric = EntityF1(IOB)
    metric.update_state(ids("B-X"), ids("B-X"))
    metric.reset_state()
    assert float(metric.result()) == 0


@pytest.mark.slow
def test_training_and_validation_report_it_without_the_padding():
    true, _, _ = batch(IOB, seed=0, shape=(64, 7))
    words = true + 1
    words[:, 5:] = 0  # the mask leaves the last two steps out
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Embedding(len(IOB) + 1, 8, mask_zero=True),
            keras.layers.Dense(len(IOB)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = EntityF1(IOB)
    model.compile(keras.optimizers.Adam(0.05), loss, metrics=[metric])
    history = model.fit(
        words, true, epochs=2, validation_data=(words, true), verbose=0
    ).history

    predicted = model.predict(words, verbose=0).argmax(axis=-1)
    unpadded = np.ones((64, 5))
    actual = entities(IOB, "iob2", true[:, :5], unpadded)
    found = entities(IOB, "iob2", predicted[:, :5], unpadded)
    f1 = 2 * len(found & actual) / (len(found) + len(actual))
    assert history["val_entity_f1"][-1] == pytest.approx(f1)
    assert 0 < history["entity_f1"][0] < history["val_entity_f1"][-1]
    assert sum(row["entities"] for row in metric.per_type().values()) == len(actual)


def test_a_metric_is_saved_and_loaded():
    metric = EntityF1(NAMES["iobes"], "iobes", name="f1")
    loaded = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(metric)
    )
    assert type(loaded) is EntityF1
    assert loaded.get_config() == metric.get_config()
    true, predicted, weights = batch(NAMES["iobes"], seed=0)
    for each in (metric, loaded):
        each.update_state(true, predicted, weights)
    assert float(loaded.result()) == float(metric.result()) > 0


@pytest.mark.parametrize("scheme", ["plain", "bio"])
def test_a_scheme_without_entities_is_refused(scheme):
    with pytest.raises(ValueError, match=r"Plain tags|There are: iob1"):
        EntityF1(["0", "1"], scheme)


def test_scores_of_another_number_of_tags_are_refused():
    with pytest.raises(
        ValueError, match=r"5 tags; found scores of the shape \(1, 2, 4"
    ):
        EntityF1(IOB).update_state(ids("O O"), np.zeros((1, 2, 4)))


@pytest.mark.parametrize("as_scores", [False, True])
def test_token_accuracy_is_the_share_of_counted_steps_that_are_right(as_scores):
    metric, right, counted = TokenAccuracy(), 0, 0
    assert metric.result() == 0
    for seed in (0, 1):
        true, predicted, weights = batch(IOB, seed)
        true[:3, :2] = -1  # no tag, though the weight says so
        right += np.sum((true == predicted) * weights * (true >= 0))
        counted += np.sum(weights * (true >= 0))
        if as_scores:
            predicted = np.eye(len(IOB), dtype="float32")[predicted]
        graph_update(metric)(true, predicted, weights)
    np.testing.assert_allclose(metric.result(), right / counted, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_more_steps_than_half_precision_knows_are_counted(dtype):
    ids = np.ones((300, 300), int)
    for metric in (TokenAccuracy(dtype=dtype), EntityF1(IOB, "iob2", dtype=dtype)):
        metric.update_state(ids, ids)
        result = metric.result()
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        assert float(result) == 1


def test_token_accuracy_leaves_out_what_the_mask_does():
    predicted = tf.constant([[1, 1, 1]])
    predicted._keras_mask = tf.constant([[True, False, True]])
    metric = TokenAccuracy()
    metric.update_state([[1, 1, 0]], predicted)
    assert metric.result() == 0.5
    metric.reset_state()
    metric.update_state([[1, 1, 0], [1, 1, 1]], tf.ones([2, 3]), [1, 0])
    np.testing.assert_allclose(metric.result(), 2 / 3)


def test_token_accuracy_comes_back_from_its_config():
    copy = TokenAccuracy.from_config(TokenAccuracy(name="accuracy").get_config())
    assert copy.name == "accuracy"
