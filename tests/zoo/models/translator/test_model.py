"""Predictions and training of a translator, against the equations in NumPy."""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from tests.zoo.models.translators import SIZE, in_numpy, make, subwords
from zoo.decoding import repeat
from zoo.models import Translator
from zoo.models.translator.training_steps import with_draws
from zoo.text import Subwords, Vocabulary, WordTokenizer

X = np.array([[4, 5, 6, 7, 1], [6, 0, 0, 0, 0], [7, 4, 4, 0, 0]], "int32")
Y = np.array([[4, 5, 3, 0], [6, 1, 4, 3], [3, 0, 0, 0]], "int32")
CONFIGURATIONS = {
    "general": {},
    "Bahdanau": {
        "cell": "rnn",
        "attention": "additive",
        "order": "before",
        "bridge": "zero",
    },
    "Luong": {
        "cell": "lstm",
        "attention": "dot",
        "input_feeding": True,
        "bridge": "copy",
        "tied": False,
    },
    "copying": {"target": [*"xcb"], "copying": True, "input_feeding": True},
    "cues": {"target": [*"xcb"], "copying": True, "copying_cues": True},
    "context": {"attention": None},
    "context as state": {
        "cell": "lstm",
        "attention": None,
        "context": "state",
        "bridge": "copy",
        "tied": False,
    },
}
every_configuration = pytest.mark.parametrize(
    "arguments", CONFIGURATIONS.values(), ids=CONFIGURATIONS
)


def logs_in_numpy(model):
    """Returns log P of each label of each row, in a list of arrays."""
    found = []
    for x, y in zip(X, Y, strict=True):
        y = y[y > 0]
        logs, _ = in_numpy(model, x[x > 0], np.array([2, *y[:-1]]))
        found.append(logs[np.arange(len(y)), y])
    return found


@every_configuration
def test_predictions_are_the_equations_in_one_pass_and_step_by_step(arguments):
    model = make(**arguments)
    inputs = model.inputs(Y)
    assert inputs.numpy().tolist() == [[2, 4, 5, 0], [2, 6, 1, 4], [2, 0, 0, 0]]
    memory, state = model.encode(X)
    _, weights, _ = model.run(inputs, state, memory)
    found = tf.nn.log_softmax(model((X, inputs))).numpy()
    expected = [
        in_numpy(model, x[x > 0], i[i > 0])
        for x, i in zip(X, inputs.numpy(), strict=True)
    ]
    for t in range(Y.shape[1]):
        logits, state, alpha = model.step(inputs[:, t], state, memory)
        stepped = tf.nn.log_softmax(logits).numpy()
        for row, (logs, alphas) in enumerate(expected):
            if t < len(logs):
                possible = np.isfinite(logs[t])
                for result in (found[row, t], stepped[row]):
                    np.testing.assert_allclose(
                        result[possible], logs[t][possible], atol=1e-5
                    )
                    assert (np.exp(result[~possible]) == 0).all()
                if model.attends:
                    alphas = np.pad(alphas[t], (0, X.shape[1] - len(alphas[t])))
                    np.testing.assert_allclose(weights[row, t], alphas, atol=1e-5)
                    np.testing.assert_allclose(alpha[row], alphas, atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_deep_models_go_the_same_way_in_one_pass_and_step_by_step():
    model = make(cell="lstm", encoder_layers=2, decoder_layers=2, bridge="copy")
    memory, state = model.encode(X)
    for t, logits in enumerate(tf.unstack(model((X, model.inputs(Y))), axis=1)):
        stepped, state, _ = model.step(model.inputs(Y)[:, t], state, memory)
        valid = Y[:, t] > 0
        np.testing.assert_allclose(stepped[valid], logits[valid], atol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_padding_changes_neither_loss_nor_metrics():
    model = make(label_smoothing=0.3)
    model.compile()
    expected = -np.concatenate(logs_in_numpy(model)).mean()
    x, y = np.pad(X, [[0, 0], [0, 3]]), np.pad(Y, [[0, 0], [0, 2]])
    results = model.evaluate((x, model.inputs(y)), y, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["nats"], expected, rtol=1e-5)
    np.testing.assert_allclose(results["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(results["perplexity"], np.exp(expected), rtol=1e-5)


def test_smoothed_labels_share_some_probability_with_all_possible_tokens():
    model = make(label_smoothing=0.3)
    model.compile()
    logits = model((X, model.inputs(Y)))
    loss = model.compute_loss(y=Y, y_pred=logits, training=True)
    nats = model.nats.result()
    expected = []
    for x, y in zip(X, Y, strict=True):
        y = y[y > 0]
        logs, _ = in_numpy(model, x[x > 0], np.array([2, *y[:-1]]))
        logs = logs[:, [1, *range(3, SIZE)]]
        labels = 0.7 * np.eye(SIZE)[y][:, [1, *range(3, SIZE)]] + 0.3 / (SIZE - 2)
        expected += list(-(labels * logs).sum(axis=-1))
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-5)
    plain = -np.concatenate(logs_in_numpy(model)).mean()
    np.testing.assert_allclose(nats, plain, rtol=1e-5)


@pytest.mark.slow
@every_configuration
@pytest.mark.usefixtures("by_cells")
def test_training_reaches_all_weights(arguments):
    model = make(**arguments, dropout=0.1, embedding_dropout=0.1, label_smoothing=0.1)
    model.compile()
    with tf.GradientTape() as tape:
        logits = model((X, model.inputs(Y)), training=True)
        loss = model.compute_loss(y=Y, y_pred=logits)
    variables = [weight.value for weight in model.trainable_weights]
    for variable, gradient in zip(
        model.trainable_weights, tape.gradient(loss, variables), strict=True
    ):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(gradient), variable.path


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_scheduled_sampling_feeds_draws_in_place_of_some_targets():
    keras.utils.set_random_seed(0)
    model = make(scheduled_sampling=0.5)
    ids = np.full((50, 20), 4, "int32")
    ids[:, 0], ids[:, 15:] = 2, 0
    only = tf.one_hot(tf.fill([50, 20], 6), SIZE, 50.0)
    mixed = with_draws(tf.constant(ids), only, 0.5, model.seed_generator).numpy()
    assert (mixed[:, 0] == 2).all()
    assert (mixed[:, 15:] == 0).all()
    assert set(mixed[:, 1:15].ravel()) == {4, 6}
    assert 0.4 < (mixed[:, 1:15] == 6).mean() < 0.6
    inputs = model.inputs(Y)
    drawn = [model((X, inputs), training=True) for _ in range(4)]
    assert max(np.abs(each - drawn[0]).max() for each in drawn) > 1e-3
    np.testing.assert_array_equal(model((X, inputs)), model((X, inputs)))


def test_a_shared_embedding_is_one():
    vocabulary = Vocabulary([*"abc"])
    model = Translator(vocabulary, vocabulary, shared=True, units=4, embedding_units=3)
    assert model.source_embedding is model.output_embedding
    assert sum("embeddings" in weight.path for weight in model.weights) == 1
    with pytest.raises(ValueError, match="one vocabulary, found two, of 7 and 5 tok"):
        Translator([*"abc"], ["a"], shared=True)


def test_a_model_begins_to_copy_with_the_weights_that_it_has():
    plain = make([*"xcb"], cell="lstm", input_feeding=True)
    copying = plain.with_copying()
    options = {"copying": True, "copying_cues": True}
    assert copying.config == {**plain.config, **options}
    *others, kernel, bias, cue = copying.weights
    assert [each.path for each in (kernel, bias, cue)] == [
        f"pointer/{name}" for name in ("gate/kernel", "gate/bias", "cue/kernel")
    ]
    for weight, expected in zip(others, plain.weights, strict=True):
        assert weight.path == expected.path
        np.testing.assert_array_equal(weight, expected)
    bias.assign([-100.0])
    scores = [each.score(["abca"], ["xbx"]) for each in (plain, copying)]
    np.testing.assert_allclose(
        *[each["log_probabilities"] for each in scores], atol=1e-5
    )
    with pytest.raises(ValueError, match="it needs attention"):
        make(attention=None).with_copying()


@pytest.mark.parametrize("cues", [False, True])
def test_a_model_that_copies_goes_on_as_it_does(cues):
    model = make([*"xcb"], copying=True, copying_cues=cues)
    other = model.with_copying()
    assert other.config["copying_cues"]
    scores = [each.score(["abca"], ["xbx"]) for each in (model, other)]
    np.testing.assert_allclose(
        *[each["log_probabilities"] for each in scores], atol=1e-6
    )


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_of_the_same_tokens_in_another_order_is_the_same(tied):
    model = make([*"xcb"], tied=tied, copying=True)
    other = model.with_vocabularies([*"écab"], [*"bxc"])
    assert other.config == model.config
    assert list(other.target.vocabulary.ordinary_tokens) == [*"bxc"]
    texts = ["abca", "éab"], ["xbx", "ccb"]
    one, two = model.score(*texts), other.score(*texts)
    np.testing.assert_allclose(
        one["log_probabilities"], two["log_probabilities"], atol=1e-5
    )


def test_new_tokens_begin_as_what_they_were_before():
    model = make([*"xcb"], level="word")
    other = model.with_vocabularies([*"abq"], [*"xw"])
    for name, places in (
        ("source_embedding", [0, 1, 2, 3, 4, 5, 1]),
        ("target_embedding", [0, 1, 2, 3, 4, 1]),
        ("softmax", [0, 1, 2, 3, 4, 1]),
    ):
        [old], [new] = (getattr(each, name).weights for each in (model, other))
        np.testing.assert_array_equal(new, old.numpy()[places])


def test_new_subwords_begin_as_the_mean_of_their_parts():
    old = subwords()  # … ▁ a b c ▁ab
    arguments = {"level": "subword", "shared": True, "embedding_units": 3, "units": 4}
    model = Translator(old, old, **arguments)
    draw_weights(model)
    new = Subwords([*old.ordinary_tokens[:256], *"▁bac", "▁abc", "bc", "é"])
    other = model.with_vocabularies(new, new)
    assert other.source.vocabulary.tokens == other.target.vocabulary.tokens
    assert other.source_embedding is other.target_embedding
    before, after = (
        dict(zip(each.target.vocabulary.tokens, weights.numpy(), strict=True))
        for each in (model, other)
        for weights in each.target_embedding.weights
    )
    for token in (*"▁bac", "<0x41>", "<EOS>"):
        np.testing.assert_array_equal(after[token], before[token])
    for token, parts in (
        ("▁abc", [*"▁abc"]),
        ("bc", ["b", "c"]),
        ("é", ["<0xC3>", "<0xA9>"]),
    ):
        mean = np.mean([before[part] for part in parts], axis=0)
        np.testing.assert_allclose(after[token], mean, rtol=1e-6)
    with pytest.raises(ValueError, match="A shared embedding needs one vocabulary"):
        model.with_vocabularies(new, old)


def test_what_is_in_both_vocabularies_can_be_copied():
    model = make([*"xcb"], copying=True)
    x = np.array([[4, 5, 6, 7, 1, 0]], "int32")
    memory, _ = model.encode(x)
    # a and é are unknown to the target; `<UNK>` is written as what it stands for.
    assert memory.ids.numpy().tolist() == [[0, 6, 5, 0, 1, 0]]


def test_tokens_that_repeat_are_copied_by_the_equations_for_all_beams():
    model = make([*"xcb"], copying=True, input_feeding=True)
    x = np.array([[5, 6, 5, 1, 5], [6, 6, 4, 0, 0]], "int32")
    inputs = np.array([[2, 5, 6], [2, 6, 6], [2, 1, 4], [2, 5, 4]], "int32")
    memory, state = model.encode(x)
    step, state = model.stepper(beams=2), repeat(state, 2)
    expected = [
        in_numpy(model, x[row // 2][x[row // 2] > 0], each)[0]
        for row, each in enumerate(inputs)
    ]
    for t in range(3):
        logs, state, _ = step(inputs[:, t], state, memory)
        for row in range(4):
            possible = np.isfinite(expected[row][t])
            np.testing.assert_allclose(
                logs.numpy()[row][possible], expected[row][t][possible], atol=1e-5
            )


def unseen_tokens(copying):
    """Returns nats a token of texts of other tokens than those trained on."""
    keras.utils.set_random_seed(1)
    tokens = [f"w{number}" for number in range(60)]
    sizes = {"units": 32, "embedding_units": 16}
    model = Translator(tokens, tokens, level="word", copying=copying, **sizes)
    model.compile(keras.optimizers.Adam(0.01))
    rng = np.random.default_rng(1)

    def same(rows, first, last):
        x = rng.integers(first, last, (rows, 5)).astype("int32")
        y = np.pad(x, [[0, 0], [0, 1]], constant_values=3)
        return (x, model.inputs(y)), y

    model.fit(*same(512, 4, 44), batch_size=32, epochs=8, verbose=0)
    return model.evaluate(*same(64, 44, 64), verbose=0, return_dict=True)["nats"]


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_what_no_training_text_had_is_copied():
    assert unseen_tokens(copying=True) < unseen_tokens(copying=False) - 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gruu"}, "cell must be one of rnn, gru, lstm, .*, found 'gruu'"),
        ({"attention": "cosine"}, "attention must be one of additive, dot"),
        ({"order": "luong"}, "order must be one of after, before"),
        ({"context": "none"}, "context must be one of state, input, both"),
        ({"level": "letter"}, "level must be one of character, word"),
        ({"level": "subword", "source_tokenizer": WordTokenizer()}, "split texts them"),
        ({"units": 5}, "units must be even, found 5"),
        ({"encoder_layers": 0}, "encoder_layers must be at least 1, found 0"),
        ({"attention": None, "copying": True}, "it needs attention"),
        ({"copying_cues": True}, "it needs copying=True"),
        ({"label_smoothing": 1.0}, "label_smoothing must be in .0, 1., found 1.0"),
        ({"bridge": "copy", "encoder_layers": 2}, "found 2 and 1. Take 'dense'"),
        (
            {"attention": None, "context": "state", "bridge": "zero"},
            "nothing of the source gets to the decoder",
        ),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    vocabularies = [["a"], ["b"]]
    if arguments.get("level") == "subword":
        vocabularies = 2 * [subwords()]
    with pytest.raises(ValueError, match=message):
        Translator(*vocabularies, **arguments)


def test_subwords_are_refused_as_words():
    with pytest.raises(ValueError, match="needs level='subword', found 'word'"):
        Translator(subwords(), ["a"])


def pasted(**arguments):
    words = ["Ein", "Hund", "läuft", ".", "ein", '"']
    model = Translator(
        *(words, [*words, "\u201c"]),
        **{"level": "word", "units": 4, "embedding_units": 3, **arguments},
    )
    draw_weights(model)
    return model


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_texts_as_people_type_them_are_read_as_plain_ones():
    model = pasted(normalization="plain", casing="restore")
    typed = "Ein Hund läuft."
    texts = [
        *(" Ein\tHund\u00a0la\u0308uft\u200b.\r\n", "\ufeffEin Hu\xadnd läuft."),
        *("ein hund läuft.", "EIN HUND LÄUFT."),
    ]
    expected = model.source.encode(tf.constant([typed])).to_list()
    assert model.source.encode(tf.constant(texts)).to_list() == 4 * expected
    found = model.translate([typed, *texts])["translation"].numpy()
    assert len(set(found)) == 1
    before = pasted().source.encode(tf.constant(texts)).to_list()
    assert expected[0] not in before


@pytest.mark.slow
def test_translations_keep_the_marks_that_the_vocabulary_has():
    model = pasted(normalization="plain")
    texts = tf.constant(["Ein\u201c \u201d Hund"])
    tokens = model.target.tokens(texts).to_list()[0]
    assert [token.decode() for token in tokens] == ["Ein", "\u201c", '"', "Hund"]
    tokens = model.source.tokens(texts).to_list()[0]
    assert [token.decode() for token in tokens] == ["Ein", '"', '"', "Hund"]
    scores = model.score(["Hund", "Hund"], ["Ein\u00a0Hund", "Ein Hund"])
    np.testing.assert_array_equal(*scores["log_probability"].numpy())


@pytest.mark.slow
def test_texts_are_read_once(monkeypatch):
    model = make()
    reads = mock.Mock(wraps=model.source.tokens_and_ids)
    writes = mock.Mock(wraps=model.target.tokens_and_ids)
    monkeypatch.setattr(model.source, "tokens_and_ids", reads)
    monkeypatch.setattr(model.target, "tokens_and_ids", writes)
    model.translate(["abc"], max_length=2)
    assert (reads.call_count, writes.call_count) == (1, 0)
    model.align(["abc"], ["ab"])
    assert (reads.call_count, writes.call_count) == (2, 1)


def test_what_is_read_is_recorded_and_off_by_default():
    config = pasted(normalization="plain", casing="restore").get_config()
    assert (config["normalization"], config["casing"]) == ("plain", "restore")
    assert Translator.from_config(config).get_config() == config
    config = pasted().get_config()
    old = {k: v for k, v in config.items() if k not in ("normalization", "casing")}
    assert Translator.from_config(old).get_config() == config
    with pytest.raises(ValueError, match="casing must be one of restore"):
        pasted(casing="lower")
    with pytest.raises(ValueError, match="level='character' knows none"):
        pasted(level="character", casing="restore")
