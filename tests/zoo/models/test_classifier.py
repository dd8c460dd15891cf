"""Texts in, classes out, against Keras' layers and against lists of words."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from zoo.layers import BY_CELL
from zoo.models import SequenceClassifier
from zoo.models.classifier import POOLINGS
from zoo.text import CharacterTokenizer, Subwords, Vocabulary, WordTokenizer

WORDS = ["good", "bad", "film", "a", "not", "."]
CLASSES = ["negative", "neutral", "positive"]
TEXTS = ["A good film.", "bad", "not a bad, bad, bad film", "", "unheard of 👍"]


def make(**arguments):
    arguments = {"dropout": 0, "embedding_dropout": 0} | arguments
    arguments = {"embedding_units": 5, "units": 4} | arguments
    model = SequenceClassifier(WORDS, CLASSES, **arguments)
    draw_weights(model)
    return model


def configurations():
    return [
        pytest.param(
            {"cell": cell, "pooling": pooling, "bidirectional": bidirectional},
            id=f"{cell}-{pooling}-{'both' if bidirectional else 'one'}",
        )
        for cell, pooling, bidirectional in [
            *itertools.product(("rnn", "gru", "lstm"), POOLINGS, [False, True]),
            *((cell, "last", True) for cell in ("mingru", "minlstm", "sru", "rglru")),
        ]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", configurations())
def test_every_configuration_ignores_padding_and_trains_all_its_weights(
    arguments, request
):
    if arguments["pooling"] != "last":  # for one of each cell the kernel is enough
        request.getfixturevalue("by_cells")
    model = make(max_length=2, **arguments)
    ids = model.encode(tf.constant(TEXTS))
    padded = tf.pad(ids, [[0, 0], [0, 1]])
    labels = tf.constant([2, 0, 1, 1, 0])

    with tf.GradientTape() as tape:
        logits = model(padded, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    gradients = tape.gradient(losses, [w.value for w in model.trainable_weights])

    np.testing.assert_allclose(logits, model(ids), atol=2e-6)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path
    layer = model.get_layer("recurrent_1")
    layer = getattr(layer, "forward_layer", layer)
    assert type(layer) is BY_CELL[arguments["cell"]]


@pytest.mark.slow
def test_fit_lowers_the_loss():
    model = make(cell="rnn", pooling="mean", bidirectional=False, max_length=3)
    model.compile(
        keras.optimizers.Adam(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,  # tracing would take longer than training
    )
    ids, labels = model.encode(tf.constant(TEXTS)), tf.constant([2, 0, 1, 1, 0])
    losses = model.fit(ids, labels, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_logits_are_those_of_keras_layers_with_the_same_weights(pooling):
    model = make(cell="lstm", pooling=pooling, layers=2)
    namesakes = [
        keras.layers.Embedding(len(model.vocabulary), 5),
        keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True)),
        keras.layers.Bidirectional(
            keras.layers.LSTM(4, return_sequences=pooling != "last")
        ),
        {
            "last": keras.layers.Identity,
            "max": keras.layers.GlobalMaxPooling1D,
            "mean": keras.layers.GlobalAveragePooling1D,
        }[pooling](),
        keras.layers.Dense(len(CLASSES)),
    ]
    namesake = keras.Sequential([keras.Input((None,), dtype="int32"), *namesakes])
    namesake.set_weights(model.get_weights())
    ids = np.random.default_rng(0).integers(1, len(model.vocabulary), (3, 6))
    np.testing.assert_allclose(model(ids), namesake(ids), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.usefixtures("lean")
def test_batch_gives_what_its_rows_give_one_by_one(pooling):
    model = make(pooling=pooling, cell="rnn", max_length=4)
    together = model.classify(TEXTS)
    for row, text in enumerate(TEXTS):
        alone = model.classify([text])
        np.testing.assert_allclose(
            alone["probabilities"][0], together["probabilities"][row], atol=1e-6
        )


def test_classes_are_the_likeliest_of_the_probabilities():
    model = make()
    model.set_weights([3 * weight for weight in model.get_weights()])

    result = model.classify(tf.constant(TEXTS))

    logits = np.asarray(model(model.encode(tf.constant(TEXTS))), "float64")
    exponentials = np.exp(logits)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result["probabilities"], expected, atol=1e-6)
    np.testing.assert_allclose(result["probability"], expected.max(axis=1), atol=1e-6)
    labels = [CLASSES[best].encode() for best in expected.argmax(axis=1)]
    assert result["label"].numpy().tolist() == labels
    assert len(set(labels)) > 1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_no_text_gives_no_class(pooling):
    result = make(pooling=pooling).classify(tf.constant([], tf.string))
    shapes = {name: tensor.shape.as_list() for name, tensor in result.items()}
    assert shapes == {"label": [0], "probability": [0], "probabilities": [0, 3]}


def test_no_text_has_no_n_grams():
    assert make(ngrams=2).classify([])["probabilities"].shape == (0, 3)


@pytest.mark.parametrize("max_length", [1, 2, 3, 4, 5, 6, 7, 100])
def test_long_text_keeps_its_first_and_last_words_half_and_half(max_length):
    words = ["good", "bad", "film", "a", "not", "."]
    model = make(max_length=max_length)
    for length in range(1, len(words) + 1):
        text = words[:length]
        head, tail = max_length - max_length // 2, max_length // 2
        short = text if length <= max_length else text[:head] + text[length - tail :]
        expected = [4 + WORDS.index(word) for word in short]
        assert model.encode(tf.constant([" ".join(text)])).numpy().tolist() == [
            expected
        ]


def test_texts_are_padded_to_the_longest():
    ids = make().encode(tf.constant(["a film", "", "Wow: a BAD film"]))
    assert ids.dtype == tf.int32
    assert ids.numpy().tolist() == [[7, 6, 0, 0, 0], [0] * 5, [1, 1, 7, 5, 6]]


@pytest.mark.parametrize("texts", [[], [""], ["", " \u00a0"]])
def test_there_is_a_step_even_where_there_is_no_word(texts):
    ids = make().encode(tf.constant(texts, tf.string))
    np.testing.assert_array_equal(ids, np.zeros((len(texts), 1)))


def test_word_beside_the_cut_changes_nothing():
    model = make(max_length=4)
    one, other = model.classify(["good bad film film a not", "good bad . . . . a not"])[
        "probabilities"
    ]
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {
            "tokenizer": CharacterTokenizer(end=True),
            "cell": "gru",
            "layers": 3,
            "bidirectional": False,
            "pooling": "attention",
            "dropout": 0.25,
            "max_length": 7,
            "name": "of_characters",
        },
    ],
)
@pytest.mark.usefixtures("lean")
def test_config_makes_the_same_model(arguments):
    model = make(**arguments)
    config = model.get_config()
    assert {**config, **arguments, "tokenizer": None} == {**config, "tokenizer": None}
    copy = SequenceClassifier.from_config(config)
    copy.set_weights(model.get_weights())
    assert copy.get_config() == config
    assert [w.path for w in copy.weights] == [w.path for w in model.weights]
    np.testing.assert_array_equal(
        copy.classify(TEXTS)["probabilities"], model.classify(TEXTS)["probabilities"]
    )


def test_keras_file_gives_the_identical_model(tmp_path):
    model = make(pooling="max+mean", tokenizer=WordTokenizer(punctuation="drop"))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert type(copy) is SequenceClassifier
    assert copy.get_config() == model.get_config()
    result, expected = copy.classify(TEXTS), model.classify(TEXTS)
    assert result["label"].numpy().tolist() == expected["label"].numpy().tolist()
    np.testing.assert_array_equal(result["probabilities"], expected["probabilities"])


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("ngrams", [0, 2])
def test_other_classes_have_a_new_decision_on_the_same_layers(ngrams, multi_label):
    # Layers without a name of their own are called otherwise in the second model.
    model = make(pooling="max+mean", ngrams=ngrams, ngram_buckets=7)
    other = model.with_classes(["ham", "spam", "other"], multi_label)
    assert other.class_names == ("ham", "spam", "other")
    assert other.multi_label == multi_label
    assert other.vocabulary.tokens == model.vocabulary.tokens
    kept = [w for w in other.weights if not w.path.startswith(("logits", "ngrams"))]
    own = {w.path: w for w in model.weights}
    assert len(kept) == 7  # an embedding, an LSTM in both directions
    for weight in kept:
        np.testing.assert_array_equal(weight, own[weight.path])
    assert other.classify(["a"])["probabilities"].shape == (1, 3)
    with pytest.raises(ValueError, match="Two classes or more are needed"):
        model.with_classes(["ham"])


def test_vocabulary_may_be_given_as_one():
    vocabulary = Vocabulary(WORDS)
    model = SequenceClassifier(vocabulary, CLASSES, units=2)
    assert model.vocabulary is vocabulary


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "elman"}, r"cell must be one of rnn, gru, lstm, .*, found 'elman'"),
        ({"pooling": "sum"}, r"pooling must be one of last, max, .* found 'sum'"),
        ({"class_names": ["one"]}, r"Two classes or more are needed, found \['one'\]"),
        ({"class_names": [b"no", b"yes"]}, "class_names must be strings, found b'no'"),
        ({"class_names": ["no", 1]}, "class_names must be strings, found 1"),
        (
            {"class_names": np.array([1, 2]), "multi_label": True},
            "class_names must be strings, found 1",
        ),
    ],
)
def test_impossible_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(WORDS, **{"class_names": CLASSES, **arguments})


def test_subwords_are_refused_for_words_are_looked_up_whole():
    subwords = Subwords([*(f"<0x{byte:02X}>" for byte in range(256)), "▁", "▁a"])
    with pytest.raises(ValueError, match="of Subwords holds pieces of words"):
        SequenceClassifier(subwords, CLASSES)


@pytest.mark.parametrize("names", [["no", "yes"], [1, 5]])
def test_classes_of_an_array_are_those_of_a_list(names):
    models = [
        SequenceClassifier(WORDS, each, units=2, embedding_units=3)
        for each in (np.array(names), names)
    ]
    configs = [{**model.get_config(), "name": ""} for model in models]
    assert json.dumps(configs[0]) == json.dumps(configs[1])
    labels = [set(model.classify(TEXTS)["label"].numpy()) for model in models]
    assert labels[0] <= {*names, *(str(name).encode() for name in names)}


@pytest.mark.parametrize("argument", ["layers", "max_length"])
def test_number_out_of_range_is_named(argument):
    with pytest.raises(ValueError, match=argument):
        SequenceClassifier(WORDS, CLASSES, **{argument: 0})


def test_misspelt_argument_is_an_error():
    with pytest.raises((TypeError, ValueError), match="dropuot"):
        SequenceClassifier(WORDS, CLASSES, units=2, dropuot=0.1)


def with_ngrams():
    model = make(cell="rnn", ngrams=2, ngram_buckets=64)
    ids, labels = model.encode(tf.constant(TEXTS)), tf.constant([2, 0, 1, 1, 0])
    return model, ids, labels


def test_verdict_is_the_geometric_mean_of_both():
    model, ids, _ = with_ngrams()
    linear = np.pad(model.linear(ids), [[0, 0], [1, 0]])
    recurrent = keras.Model(model.input, model.get_layer("logits").output)(ids)
    expected = np.exp(linear / 2) * np.exp(recurrent / 2)
    expected /= expected.sum(axis=1, keepdims=True)
    found = model.classify(tf.constant(TEXTS))["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.slow
def test_each_verdict_learns_from_its_own_loss():
    model, ids, labels = with_ngrams()
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    recurrent = keras.Model(model.input, model.get_layer("logits").output)

    def gradients(loss):
        with tf.GradientTape() as tape:
            value = loss()
        found = tape.gradient(
            value,
            [weight.value for weight in model.trainable_weights],
            unconnected_gradients="zero",
        )
        return value, [tf.convert_to_tensor(each) for each in found]

    def own(logits):
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )

    def linear():
        return own(tf.pad(model.linear(ids), [[0, 0], [1, 0]]))

    found = gradients(lambda: model.compute_loss(ids, labels, model(ids)))
    parts = gradients(lambda: own(recurrent(ids))), gradients(linear)
    np.testing.assert_allclose(found[0], parts[0][0] + parts[1][0], rtol=1e-5)
    for weight, *values in zip(
        model.trainable_weights, found[1], parts[0][1], parts[1][1], strict=True
    ):
        np.testing.assert_allclose(values[0], values[1] + values[2], atol=1e-5)
        part = values[1] if weight is model.linear.table else values[2]
        assert not np.any(part), weight.path
    validation = model.compute_loss(ids, labels, model(ids), training=False)
    np.testing.assert_allclose(validation, own(model(ids)), rtol=1e-5)


@pytest.mark.parametrize("multi_label", [False, True])
def test_ngrams_are_weighted_by_the_classes_that_they_occur_in(multi_label):
    model = make(
        cell="rnn", ngrams=1, ngram_buckets=2**12, naive_bayes=True,
        multi_label=multi_label,
    )  # fmt: skip
    ids = model.encode(["good good", "good film", "bad", "a film"])
    labels = tf.constant([2, 2, 0, 1])
    if multi_label:
        labels = tf.one_hot(labels, 3)
    model.adapt_ngrams(tf.data.Dataset.from_tensors((ids, labels)))
    good, bad = (
        model.linear.ratios.numpy()[model.linear.places(model.encode([word]))[0, 0]]
        for word in ("good", "bad")
    )
    assert good[-1] > 1 > 0 > good[-2]
    assert (bad[-2:] < 0).all()  # which is of the first class
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(model)
    )
    assert copy.linear.unadapted
    assert model.with_classes(["no", "yes"]).linear.unadapted
    wrong = labels - 1
    with pytest.raises(ValueError, match=r"must be (places in class_names|0 or 1)"):
        model.adapt_ngrams([(ids, wrong)])
    with pytest.raises(ValueError, match="make the model with ngrams"):
        make(cell="rnn").adapt_ngrams([])


def test_dropped_words_are_dropped_whole():
    model = make(cell="rnn", word_dropout=0.5)
    keras.utils.set_random_seed(0)
    dropped = keras.Model(model.input, model.get_layer("word_dropout").output)
    ids = tf.constant(np.full((20, 30), 5))
    zeros = dropped(ids, training=True).numpy() == 0
    assert (zeros.all(axis=2) == zeros.any(axis=2)).all()
    assert 0.4 < zeros.mean() < 0.6


@pytest.mark.slow
def test_verdict_of_both_is_float32_whatever_the_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, ids, _ = with_ngrams()
        assert model(ids).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
