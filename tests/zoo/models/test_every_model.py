"""What every model of the zoo does, whichever kind it is of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.zoo.models.every_model import KINDS, every_kind, made
from zoo import presets
from zoo.models import DynamicEvaluation, LanguageModel, SequenceClassifier
from zoo.text import Subwords, Vocabulary

pytestmark = pytest.mark.usefixtures("lean")

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
OF_ONE_VOCABULARY = {
    "classifier": lambda name: SequenceClassifier(
        Vocabulary(["a", "b"], name), ["no", "yes"], units=2, embedding_units=3
    ),
    "of characters": lambda name: LanguageModel(Vocabulary([*"abc"], name), units=2),
    "of words": lambda name: LanguageModel(
        Vocabulary(["a", "b"], name), level="word", units=2
    ),
    "of subwords": lambda name: LanguageModel(
        Subwords([*BYTES, *"▁ab"], name), level="subword", units=2
    ),
}


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def half_precision(request):
    """Has models be made in half precision."""
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy("float32")


def answers(model):
    kind = "classifier" if isinstance(model, SequenceClassifier) else "language model"
    return np.asarray(KINDS[kind].answer(model))


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_ONE_VOCABULARY)
def test_a_vocabulary_may_have_a_name_of_its_own(kind, tmp_path):
    model = OF_ONE_VOCABULARY[kind]("mine")
    model.save_to_preset(tmp_path / "preset")
    copy = zoo.from_preset(tmp_path / "preset")
    assert copy.vocabulary.tokens == model.vocabulary.tokens
    np.testing.assert_array_equal(answers(copy), answers(model))


@pytest.mark.slow
def test_a_preset_is_loaded_whose_only_vocabulary_has_another_name(tmp_path):
    model = OF_ONE_VOCABULARY["classifier"]("vocabulary")
    # As an older zoo had it, which left the vocabulary its name.
    model.vocabulary = Vocabulary(["a", "b"], "mine")
    model.vocabularies = {"vocabulary": model.vocabulary}
    preset = tmp_path / "preset"
    model.save_to_preset(preset)
    assets = preset / "saved_model" / "assets"
    assert [file.name for file in assets.iterdir()] == ["mine.txt"]
    np.testing.assert_array_equal(answers(zoo.from_preset(preset)), answers(model))
    presets.export_anew(preset)
    assert [file.name for file in assets.iterdir()] == ["vocabulary.txt"]
    np.testing.assert_array_equal(answers(zoo.from_preset(preset)), answers(model))


@pytest.mark.slow
@every_kind
def test_a_preset_of_half_precision_is_loaded_in_full(kind, half_precision, tmp_path):
    model = made(kind)
    model.save_to_preset(tmp_path / "preset")
    keras.config.set_dtype_policy("float32")
    copy = zoo.from_preset(tmp_path / "preset")
    for weight, expected in zip(copy.weights, model.weights, strict=True):
        assert weight.dtype == "float32"
        np.testing.assert_array_equal(weight, expected)
    np.testing.assert_allclose(kind.answer(copy), kind.answer(model), atol=0.2)
    assert copy.compute_dtype == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("output", ["nade", "bernoulli"])
def test_music_of_half_precision_is_drawn_in_full(half_precision, output):
    model = made(KINDS["music model"], output=output, ending=None)
    primer = np.ones([2, 2, 5])
    roll, lengths = model.generate(primer, 6, seed=1)
    assert (roll.dtype, roll.shape) == ("float32", (2, 6, 5))
    assert lengths.numpy().tolist() == [6, 6]
    np.testing.assert_array_equal(roll[:, :2], primer)
    assert set(np.unique(roll)) <= {0.0, 1.0}
    assert model.generate(steps=4)[0].dtype == "float32"
    assert model.harmonize(roll).dtype == "float32"


@pytest.fixture
def float64():
    """Has models be made in float64, until it is called."""

    def usual():
        keras.config.set_dtype_policy("float32")

    keras.config.set_dtype_policy("float64")
    yield usual
    usual()


def copied(kind, model, **options):
    """Returns a model of a kind with another one's weights."""
    copy = kind.build(**options)
    for weight, other in zip(copy.weights, model.weights, strict=True):
        weight.assign(other.numpy())
    return copy


@pytest.mark.slow
@every_kind
def test_a_model_of_float64_answers_as_one_of_float32(kind, float64):
    model = made(kind)
    assert model.compute_dtype == "float64"
    float64()
    found, expected = map(np.asarray, map(kind.answer, (model, copied(kind, model))))
    assert found.dtype == expected.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.slow
def test_a_language_model_of_float64_draws_and_learns_as_one_of_float32(float64):
    kind = KINDS["language model"]
    model = made(kind)
    float64()
    copy = copied(kind, model)
    texts = [each.generate(["ab", ""], 9, seed=1).numpy() for each in (model, copy)]
    np.testing.assert_array_equal(*texts)
    assert model.start(["ab"])[0].dtype == "float32"
    logs = []
    for each in (model, copy):
        with DynamicEvaluation(each, window=2) as reader:
            logs.append(reader.score("abc abc abc")["log_probability"].numpy())
    np.testing.assert_allclose(*logs, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"copying": True, "copying_cues": True}, {"input_feeding": True}],
    ids=["copying", "input feeding"],
)
def test_a_translator_of_float64_translates_as_one_of_float32(options, float64):
    kind = KINDS["translator"]
    model = made(kind, **options)
    float64()
    copy = copied(kind, model, **options)
    how = {"n_best": 2, "coverage_penalty": 0.2, "max_length": 6, "attention": True}
    found, expected = [each.translate(["ab", "c"], 2, **how) for each in (model, copy)]
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        if value.dtype == tf.string:
            np.testing.assert_array_equal(found[name], value)
        else:
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6)


def assert_equal_weights(weights, expected):
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("error:.compile")
@every_kind
def test_a_model_in_a_keras_file_goes_on_training_where_it_was(kind, tmp_path):
    model, (x, y) = made(kind), kind.batch
    model.compile(keras.optimizers.Adam(0.1), kind.loss)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert_equal_weights(copy.weights, model.weights)
    assert len(copy.optimizer.variables) > 2
    assert_equal_weights(copy.optimizer.variables, model.optimizer.variables)
    losses = [each.fit(x, y, verbose=0).history["loss"] for each in (copy, model)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert_equal_weights(copy.weights, model.weights)


@pytest.fixture
def checks_for_numbers():
    """Has TensorFlow tell of every infinity and NaN, as whoever looks for one does."""
    tf.debugging.enable_check_numerics(stack_height_limit=2, path_length_limit=20)
    yield
    tf.debugging.disable_check_numerics()


@pytest.mark.slow
@every_kind
def test_checks_for_numbers_find_none_that_is_none(kind, checks_for_numbers):
    model, (x, y) = made(kind), kind.batch
    model.compile("sgd", kind.loss)
    model.fit(x, y, verbose=0)
    kind.answer(model)
    if kind is KINDS["language model"]:
        filters = {"top_k": 2, "top_p": 0.9, "seed": 1}
        whole = model.generate(["ab", ""], 5, **filters).numpy().tolist()
        pieces = [piece.numpy() for piece in model.stream(["ab", ""], 5, **filters)]
        assert [b"".join(row) for row in zip(*pieces, strict=True)] == whole
    if kind is KINDS["translator"]:
        assert model.translate(["ab", ""], beam=2, n_best=2)["translations"].shape
    if kind is KINDS["music model"]:
        model.generate(steps=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("language model", {"samples": 2}),
        ("translator", {"copying": True}),
        ("music model", {"output": "bernoulli"}),
    ],
)
def test_checks_for_numbers_leave_options_to_work(kind, option, checks_for_numbers):
    model = made(KINDS[kind], **option)
    model.compile("sgd")
    model.fit(*KINDS[kind].batch, verbose=0)


@pytest.mark.slow
@every_kind
def test_numpys_numbers_are_options_as_pythons_are(kind, tmp_path):
    rate = "dropout" if "dropout" in kind.build().config else "input_dropout"
    sizes = {name for name in kind.build().config if name.endswith("units")}
    numbers = {**dict.fromkeys(sizes, np.int64(4)), rate: np.float32(0.5)}
    model = made(kind, **numbers)
    model.save_to_preset(tmp_path / "preset")
    copy = zoo.from_preset(tmp_path / "preset")
    assert copy.get_config() == model.get_config()
    assert (copy.config["units"], copy.config[rate]) == (4, 0.5)
    np.testing.assert_array_equal(kind.answer(copy), kind.answer(model))


# So says Keras of every layer that stays what it is.
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`:UserWarning")
@pytest.mark.parametrize("kind", ["classifier", "tagger", "music model"])
def test_a_quantized_model_answers_and_is_not_saved_as_a_preset(kind, tmp_path):
    model = made(KINDS[kind])
    expected = KINDS[kind].answer(model)
    model.quantize("int8")
    np.testing.assert_allclose(KINDS[kind].answer(model), expected, atol=0.02)
    with pytest.raises(ValueError, match="is quantized to int8, but a preset has"):
        model.save_to_preset(tmp_path / "preset")
    assert not (tmp_path / "preset").exists()


@pytest.mark.parametrize("kind", ["language model", "translator"])
def test_a_model_that_reads_its_tables_is_not_quantized(kind):
    model = made(KINDS[kind])
    with pytest.raises(NotImplementedError, match="reads its tables of embeddings"):
        model.quantize("int8")
