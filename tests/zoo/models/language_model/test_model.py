"""Predictions and training of a language model, against the equations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import in_numpy, make
from zoo.models import LanguageModel, SequenceClassifier
from zoo.text import WordTokenizer

IDS = np.random.default_rng(0).integers(4, 10, [4, 23]).astype("int32")
X, Y = IDS[:, :-1], IDS[:, 1:]


def windows(x, y, steps):
    """Returns batches of windows, of which the first begin their texts."""
    starts = range(0, x.shape[1], steps)
    return [
        (
            (x[:, start : start + steps], np.full(len(x), start == 0)),
            y[:, start : start + steps],
        )
        for start in starts
    ]


def dataset(batches):
    (x, _), y = batches[0]
    signature = (
        (tf.TensorSpec([len(x), None], tf.int32), tf.TensorSpec([len(x)], tf.bool)),
        tf.TensorSpec([len(y), None], tf.int32),
    )
    data = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )
    return data.apply(tf.data.experimental.assert_cardinality(len(batches)))


def nats(model, x, y):
    """Returns the mean cross-entropy of whole texts."""
    logs = in_numpy(model, x)
    return -np.take_along_axis(logs, y[..., None], axis=2).mean()


@pytest.mark.parametrize(
    "arguments",
    [
        {"cell": "rnn", "sentences": True},
        {"cell": "gru", "tied": True},
        {"cell": "lstm", "tied": True, "units": 3, "layers": 2, "variational": True},
    ],
    ids=lambda arguments: arguments["cell"],
)
def test_predictions_are_the_equations_in_one_pass_and_step_by_step(arguments):
    model = make(**arguments)
    expected = in_numpy(model, X)
    logs = tf.nn.log_softmax(model(X)).numpy()
    possible = np.isfinite(expected)
    np.testing.assert_allclose(logs[possible], expected[possible], atol=1e-5)
    assert (np.exp(logs)[~possible] == 0).all()
    state = model.recurrent.get_initial_state(len(X))
    for t in range(3):
        logits, state = model.step(X[:, t], state)
        stepped = tf.nn.log_softmax(logits).numpy()
        np.testing.assert_allclose(stepped, logs[:, t], atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_windows_with_the_state_carried_cost_what_one_pass_costs():
    model = make(cell="gru", layers=2)
    model.compile()
    data = dataset(windows(X, Y, 8))  # the last window is shorter
    for _ in range(2):  # the second time from the beginning again
        results = model.evaluate(data, verbose=0, return_dict=True)
        np.testing.assert_allclose(results["nats"], nats(model, X, Y), atol=1e-5)
    np.testing.assert_allclose(
        results["perplexity"], np.exp(nats(model, X, Y)), rtol=1e-5
    )


def test_training_without_a_kernel_carries_states_of_a_known_number_of_rows():
    model = make()
    for layer in model.recurrent.layers:
        layer.fused = False
    model.compile(keras.optimizers.SGD(0.0))  # what the weights cost as they are
    data = windows(X[:, :16], Y[:, :16], 8)
    x, begins = (np.stack(each) for each in zip(*(x for x, _ in data), strict=True))
    y = np.stack([y for _, y in data])
    batches = tf.data.Dataset.from_tensor_slices(((x, begins), y))
    found = model.fit(batches, epochs=2, shuffle=False, verbose=0).history["nats"]
    np.testing.assert_allclose(found, nats(model, X[:, :16], Y[:, :16]), atol=1e-5)


def test_each_row_starts_anew_where_its_text_begins():
    model = make()
    first, second = (X[:, :8], np.full(4, True)), (X[:, 8:16], np.arange(4) % 2 == 0)
    model(first)
    found = tf.nn.log_softmax(model(second)).numpy()
    new, continued = in_numpy(model, X[:, 8:16]), in_numpy(model, X[:, :16])[:, 8:]
    possible = np.isfinite(new)
    expected = np.where(second[1][:, None, None], new, continued)
    np.testing.assert_allclose(found[possible], expected[possible], atol=1e-5)


def test_ids_alone_begin_and_leave_the_carried_state_as_it_is():
    model = make()
    model((X[:, :8], np.full(4, True)))
    expected = in_numpy(model, X)[:, 8:16, 4:]
    whole = tf.nn.log_softmax(model(X[:2, :5]))[:, :, 4:]
    np.testing.assert_allclose(whole, in_numpy(model, X[:2, :5])[:, :, 4:], atol=1e-5)
    found = tf.nn.log_softmax(model((X[:, 8:16], np.full(4, False))))[:, :, 4:]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sentences_carry_nothing_from_batch_to_batch():
    shapes = [variable.shape for variable in make(layers=2).carried_variables]
    assert [tuple(shape) for shape in shapes] == [(None, 4), (None, 4)]
    assert make(layers=2, sentences=True).carried_variables == []


def test_training_goes_on_after_an_evaluation_where_it_was():
    model = make()
    other = np.flip(X, 1)
    model((X[:, :8], np.full(4, True)), training=True)
    model((other[:3, :8], np.full(3, True)), training=False)
    found = model((X[:, 8:16], np.full(4, False)), training=True)
    expected = in_numpy(model, X)[:, 8:16, 4:]
    np.testing.assert_allclose(tf.nn.log_softmax(found)[..., 4:], expected, atol=1e-5)


def test_a_window_that_goes_on_needs_the_rows_before_it():
    model = make()
    model((X[:, :8], np.full(4, True)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="another number of rows"):
        model((X[:3, 8:16], np.array([True, False, True])))
    model((X[:3, 8:16], np.full(3, True)))


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_gradients_stop_where_a_window_begins():
    model = make()
    model.compile()
    first, second = windows(X, Y, 11)
    with tf.GradientTape() as tape:
        model(first[0], training=True)
        logits = model(second[0], training=True)
        loss = model.compute_loss(y=second[1], y_pred=logits)
    found = tape.gradient(loss, model.embedding.embeddings.value)
    _, state = model.run(X[:, :11])
    with tf.GradientTape() as tape:
        hidden, _ = model.run(X[:, 11:], [tf.identity(each) for each in state])
        logits = model.logits(hidden)
        loss = model.compute_loss(y=second[1], y_pred=logits)
    expected = tape.gradient(loss, model.embedding.embeddings.value)
    np.testing.assert_allclose(
        tf.convert_to_tensor(found), tf.convert_to_tensor(expected), atol=1e-6
    )


@pytest.mark.slow
def test_fit_learns_a_rule_that_reaches_across_windows():
    # Every third token says what the next two are: after "a", "b b", and so on.
    cycle = np.tile([4, 5, 5, 6, 7, 7], 40)[None].repeat(4, 0).astype("int32")
    model = make(units=12, tied=True)
    layer = model.recurrent.layers[0]
    assert layer.fused_path == "fused"
    model.compile(keras.optimizers.Adam(0.02))
    data = dataset(windows(cycle[:, :-1], cycle[:, 1:], 7))
    history = model.fit(data, epochs=4, verbose=0, shuffle=False).history
    assert history["nats"][-1] < 0.1 < history["nats"][0]


def test_padding_changes_neither_loss_nor_metrics():
    model = make(sentences=True)
    model.compile()
    y = np.array([[4, 5, 3, 0, 0], [6, 6, 7, 5, 3]], "int32")
    x = model.inputs(y)
    assert x.numpy().tolist() == [[2, 4, 5, 3, 0], [2, 6, 6, 7, 5]]
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    logs = in_numpy(model, x)
    logs = np.take_along_axis(logs, y[..., None], axis=2)[..., 0][y > 0]
    np.testing.assert_allclose(results["nats"], -logs.mean(), atol=1e-5)
    np.testing.assert_allclose(results["loss"], -logs.mean(), atol=1e-5)


@pytest.mark.parametrize("variational", [False, True])
def test_variational_dropout_takes_the_same_units_away_at_all_steps(variational):
    keras.utils.set_random_seed(1)
    model = make(embedding_dropout=0.5, dropout=0.5, variational=variational, layers=2)
    assert {layer.fused_path for layer in model.recurrent.layers} == {"fused"}
    same = np.full([3, 20], 5)
    seen = model.drop[0](model.embedding(same), training=True).numpy()
    assert (np.ptp(seen, axis=1) == 0).all() == variational
    hidden, _ = model.run(same, training=True)
    always = (hidden.numpy() == 0).all(axis=1)
    assert always.any() == variational
    assert (hidden.numpy() == 0).any()
    between = [layer.dropout for layer in model.recurrent.layers]
    assert between == ([0.0, 0.5] if variational else [0.0, 0.0])
    assert model.recurrent.dropout == (0.0 if variational else 0.5)


@pytest.mark.slow
def test_weight_dropout_trains_by_the_kernels_with_other_weights_at_each_window():
    model = make(cell="lstm", layers=2, recurrent_weight_dropout=0.5)
    assert {layer.fused_path for layer in model.recurrent.layers} == {"fused"}
    cells = [layer.cell for layer in model.recurrent.layers]
    kernels = [np.asarray(cell.recurrent_kernel) for cell in cells]
    seeds = [np.asarray(cell.seed_generator.state) for cell in cells]
    first, second = (model(X, training=True).numpy() for _ in range(2))
    assert np.abs(first - second)[..., 4:].max() > 1e-3
    possible = in_numpy(model, X) > -np.inf
    logs = tf.nn.log_softmax(model(X)).numpy()[possible]
    np.testing.assert_allclose(logs, in_numpy(model, X)[possible], atol=1e-5)

    # The first call again, with the weights that it drew.
    for cell, seed in zip(cells, seeds, strict=True):
        cell.seed_generator.state.assign(seed)
        cell.recurrent_kernel.assign(cell.recurrent_weights(training=True))
    for cell, kernel in zip(cells, kernels, strict=True):
        dropped = np.asarray(cell.recurrent_kernel)
        np.testing.assert_allclose(dropped[dropped != 0], 2 * kernel[dropped != 0])
        assert 0.2 < (dropped == 0).mean() < 0.8
    logs = tf.nn.log_softmax(first).numpy()[possible]
    np.testing.assert_allclose(logs, in_numpy(model, X)[possible], atol=1e-5)


def test_preset_from_before_weight_dropout_still_loads():
    config = make(recurrent_weight_dropout=0.5).get_config()
    copy = LanguageModel.from_config(config)
    assert copy.recurrent.layers[0].recurrent_weight_dropout == 0.5
    del config["recurrent_weight_dropout"]
    old = LanguageModel.from_config(config)
    assert old.recurrent.layers[0].recurrent_weight_dropout == 0.0


def test_preset_from_before_the_cache_still_loads():
    config = make(cache=9, cache_sharpness=3.0, cache_threshold=0.2).get_config()
    copy = LanguageModel.from_config(config).cache
    assert (copy.places, copy.sharpness, copy.threshold) == (9, 3.0, 0.2)
    for name in ("cache", "cache_sharpness", "cache_threshold"):
        del config[name]
    assert LanguageModel.from_config(config).cache is None


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_a_cache_changes_what_is_predicted_but_not_what_is_trained():
    arguments = {"cell": "gru", "layers": 2}
    plain = make(**arguments)
    cached = plain.with_cache(8, threshold=0.5)
    assert len(plain.weights) + 1 == len(cached.weights)
    assert (cached.cache.places, cached.cache.threshold) == (8, 0.5)
    assert cached.with_cache(0).cache is None
    for weight, other in zip(
        plain.trainable_weights, cached.trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(weight, other)
    first = X[:, :8], np.full(4, True)
    np.testing.assert_array_equal(
        plain(first, training=True), cached(first, training=True)
    )
    logs, own = (tf.nn.log_softmax(model(first)) for model in (cached, plain))
    assert np.abs(logs - own)[..., 4:].max() > 0.1

    hidden, _ = cached.run(X)
    start = [tf.zeros([4, size]) for size in cached.cache.state_size]
    expected, _ = cached.cache(hidden, X, cached.logits(hidden), start)
    np.testing.assert_allclose(cached(X), expected, rtol=1e-5)
    cached.compile()
    for _ in range(2):  # the second time from the beginning again
        cached.evaluate(dataset(windows(X, Y, 8)), verbose=0)
        logs = tf.nn.log_softmax(expected).numpy()
        cost = -np.take_along_axis(logs, Y[..., None], axis=2).mean()
        np.testing.assert_allclose(cached.nats.result(), cost, atol=1e-5)


def test_a_cache_forgets_where_a_text_begins():
    model = make(cell="gru", cache=5, cache_threshold=0.5)
    model((X[:, :8], np.full(4, True)))
    found = model((X[:, 8:16], np.arange(4) % 2 == 0))
    new, _ = model.predict_tokens(X[:, 8:16])
    _, state = model.predict_tokens(X[:, :8])
    continued, _ = model.predict_tokens(X[:, 8:16], state)
    assert np.abs(new - continued)[..., 4:].max() > 0.01
    np.testing.assert_allclose(found[::2], new[::2], atol=1e-4)
    np.testing.assert_allclose(found[1::2], continued[1::2], atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_a_cache_goes_with_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make(cell="gru", cache=5, cache_threshold=0.5)
    finally:
        keras.config.set_dtype_policy("float32")
    first = X[:, :8], np.full(4, True)
    whole = model.predict_tokens(X)[0][:, 8:]
    model(first)
    found = model((X[:, 8:], np.full(4, False)))
    np.testing.assert_allclose(found, whole, atol=0.1)
    dtypes = [spec.dtype for spec in model.state_specs]
    assert dtypes == [tf.bfloat16] + 4 * [tf.float32]


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_what_is_drawn_is_drawn_without_the_cache():
    cached = make(cell="gru", cache=30, cache_threshold=0.5)
    plain, prompts = cached.with_cache(0), tf.constant(["bc.bc.bc.", ""])
    texts = [model.generate(prompts, 30, seed=2).numpy() for model in (cached, plain)]
    assert texts[0].tolist() == texts[1].tolist()
    logits, state = cached.start(prompts)
    np.testing.assert_array_equal(logits, plain.start(prompts)[0])
    assert len(state) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_scores_remember_what_a_text_has_said():
    model = make(cell="gru", cache=30, cache_threshold=0.5)
    word = "bc.aé "
    scores = model.score(tf.constant([6 * word, word, ""]))
    logs = scores["log_probabilities"].numpy()
    np.testing.assert_allclose(logs[1, :6], logs[0, :6], atol=1e-5)
    assert logs[0, -12:].mean() > logs[0, :6].mean() + 0.5
    assert scores["log_probability"].numpy()[2] == 0


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_sampled_softmax_trains_all_weights_and_is_evaluated_in_full():
    model = make(samples=5, tied=True, sentences=True)
    model.compile()
    y = np.pad(Y, [[0, 0], [0, 3]])
    x = np.pad(X, [[0, 0], [0, 3]])
    keras.utils.set_random_seed(3)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=y, y_pred=model(x, training=True))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    assert 0 < loss < 100
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["nats"], nats(model, X, Y), atol=1e-5)


def test_texts_become_the_ids_of_their_tokens():
    assert make().encode(tf.constant(["b?a", ""])).to_list() == [[5, 1, 4], []]
    words = make(["the", "cat", ","], level="word", sentences=True)
    ids = words.encode(tf.constant(["The cat, the", ""]))
    assert ids.to_list() == [[4, 5, 6, 4, 3], [3]]
    plain = make(["The"], level="word", tokenizer=WordTokenizer(lowercase=False))
    assert plain.encode(tf.constant(["The the"])).to_list() == [[4, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gruu"}, "cell must be one of"),
        ({"level": "letter"}, "level must be one of character, word, subword"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"cache": -1}, "cache must be at least 0, found -1"),
        ({"cache_sharpness": 0.0}, "cache_sharpness must be above 0"),
        ({"cache_threshold": 2.0}, r"cache_threshold must be in \[-1, 1\]"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LanguageModel(["a"], **arguments)


def test_models_with_and_without_a_functional_graph_get_along():
    """Keras changes the bases of a functional model's class; ours are shared."""
    SequenceClassifier(["a"], ["no", "yes"], embedding_units=2, units=2, name="one")
    assert not isinstance(make(), type(keras.Model(*2 * [keras.Input((1,))])))
