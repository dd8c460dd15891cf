"""Sentences in, tags out, against Keras' layers and against themselves."""

import json
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow
from tests.zoo.cells.units import draw_weights
from zoo import presets
from zoo.models import SequenceTagger
from zoo.models.tagger.token_features import CharacterFeatures, WordIds
from zoo.text import CharacterTokenizer, Subwords, Vocabulary, WordTokenizer

WORDS = ["Teddy", "bears", "are", "Roosevelt", "was", ".", "New", "York"]
LOWERCASE = ["teddy", "bears", "are", "was", ".", "new"]
CHARACTERS = [*"edstrTaoRvlYNwk."]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
SENTENCES = [
    ["Teddy", "Roosevelt", "was", "Teddy", "."],
    ["New", "York", "", "", ""],
    ["", "", "", "", ""],
    ["bears", "", "👍🏽", "", "Rosevelts"],
]
MASK = np.array([[token != "" for token in row] for row in SENTENCES])


def make(**arguments):
    sizes = {
        "word_units": 4,
        "lowercase_units": 3,
        "character_embedding_units": 3,
        "character_units": 2,
        "units": 4,
        "cell": "rnn",
        "dropout": 0.0,
        "word_dropout": 0.0,
    }
    model = SequenceTagger(WORDS, LOWERCASE, CHARACTERS, TAGS, **{**sizes, **arguments})
    draw_weights(model)
    return model


def targets():
    tags = np.random.default_rng(0).integers(0, len(TAGS), MASK.shape)
    return np.where(MASK, tags, -1).astype("int32")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"cell": "lstm", "scheme": "plain"},
        {"cell": "gru", "character_features": "cnn", "bidirectional": False},
        {"cell": "rnn", "character_features": "none", "layers": 2},
        {"cell": "rnn", "crf": False, "bidirectional": False},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())),
)
@pytest.mark.usefixtures("by_cells")
def test_every_configuration_ignores_padding_and_trains_all_its_weights(arguments):
    model = make(**arguments)
    model.compile()
    tags = np.minimum(targets(), 1)  # O and B-PER: every scheme allows them
    padding = [[0, 0], [0, 2]]
    padded = np.pad(np.array(SENTENCES, object), padding, constant_values="")
    padded_tags = np.pad(tags, padding, constant_values=-1)

    with tf.GradientTape() as tape:
        emissions = model(tf.constant(padded), training=True)
        loss = model.compute_loss(y=tf.constant(padded_tags), y_pred=emissions)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])

    sentences = tf.constant(SENTENCES)
    short = model(sentences)
    np.testing.assert_allclose(emissions[:, :5][MASK], short[MASK], atol=2e-6)
    expected = model.compute_loss(y=tf.constant(tags), y_pred=short)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        assert np.any(gradient), weight.path


def test_emissions_are_those_of_keras_layers_with_the_same_weights():
    model = make(cell="lstm")
    weights = {weight.path: weight.numpy() for weight in model.weights}

    def both_directions(prefix, units, **arguments):
        layer = keras.layers.Bidirectional(keras.layers.LSTM(units, **arguments))
        names = [path for path in weights if path.startswith(prefix)]
        size = 3 if prefix.startswith("characters") else 4 + 3 + 2 * 2
        layer.build((1, None, size))
        layer.set_weights([weights[name] for name in names])
        return layer

    read = both_directions("characters/reader", 2)
    run = both_directions("recurrent_1", 4, return_sequences=True)

    def ids(tokens, vocabulary):
        return [vocabulary.index(t) + 4 if t in vocabulary else 1 for t in tokens]

    def vector(token):
        characters = weights["characters/embedding/embeddings"]
        return np.concatenate(
            [
                weights["words/embeddings"][ids([token], WORDS)[0]],
                weights["lowercase_words/embeddings"][
                    ids([token.lower()], LOWERCASE)[0]
                ],
                read(characters[ids(token, CHARACTERS)][None])[0],
            ]
        )

    for row in (0, 1, 3):
        tokens = [token for token in SENTENCES[row] if token]
        states = run(np.stack(list(map(vector, tokens)))[None])[0]
        expected = states @ weights["emissions/kernel"] + weights["emissions/bias"]
        found = model(tf.constant(SENTENCES))[row][MASK[row]]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_characters_are_read_once_for_each_distinct_word(monkeypatch):
    layer = CharacterFeatures(Vocabulary(CHARACTERS), "cnn", 3, 2)
    layer(tf.constant([["New"]]))
    rows = []
    read = layer.reader.call
    monkeypatch.setattr(
        layer.reader, "call", lambda x: rows.append(x.shape[0]) or read(x)
    )
    tokens = tf.constant([["York", "New", "New"] * 40] * 5)
    features = layer(tokens).numpy()
    assert rows == [2]
    np.testing.assert_array_equal(
        features[:, ::3], features[:1, :1].repeat(40, 1).repeat(5, 0)
    )


def test_characters_are_read_by_core_operations_and_learned_cell_by_cell(monkeypatch):
    layer = CharacterFeatures(Vocabulary(CHARACTERS), "rnn", 3, 2)
    tokens = tf.constant([["York", "New", ""]])
    layer(tokens)
    cell = layer.reader.forward_layer.cell
    steps = mock.Mock(wraps=cell.call)
    monkeypatch.setattr(cell, "call", steps)
    found = layer(tokens)
    assert not steps.called
    np.testing.assert_allclose(layer(tokens, training=True), found, atol=1e-6)
    assert steps.called


@pytest.mark.parametrize("kind", ["rnn", "cnn"])
def test_of_a_long_word_both_ends_are_read(kind):
    keras.utils.set_random_seed(1)  # of the few filters some may be of no use here
    layer = CharacterFeatures(
        Vocabulary(CHARACTERS), kind, 3, 9, "rnn", max_characters=6
    )
    words = ["Teddy" + middle + "vel" for middle in ("", "e" * 90, "s" * 90)]
    words += ["Tedde", "veddyevel"]
    same, *others = layer(tf.constant([words])).numpy()[0]
    np.testing.assert_allclose(others[:2], [same, same], atol=1e-6)
    for other in others[2:]:
        assert np.abs(other - same).max() > 1e-3


def test_a_word_that_is_spelled_as_a_special_token_is_unknown_and_no_padding():
    layer = WordIds(Vocabulary(WORDS), Vocabulary([*LOWERCASE, "<pad>"]))
    tokens = tf.constant([["<PAD>", "<UNK>", "<SOS>", "<EOS>", "Teddy", ""]])
    ids, lower = layer(tokens)
    assert ids.numpy().tolist() == [[1, 1, 1, 1, 4, 0]]
    assert lower.numpy().tolist() == [[4 + len(LOWERCASE), 1, 1, 1, 4, 0]]


def test_words_are_dropped_in_both_views_and_in_training_only():
    layer = WordIds(Vocabulary(WORDS), Vocabulary(LOWERCASE), dropout=0.3, seed=1)
    tokens = tf.constant([["Teddy", "bears", ""] * 500])
    ids, lower = layer(tokens)
    assert np.unique(ids[0, :3]).tolist() == [0, 4, 5]
    np.testing.assert_array_equal(lower[0, :3], [4, 5, 0])

    dropped, dropped_lower = layer(tokens, training=True)

    unknown = np.array(dropped == 1)
    np.testing.assert_array_equal(unknown, np.array(dropped_lower == 1))
    np.testing.assert_array_equal(dropped[~unknown], ids[~unknown])
    words = np.array(tokens != "")
    assert not unknown[~words].any()
    assert 0.25 < unknown[words].mean() < 0.35


def test_without_a_crf_each_tag_is_its_steps_likeliest():
    model = make(crf=False)
    result = model.tag_tokens(tf.constant(SENTENCES))
    emissions = np.asarray(model(tf.constant(SENTENCES)), "float64")
    exponentials = np.exp(emissions)
    probabilities = exponentials / exponentials.sum(axis=-1, keepdims=True)
    best = probabilities.argmax(axis=-1)
    expected = np.where(MASK, np.array(TAGS)[best], "")
    assert result["tags"].numpy().astype(str).tolist() == expected.tolist()
    scores = np.where(MASK, probabilities.max(axis=-1), 0)
    np.testing.assert_allclose(result["scores"], scores, atol=1e-6)


def test_with_a_crf_tags_obey_the_scheme_and_scores_are_marginals():
    model = make(scheme="iob2")
    model.set_weights([3 * weight for weight in model.get_weights()])
    result = model.tag_tokens(tf.constant(SENTENCES))
    tags = result["tags"].numpy().astype(str)
    np.testing.assert_array_equal(tags != "", MASK)
    for row, mask in zip(tags, MASK, strict=True):
        before = "O"
        for tag in row[mask]:
            assert tag[0] != "I" or before[2:] == tag[2:]
            before = tag
    mask = tf.constant(MASK)
    marginals = model.decoder.marginals(model(tf.constant(SENTENCES)), mask).numpy()
    places = [[TAGS.index(tag or "O") for tag in row] for row in tags]
    expected = np.take_along_axis(marginals, np.array(places)[..., None], axis=2)
    np.testing.assert_allclose(
        result["scores"], np.where(MASK, expected[..., 0], 0), atol=1e-6
    )


def test_metrics_see_the_best_tags():
    model = make()
    seen = []

    class Look(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append(y_pred)

    model.compile(metrics=[Look(name="look")], run_eagerly=True)
    sentences = tf.constant(SENTENCES)
    model.evaluate(sentences, np.minimum(targets(), 1), verbose=0)
    best = model.decode(model(sentences), tf.constant(MASK))
    np.testing.assert_array_equal(seen[0], best)


def test_tag_gives_tokens_with_their_places_in_the_text():
    texts = ["Teddy was in  New York.", "", "👍🏽 été: Ωmega"]
    result = {name: value.numpy() for name, value in make().tag(texts).items()}
    assert result["lengths"].tolist() == [6, 0, 4]
    for row, text in enumerate(texts):
        for step in range(result["tokens"].shape[1]):
            token = result["tokens"][row, step].decode()
            start, end = result["starts"][row, step], result["ends"][row, step]
            assert text[start:end] == token
            assert (token == "") == (step >= result["lengths"][row])
            assert (result["tags"][row, step] == b"") == (token == "")


def test_word_vectors_are_taken_over():
    model = make()
    before = model.get_layer("words").embeddings.numpy()
    vectors = np.arange(12, dtype="float32").reshape(3, 4)
    assert model.set_word_vectors(["York", "nowhere", "Teddy"], vectors) == 2
    after = model.get_layer("words").embeddings.numpy()
    places = [WORDS.index("York") + 4, WORDS.index("Teddy") + 4]
    np.testing.assert_array_equal(after[places], vectors[[0, 2]])
    others = np.setdiff1d(np.arange(len(before)), places)
    np.testing.assert_array_equal(after[others], before[others])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gruu"}, "cell must be one of"),
        ({"character_features": "lstm"}, "character_features must be one of"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"scheme": "bio"}, "iob2"),
        (
            {"tokenizer": WordTokenizer()},
            r"TokenizerWithOffsets does, .* WordTokenizer",
        ),
        ({"tokenizer": CharacterTokenizer()}, "found a CharacterTokenizer"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


@pytest.mark.parametrize("place", range(3))
def test_subwords_are_refused_for_words_are_looked_up_whole(place):
    subwords = Subwords([*(f"<0x{byte:02X}>" for byte in range(256)), "▁", "▁a"])
    vocabularies = [WORDS, LOWERCASE, CHARACTERS]
    vocabularies[place] = subwords
    with pytest.raises(ValueError, match="of Subwords holds pieces of words"):
        SequenceTagger(*vocabularies, TAGS)


def test_tags_are_strings_whatever_they_come_in():
    sizes = {"units": 2, "cell": "rnn", "character_features": "none"}
    made = SequenceTagger(WORDS, LOWERCASE, CHARACTERS, np.array(TAGS), **sizes)
    assert json.dumps(made.get_config()["tags"]) == json.dumps(TAGS)
    with pytest.raises(ValueError, match="tags must be strings, found 1"):
        SequenceTagger(WORDS, LOWERCASE, CHARACTERS, np.array([1, 2]), **sizes)


def test_one_tag_is_too_few():
    with pytest.raises(ValueError, match="Two tags or more"):
        SequenceTagger(WORDS, LOWERCASE, CHARACTERS, ["O"])


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_preset_gives_the_same_model_back(tmp_path):
    model = make(cell="gru", layers=2)
    model.save_to_preset(tmp_path / "preset")
    copy = presets.load(tmp_path / "preset")
    assert isinstance(copy, SequenceTagger)
    assert copy.get_config() == model.get_config()
    expected = model.tag_tokens(tf.constant(SENTENCES))
    for name, values in copy.tag_tokens(tf.constant(SENTENCES)).items():
        np.testing.assert_array_equal(values, expected[name])


TEXTS = {
    "one text": ["Teddy Roosevelt was in New York."],
    "texts": ["Teddy", "", "bears are\tbears.", "été 👍🏽, שלום"],
    "no text": [],
    "empty texts": ["", " "],
    "invalid UTF-8": [b"New \xff York"],
}
TOKENS = {
    "tokens": SENTENCES,
    "no sentence": np.zeros([0, 3], object),
    "no step": np.zeros([2, 0], object),
    "spaces in tokens": [["New York", " ", "\0"]],
    "one long sentence": [["Teddy", "was"] * 619],
}


@pytest.fixture(scope="module")
def served():
    return make(cell="lstm")


@pytest.fixture(scope="module")
def answers(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    served.export(folder / "tagger")
    calls = {"names": ("tagger", "tag_names", {})}
    for name, texts in TEXTS.items():
        calls[name] = "tagger", "serving_default", {"text": (texts, "string")}
    for name, tokens in TOKENS.items():
        shape = np.shape(tokens)
        inputs = {"tokens": (np.ravel(tokens).tolist(), "string", shape)}
        calls[name] = "tagger", "tag_tokens", inputs
    return plain_tensorflow.ask(folder, calls)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TEXTS, *TOKENS])
@pytest.mark.usefixtures("lean")
def test_plain_tensorflow_answers_as_the_model_does(name, served, answers):
    found = answers[0][name]
    assert isinstance(found, dict), found
    if name in TEXTS:
        expected = served.tag(tf.constant(TEXTS[name], tf.string))
    else:
        tokens = np.ravel(TOKENS[name]).tolist()
        tokens = tf.constant(tokens, tf.string, np.shape(TOKENS[name]))
        expected = served.tag_tokens(tokens)
    assert found.keys() == expected.keys()
    for output, values in found.items():
        assert values.shape == expected[output].shape
        if output == "scores":
            # Python and the export sum in other orders, over a thousand tokens too.
            np.testing.assert_allclose(values, expected[output], rtol=1e-4, atol=1e-5)
        else:
            assert values.tolist() == expected[output].numpy().tolist()


@pytest.mark.slow
def test_plain_tensorflow_knows_the_tags(answers):
    found, signatures = answers
    assert found["names"]["tag_names"].tolist() == [tag.encode() for tag in TAGS]
    names = ["names", "serving_default", "tag_names", "tag_tokens"]
    assert signatures == {"tagger": names}
