"""The CRF in Keras models: compile, fit, evaluate, save and load."""

import functools
import re
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.layers
from tests.zoo.cells.units import draw
from zoo.layers import CRF, CRFAccuracy, CRFDecoder, CRFLoss

pytestmark = pytest.mark.slow

ROWS, STEPS, TAGS = 16, 6, 3
GENERATOR = np.random.default_rng(0)

# All tokens are alike: emissions can't tell a tag, only what went before it can.
TOKENS = np.ones((ROWS, STEPS), "int32")
TOKENS[np.arange(STEPS) >= GENERATOR.integers(0, STEPS + 1, ROWS)[:, None]] = 0
MASK = TOKENS != 0
TARGETS = np.where(MASK, np.arange(STEPS) % TAGS, -1)


def layers():
    return [
        keras.layers.Embedding(2, 4, mask_zero=True),
        keras.layers.Dense(TAGS),
        CRF(TAGS, name="crf"),
    ]


def functional():
    inputs = x = keras.Input((None,), dtype="int32")
    for layer in layers():
        x = layer(x)
    return keras.Model(inputs, x)


def sequential():
    return keras.Sequential([keras.Input((None,), dtype="int32"), *layers()])


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embed, self.project, self.crf = layers()

    def call(self, tokens):
        x = self.project(self.embed(tokens))
        return self.crf(x, mask=tokens != 0)


def nested():
    inputs = keras.Input((None,), dtype="int32")
    return keras.Model(inputs, sequential()(inputs))


def compiled(build, **arguments):
    keras.utils.set_random_seed(1)
    model = build()
    model.compile(
        keras.optimizers.Adam(0.3), CRFLoss(), metrics=[CRFAccuracy()], **arguments
    )
    return model


def crf(model):
    (found,) = [x for x in model._flatten_layers() if isinstance(x, CRF)]
    return found


def test_transitions_are_learned_by_fit_and_tell_what_emissions_cannot():
    model = compiled(Subclassed)
    history = model.fit(TOKENS, TARGETS, epochs=20, verbose=0).history
    assert history["accuracy"][0] < 1
    assert history["accuracy"][-1] == 1
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    emissions = model.predict(TOKENS, verbose=0)
    best = crf(model).decode(emissions, MASK)
    np.testing.assert_array_equal(best, np.where(MASK, TARGETS, 0))


@pytest.mark.parametrize("build", [functional, Subclassed, nested])
def test_compiled_model_saves_loads_and_trains_on_identically(build, tmp_path):
    model = compiled(build, run_eagerly=True)
    model.train_on_batch(TOKENS, TARGETS)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loss, accuracy = copy.evaluate(TOKENS, TARGETS, verbose=0)
    layer, emissions = crf(model), model(TOKENS)
    likelihoods = layer.log_likelihood(emissions, TARGETS, MASK)
    np.testing.assert_allclose(loss, -np.mean(likelihoods), rtol=1e-5)
    right = layer.decode(emissions, MASK).numpy() == TARGETS
    np.testing.assert_allclose(accuracy, right[MASK].mean(), rtol=1e-6)
    for each in (copy, model):
        each.train_on_batch(TOKENS, TARGETS)
    assert_same_weights(copy, model, atol=0)


def assert_same_weights(model, expected, atol):
    for own, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=0, atol=atol)


def test_training_is_the_same_in_a_graph_under_xla_and_on_mirrored_devices():
    expected = compiled(functional, run_eagerly=True)
    expected.train_on_batch(TOKENS, TARGETS)
    for arguments in ({}, {"jit_compile": True}):
        model = compiled(functional, **arguments)
        model.train_on_batch(TOKENS, TARGETS)
        assert_same_weights(model, expected, atol=1e-5)

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = compiled(functional)
    data = tf.data.Dataset.from_tensor_slices((TOKENS, TARGETS)).batch(ROWS)
    model.fit(data, verbose=0, shuffle=False)
    assert_same_weights(model, expected, atol=1e-5)


def test_mixed_precision_trains_and_decodes():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled(functional, run_eagerly=True)
        losses = [model.train_on_batch(TOKENS, TARGETS)[0] for _ in range(15)]
        outputs = model(TOKENS)
        best = CRFDecoder()(outputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert losses[-1] < 0.5 * losses[0]
    assert outputs.dtype == tf.float32
    np.testing.assert_array_equal(best, crf(model).decode(outputs, MASK))


def test_decoder_gives_tags_and_survives_saving(tmp_path):
    names = ["O", "B-LOC", "I-LOC"]
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 3, mask_zero=True)(inputs)
    emissions = CRF(names, "iob2", initializer="glorot_uniform", name="crf")(x)
    tagger = keras.Model(inputs, CRFDecoder()(emissions))
    tokens = np.array([[1, 2, 0, 3, 4], [0, 0, 0, 0, 0], [5, 6, 7, 8, 1]])

    found = tagger.predict(tokens, verbose=0)

    assert tagger.output.shape == (None, None)
    assert found.dtype == np.int32
    layer = tagger.get_layer("crf")
    scores = keras.Model(inputs, emissions).predict(tokens, verbose=0)
    np.testing.assert_array_equal(found, layer.decode(scores, tokens != 0))
    tagger.save(tmp_path / "tagger.keras")
    copy = keras.models.load_model(tmp_path / "tagger.keras")
    np.testing.assert_array_equal(copy.predict(tokens, verbose=0), found)


def test_each_of_several_outputs_has_a_crf_of_its_own():
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(2, 4, mask_zero=True)(inputs)
    outputs = {
        "tags": CRF(TAGS, name="tags")(keras.layers.Dense(TAGS)(x)),
        "parts": CRF(2, name="parts")(keras.layers.Dense(2)(x)),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        "sgd",
        {"tags": CRFLoss(), "parts": CRFLoss()},
        metrics={"tags": [CRFAccuracy()], "parts": [CRFAccuracy()]},
        run_eagerly=True,
    )
    targets = {"tags": TARGETS, "parts": np.where(MASK, TARGETS % 2, -1)}
    found = model.evaluate(TOKENS, targets, verbose=0, return_dict=True)
    emissions = model.predict(TOKENS, verbose=0)
    for name in outputs:
        layer = model.get_layer(name)
        likelihoods = layer.log_likelihood(emissions[name], targets[name], MASK)
        np.testing.assert_allclose(
            found[f"{name}_loss"], -np.mean(likelihoods), rtol=1e-5
        )
        right = layer.decode(emissions[name], MASK) == targets[name]
        np.testing.assert_allclose(
            found[f"{name}_accuracy"], right[MASK].numpy().mean(), rtol=1e-6
        )


def test_accuracy_is_that_of_the_valid_steps_over_all_batches():
    layer, metric = CRF(TAGS), CRFAccuracy()
    right = steps = 0
    for length in (2, 5, 1):
        mask = GENERATOR.random((4, length)) < 0.6
        targets = GENERATOR.integers(0, TAGS, (4, length))
        outputs = layer(draw(4, length, TAGS), mask=mask)
        metric.update_state(np.where(mask, targets, -1)[..., None], outputs)
        right += np.sum((layer.decode(outputs, mask) == targets) & mask)
        steps += mask.sum()
    np.testing.assert_allclose(metric.result(), right / steps, rtol=1e-6)


def test_weights_are_those_of_sequences():
    layer, loss = CRF(["O", "B-X", "I-X"], "iob2"), CRFLoss()
    outputs = layer(draw(4, 3, 3))
    targets = np.array([[0, 1, 2], [0, 0, 0], [1, 0, 1], [0, 2, 0]])
    losses = -layer.log_likelihood(outputs, targets).numpy()
    np.testing.assert_array_equal(np.isinf(losses), [False, False, False, True])
    assert loss(targets, outputs) == np.inf
    weights = np.array([1.0, 0.5, 2, 0])
    expected = (losses[:3] * weights[:3]).sum() / 4
    for given in (weights, weights[:, None]):
        np.testing.assert_allclose(loss(targets, outputs, given), expected, rtol=1e-6)
    each = CRFLoss(reduction=None)(targets, outputs, weights)
    np.testing.assert_allclose(each[:3], losses[:3] * weights[:3], rtol=1e-6)
    with pytest.raises(ValueError, match="sample_weight must be"):
        loss(targets, outputs, np.ones((4, 3)))


@pytest.mark.parametrize("metrics", [[], ["accuracy"]])
def test_one_hot_targets_and_class_weights_are_refused(metrics):
    metrics = [CRFAccuracy() for _ in metrics]
    model = keras.Sequential([keras.Input((4, TAGS)), CRF(TAGS)])
    model.compile("sgd", CRFLoss(), metrics=metrics)
    x, y = draw(2, 4, TAGS), np.zeros((2, 4), "int32")
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="one-hot"):
            method(x, np.eye(TAGS)[y], verbose=0)
    for _ in range(2):
        with pytest.raises(ValueError, match="class_weight has no meaning"):
            model.fit(x, y, class_weight={0: 2.0}, verbose=0)
        with pytest.raises(ValueError, match="class_weight has no meaning"):
            model.train_on_batch(x, y, class_weight={0: 2.0})
        model.fit(x, y[..., None], verbose=0)


def test_checks_for_numbers_take_what_is_forbidden_for_meant():
    model = keras.Sequential([keras.Input((4, 3)), CRF(["O", "B-X", "I-X"], "iob2")])
    model.compile("sgd", CRFLoss(), metrics=[CRFAccuracy()])
    tf.debugging.enable_check_numerics()
    try:
        model.fit(draw(2, 4, 3), np.zeros((2, 4), "int32"), verbose=0)
        model.layers[-1].decode(draw(2, 4, 3))
    finally:
        tf.debugging.disable_check_numerics()


def test_metric_takes_weights_of_sequences_and_of_steps():
    layer = CRF(TAGS)
    outputs = layer(draw(4, 3, TAGS))
    targets = GENERATOR.integers(0, TAGS, (4, 3))
    right = (layer.decode(outputs) == targets).numpy()
    for weights in (np.array([1.0, 0, 2, 3]), GENERATOR.random((4, 3))):
        metric = CRFAccuracy()
        metric.update_state(targets, outputs, weights)
        spread = np.broadcast_to(weights.reshape(4, -1), (4, 3))
        expected = (right * spread).sum() / spread.sum()
        np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


def test_forbidden_target_makes_the_loss_infinite_and_leaves_the_weights_sound():
    model = keras.Sequential(
        [keras.Input((None,)), keras.layers.Embedding(2, 2), CRF(["O", "I-X"], "iob2")]
    )
    model.compile("sgd", CRFLoss())
    targets = np.array([[0, 0], [0, 1]])
    assert model.train_on_batch(np.ones((2, 2)), targets) == np.inf
    assert all(np.isfinite(weight).all() for weight in model.weights)


@pytest.mark.parametrize(
    "reader",
    [CRFLoss(), CRFAccuracy(), CRFDecoder()],
    ids=lambda reader: type(reader).__name__,
)
def test_what_is_not_a_crfs_output_is_refused(reader):
    outputs = tf.identity(CRF(TAGS)(draw(2, 4, TAGS)))
    arguments = (
        [outputs] if isinstance(reader, CRFDecoder) else [[[0] * 4] * 2, outputs]
    )
    with pytest.raises(
        ValueError, match=r"needs the very output of a zoo\.layers\.CRF"
    ):
        reader(*arguments)


def test_model_with_something_after_its_crf_is_refused():
    model = keras.Sequential([*layers(), keras.layers.Activation("tanh")])
    model.compile("sgd", CRFLoss())
    with pytest.raises(ValueError, match="Make the CRF the last layer"):
        model.train_on_batch(TOKENS, TARGETS)


def test_example_in_the_docstring_runs(monkeypatch):
    # Compiling the kernels would take seconds, and so would tracing.
    lstm = functools.partial(zoo.layers.LSTM, fused=False)
    monkeypatch.setattr(zoo.layers, "LSTM", lstm)
    (example,) = re.findall(r"```python\n(.*?)```", CRF.__doc__, re.DOTALL)
    tokens, targets = np.array([[5, 6, 7, 0], [8, 9, 0, 0]]), np.zeros((2, 4), int)
    names = {"keras": keras, "zoo": zoo, "token_ids": tokens, "tag_ids": targets}
    tf.config.run_functions_eagerly(True)
    try:
        exec(textwrap.dedent(example), names)
    finally:
        tf.config.run_functions_eagerly(False)
    assert names["best"].shape == tokens.shape
    emissions = names["model"].predict(names["token_ids"], verbose=0)
    decoded = crf(names["model"]).decode(emissions, mask=tokens != 0)
    np.testing.assert_array_equal(names["best"], decoded)
