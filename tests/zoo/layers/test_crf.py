"""The CRF layer, against the enumeration of every sequence of tags."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw, draw_weights
from tests.zoo.kernels import enumeration
from tests.zoo.kernels.chains import MASK, ROWS, STEPS
from zoo import tags as tag_schemes
from zoo.layers import CRF, CRFAccuracy, CRFLoss

NAMES = {
    "iob1": ["O", "I-LOC", "B-LOC"],
    "iob2": ["O", "B-LOC", "I-LOC", "I-PER"],
    "iobes": ["S-LOC", "B-LOC", "E-LOC"],
    "plain": ["0", "1"],
}
every_scheme = pytest.mark.parametrize("scheme", NAMES)


def make(tags, scheme=None, **arguments):
    layer = CRF(tags, scheme, **arguments)
    layer.build((None, None, layer.size))
    draw_weights(layer)
    return layer


def allowed(names, scheme):
    """Returns every sequence of tags, and whether the scheme has a place for each."""
    found, _ = enumeration.sequences(
        np.zeros((STEPS, len(names))), make(len(names)).potentials()
    )
    constraints = tag_schemes.constraints(names, scheme)
    fine = [
        constraints.start[y[0]]
        and constraints.end[y[-1]]
        and constraints.transitions[y[:-1], y[1:]].all()
        for y in found
    ]
    return found, np.array(fine)


@every_scheme
def test_scheme_leaves_probability_to_what_it_allows_alone(scheme):
    names = NAMES[scheme]
    layer = make(names, scheme)
    found, fine = allowed(names, scheme)
    assert fine.any()
    emissions = np.tile(draw(1, STEPS, len(names)), [len(found), 1, 1])

    likelihoods = layer.log_likelihood(emissions, found).numpy()

    np.testing.assert_array_equal(likelihoods > -np.inf, fine)
    np.testing.assert_array_equal(layer.forbidden(found), ~fine)
    np.testing.assert_allclose(np.exp(likelihoods).sum(), 1, rtol=1e-5)
    weights = [weight.numpy().astype("float64") for weight in layer.weights]
    scores = [enumeration.score(emissions[0], y, weights) for y in found[fine]]
    expected = np.array(scores) - enumeration.log_sum(np.array(scores))
    np.testing.assert_allclose(likelihoods[fine], expected, atol=1e-5)


@every_scheme
def test_what_is_decoded_is_the_best_that_the_scheme_allows(scheme):
    names = NAMES[scheme]
    layer = make(names, scheme)
    emissions = 3 * draw(ROWS, STEPS, len(names))

    best = layer.decode(emissions, MASK).numpy()
    paths, values = layer.n_best(emissions, 3, MASK)
    single = layer.marginals(emissions, MASK).numpy()

    potentials = layer.potentials()
    for row, valid in enumerate(MASK):
        found, p = enumeration.probabilities(emissions[row, valid], potentials)
        order = np.argsort(-p)[: np.sum(p > 0)][:3]
        if not len(order):  # IOBES without S and O has nothing for one step
            assert not np.any(values[row] > -np.inf)
            continue
        np.testing.assert_array_equal(best[row, valid], found[order[0]])
        own = paths.numpy()[row, : len(order)][:, valid]
        np.testing.assert_array_equal(own, found[order])
        np.testing.assert_allclose(
            np.exp(values[row]), np.pad(p[order], (0, 3 - len(order))), atol=1e-5
        )
        expected, _ = enumeration.marginals(emissions[row, valid], potentials)
        np.testing.assert_allclose(single[row, valid], expected, atol=1e-5)
    assert not best[~MASK].any()
    assert not single[~MASK].any()


def test_masked_step_is_as_if_it_were_not_there():
    layer = make(NAMES["iob2"], "iob2")
    emissions, mask = draw(2, 6, 4), np.array([[1, 0, 1, 1, 0, 1]] * 2, bool)
    tags = np.array([[1, -1, 2, 0, 99, 0]] * 2)
    short = emissions[:, mask[0]]
    np.testing.assert_allclose(
        layer.log_likelihood(emissions, tags, mask),
        layer.log_likelihood(short, tags[:, mask[0]]),
        rtol=1e-6,
    )
    decoded = layer.decode(emissions, mask).numpy()
    np.testing.assert_array_equal(decoded[:, mask[0]], layer.decode(short))


def test_emissions_pass_unchanged_and_so_does_the_mask():
    layer = CRF(3)
    emissions = draw(2, 4, 3)
    emissions[0, 2:] = 0
    masked = keras.layers.Masking()(emissions)
    outputs = layer(masked)
    np.testing.assert_array_equal(outputs, emissions)
    np.testing.assert_array_equal(outputs._keras_mask, masked._keras_mask)
    symbolic = layer(keras.Input((None, 3)))
    assert symbolic.shape == (None, None, 3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_computation_is_in_single_precision_whatever_the_policy(policy):
    layer = make(3, dtype=policy)
    single = CRF(3)
    single.build((None, None, 3))
    single.set_weights(layer.get_weights())
    emissions = tf.cast(10 * draw(2, 50, 3), "float16")
    assert layer(emissions).dtype == tf.float32
    np.testing.assert_array_equal(
        layer.marginals(emissions), single.marginals(tf.cast(emissions, "float32"))
    )


def test_double_precision_is_kept():
    layer = make(3, dtype="float64")
    emissions = draw(1, 4, 3).astype("float64")
    potentials = layer.potentials()
    assert potentials.start.dtype == tf.float64
    expected, _ = enumeration.marginals(emissions[0], potentials)
    result = layer.marginals(emissions)[0]
    np.testing.assert_allclose(result, expected, atol=1e-13)


def test_forbidden_sees_only_what_is_valid():
    layer = CRF(["O", "B-LOC", "I-LOC", "I-PER"], "iob2")
    tags = [[1, 2, 0], [1, 3, 0], [1, 3, 0], [2, 0, 0], [0, 0, 0]]
    mask = [[1, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0]]
    expected = [False, True, False, True, False]
    np.testing.assert_array_equal(layer.forbidden(tags, mask), expected)


@pytest.mark.parametrize("tag", [-1, 3])
def test_target_that_is_no_tag_is_refused_where_it_counts(tag):
    layer = CRF(3)
    emissions, tags, mask = draw(1, 2, 3), [[0, tag]], [[True, False]]
    assert np.isfinite(layer.log_likelihood(emissions, tags, mask))
    for method in (
        lambda: layer.log_likelihood(emissions, tags),
        lambda: layer.forbidden(tags),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="whole numbers in"):
            method()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        (np.eye(3, dtype="int32")[np.zeros((2, 4), int)], r"\(2, 4, 3\)"),
        (np.zeros((2, 1), "int32"), r"\(2, 1\)"),
        (np.zeros((1, 4), "int32"), r"\(1, 4\)"),
        (np.zeros(4, "int32"), r"\(4,\)"),
    ],
)
def test_targets_of_another_shape_are_refused(tags, problem):
    layer = CRF(3)
    outputs = layer(draw(2, 4, 3))
    for call in (
        lambda: layer.log_likelihood(outputs, tags),
        lambda: CRFLoss()(tags.astype("float32"), outputs),
        lambda: CRFAccuracy()(tags, outputs),
    ):
        with pytest.raises(ValueError, match=f"must be ids of tags.*{problem}"):
            call()
    for signature in (tf.TensorSpec(None), tf.TensorSpec([None] * tags.ndim)):
        call = tf.function(
            lambda tags: layer.log_likelihood(outputs, tags),
            input_signature=[signature],
        )
        with pytest.raises(
            (ValueError, tf.errors.InvalidArgumentError), match="must be ids of tags"
        ):
            call(tags.astype("float32"))


def test_targets_may_be_a_column_and_whole_numbers_of_any_type():
    layer, emissions = CRF(3), draw(2, 4, 3)
    tags = np.array([[0, 1, 2, 0], [2, 2, 0, 1]])
    expected = layer.log_likelihood(emissions, tags)
    for like in (tags[..., None], tags.astype("float32"), tags.astype("uint8")):
        np.testing.assert_array_equal(layer.log_likelihood(emissions, like), expected)
    for strange in (tags + 0.5, tags * np.nan):
        with pytest.raises(tf.errors.InvalidArgumentError, match="whole numbers"):
            layer.log_likelihood(emissions, strange)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tags": 0}, "one tag at least"),
        ({"tags": []}, "one tag at least"),
        ({"tags": ["O", "B-X", "O"]}, "'O' more than once"),
        ({"tags": {"O", "B-X"}}, "in the order of their ids"),
        ({"tags": {"O": 0, "B-X": 1}}, "in the order of their ids"),
        ({"tags": "OBI"}, "in the order of their ids, a list .* Found: 'OBI'"),
        ({"tags": 3, "scheme": "iob2"}, "give the 3 names"),
        ({"tags": ["O"], "scheme": "iob3"}, "Unknown tag scheme"),
        ({"tags": ["O", "E-X"], "scheme": "iob2"}, "no tag of the scheme"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CRF(**arguments)


@pytest.mark.parametrize("kind", [np.array, tuple, iter, dict.fromkeys])
def test_names_may_come_in_anything_that_has_an_order(kind):
    names = NAMES["iob2"]
    given = kind(names)
    layer = CRF(given.keys() if isinstance(given, dict) else given, "iob2")
    assert layer.get_config()["tags"] == names
    assert {type(name) for name in layer.tags} == {str}
    assert CRF(np.int64(3)).size == CRF(np.array(3)).size == 3


def test_emissions_that_are_not_a_score_for_each_tag_are_refused():
    layer = CRF(3)
    for call in (
        lambda: layer(keras.Input((None, 128))),
        lambda: layer(draw(2, 4, 128)),
        lambda: layer.decode(draw(2, 4, 128)),
        lambda: layer.decode(draw(4, 3)),
    ):
        with pytest.raises(ValueError, match=r"Put Dense\(3\)"):
            call()
    with pytest.raises(ValueError, match="at least 1"):
        layer.n_best(draw(2, 4, 3), 0)


def test_methods_work_before_the_layer_was_called():
    layer = CRF(3)
    assert layer.decode(draw(2, 4, 3)).shape == (2, 4)
    assert len(layer.weights) == 3


def test_regularizer_and_initializer_reach_the_weights():
    layer = CRF(3, initializer="ones", regularizer=keras.regularizers.L2(0.5))
    layer(draw(1, 2, 3))
    np.testing.assert_array_equal(layer.transitions, np.ones((3, 3)))
    np.testing.assert_allclose(sum(layer.losses), 0.5 * (9 + 3 + 3))
    copy = CRF.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


@pytest.mark.slow
def test_saved_model_gives_the_same_for_any_shape(tmp_path):
    layer = make(NAMES["iob2"], "iob2")
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, layer(inputs))

    class Served(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, 4]),
                tf.TensorSpec([None, None], tf.bool),
            ]
        )
        def tag(self, emissions, mask):
            emissions = model(emissions)
            paths, values = layer.n_best(emissions, 2, mask)
            return {
                "best": layer.decode(emissions, mask),
                "marginals": layer.marginals(emissions, mask),
                "paths": paths,
                "values": values,
            }

    module = Served()
    module.layer = [weight.value for weight in layer.weights]
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))

    for batch, steps in ((ROWS, STEPS), (0, STEPS), (2, 0), (1, 1)):
        emissions = tf.constant(draw(batch, steps, 4))
        mask = tf.constant(MASK[:batch, :steps])
        found, expected = (each.tag(emissions, mask) for each in (loaded, module))
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)


def test_what_xla_compiles_says_of_strange_targets_that_they_have_no_loss():
    # XLA leaves assertions out.
    layer = make(3)
    emissions, tags = draw(3, 4, 3), np.zeros((3, 4), "int32")
    tags[1, 2], tags[2, 3] = 3, -1
    mask = np.ones((3, 4), bool)
    mask[2, 3] = False
    compiled = tf.function(layer.log_likelihood, jit_compile=True)
    found = compiled(emissions, tags, mask)
    assert np.isnan(found[1])
    expected = layer.log_likelihood(emissions[[0, 2]], tags[[0, 2]], mask[[0, 2]])
    np.testing.assert_allclose(np.asarray(found)[[0, 2]], expected, atol=1e-5)
