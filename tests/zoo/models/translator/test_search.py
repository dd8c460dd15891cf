"""Translations and their scores, against listing them all, and NumPy."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import draw_weights
from tests.zoo.models.translators import SIZE, in_numpy, make, subwords
from zoo import kernels, presets
from zoo.layers import coverage
from zoo.models import Translator
from zoo.models.translator import alignment, search

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

TEXTS = ["abc", "", "é?a", "b"]


@pytest.fixture(scope="module", params=["attention", "context", "copying"])
def model(request):
    if request.param == "context":
        return make(attention=None)
    if request.param == "copying":
        return make([*"xcb"], copying=True)
    return make(cell="lstm", input_feeding=True, attention="additive")


def letters_of(model):
    return model.target.vocabulary.ordinary_tokens


def ids_of(model, text):
    return model.source.encode(tf.constant([text])).numpy()[0]


def log_probability(model, text, ids):
    logs, alphas = in_numpy(model, ids_of(model, text), np.array([2, *ids[:-1]]))
    return logs[np.arange(len(ids)), ids].sum(), alphas


def listed(model, text, longest, alpha=0.0, beta=0.0):
    """Returns (score, log P, ids) of all translations there are, the best first."""
    letters = [i for i in range(SIZE) if i not in (0, 2, 3)]
    if not model.attends:
        letters.remove(1)
    found = []
    for length in range(longest):
        for ids in itertools.product(letters, repeat=length):
            ids = (*ids, 3)
            log, alphas = log_probability(model, text, ids)
            score = log / ((5 + len(ids)) / 6) ** alpha
            if beta:
                score += beta * np.log(np.minimum(alphas.sum(0), 1)).sum()
            found.append((score, log, ids))
    return sorted(found, reverse=True)


def written(model, text, ids):
    """Returns a translation, in which `<UNK>` is what it looked at most."""
    _, alphas = log_probability(model, text, ids)
    letters = dict(enumerate(letters_of(model), start=4))
    return "".join(
        letters.get(each) or text[alphas[t].argmax()] for t, each in enumerate(ids[:-1])
    )


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.0), (0.7, 0.2)])
def test_a_beam_as_wide_as_the_space_finds_the_best(model, alpha, beta):
    if beta and not model.attends:
        beta = 0.0
    found = model.translate(
        *(TEXTS, 64),
        **{"n_best": 5, "length_penalty": alpha, "coverage_penalty": beta},
        max_length=3,
    )
    for row, text in enumerate(TEXTS):
        if not text:
            continue
        expected = listed(model, text, 3, alpha, beta)[:5]
        for place, (score, log, ids) in enumerate(expected):
            np.testing.assert_allclose(found["scores"][row, place], score, atol=1e-4)
            logs = found["log_probabilities"][row, place]
            np.testing.assert_allclose(logs, log, atol=1e-4)
            translation = found["translations"][row, place].numpy().decode()
            assert translation == written(model, text, ids)


def test_a_hypothesis_score_is_the_models_own_log_probability(model):
    texts = [text for text in TEXTS if text]
    found = model.translate(texts, 4, n_best=3, length_penalty=0.0, max_length=6)
    np.testing.assert_array_equal(found["scores"], found["log_probabilities"])
    for place in range(3):
        translations = found["translations"][:, place]
        known = [
            set(t.decode()) <= set(letters_of(model)) for t in translations.numpy()
        ]
        scored = model.score(texts, translations)
        ended = scored["lengths"].numpy() <= 6
        np.testing.assert_allclose(
            scored["log_probability"][known & ended],
            found["scores"][:, place][known & ended],
            atol=1e-4,
        )


def test_scores_of_a_model_that_copies_are_the_dense_equation():
    model = make([*"xcb"], copying=True)
    texts, translations = ["bcbb", "cc?", "abcabcab"], ["bcb", "ccc", "x"]
    how = {"n_best": 5, "length_penalty": 0.0, "max_length": 4}
    found = model.translate(texts, 64, **how)
    scored = model.score(texts, translations)["log_probability"]
    for row, text in enumerate(texts):
        expected = [log for _, log, _ in listed(model, text, 4)[:5]]
        for name in ("scores", "log_probabilities"):
            np.testing.assert_allclose(found[name][row], expected, atol=1e-4)
        ids = [4 + letters_of(model).index(c) for c in translations[row]] + [3]
        expected, _ = log_probability(model, text, ids)
        np.testing.assert_allclose(scored[row], expected, atol=1e-4)


def test_one_beam_is_greedy(model):
    found = model.translate(TEXTS, beam=1, max_length=5, length_penalty=1.0)
    for row, text in enumerate(TEXTS):
        if not text:
            continue
        ids, total = [], 0.0
        while len(ids) < 5 and 3 not in ids:
            logs, _ = in_numpy(model, ids_of(model, text), np.array([2, *ids]))
            logs = logs[-1]
            best = logs.copy()
            best[1] = best[1] if model.attends else -np.inf
            ids.append(int(best.argmax()))
            total += logs[ids[-1]]
        np.testing.assert_allclose(found["score"][row], total, atol=1e-4)
        ids = ids if ids[-1] == 3 else [*ids, 3]
        translation = found["translation"][row].numpy().decode()
        assert translation == written(model, text, ids)


def test_a_texts_translation_is_the_same_whatever_the_others_are(model):
    whole = model.translate(TEXTS, n_best=2, length_penalty=0.8)
    for row, text in enumerate(TEXTS):
        alone = model.translate([text], n_best=2, length_penalty=0.8)
        for name in ("translations", "scores"):
            if alone[name].dtype == tf.string:
                assert (
                    alone[name][0].numpy().tolist() == whole[name][row].numpy().tolist()
                )
            else:
                np.testing.assert_allclose(alone[name][0], whole[name][row], rtol=1e-4)


NOISE = ["abc" * 60, "é?a?" * 40, "a" * 150]


def test_noise_beside_a_text_changes_nothing_of_its_translation(model):
    texts = [*TEXTS[:2], NOISE[0], *TEXTS[2:], *NOISE[1:]]
    how = {"n_best": 2, "attention": model.attends}
    whole = model.translate(texts, **how)
    scored = model.score(texts, texts[::-1])
    for row, text in enumerate(texts):
        alone = model.translate([text], **how)
        assert (alone["translations"] == whole["translations"][row]).numpy().all()
        np.testing.assert_allclose(alone["scores"][0], whole["scores"][row], rtol=1e-4)
        if model.attends:
            found = alone["attention"][0].numpy()
            here = whole["attention"][row].numpy()
            places = tuple(map(slice, found.shape))
            np.testing.assert_allclose(here[places], found, atol=1e-5)
            assert here.sum() == pytest.approx(found.sum(), rel=1e-4)
        log = model.score([text], [texts[-1 - row]])["log_probability"]
        np.testing.assert_allclose(scored["log_probability"][row], log[0], rtol=1e-4)


def test_a_batch_takes_the_steps_that_its_texts_take_by_themselves(monkeypatch):
    model = make(attention="general")
    taken = []
    stepper = model.stepper

    def counting(beams):
        step = stepper(beams)

        def take(ids, state, memory):
            taken.append((len(ids), len(ids) * memory.mask.shape[1]))
            return step(ids, state, memory)

        return take

    def rows_and_weights(texts):
        taken.clear()
        with kernels.portable():
            search.translate(model, tf.constant(texts), 2, 1)
        return np.sum(taken, axis=0)

    monkeypatch.setattr(model, "stepper", counting)
    monkeypatch.setattr(search, "SHORT", 4)
    alone = 40 * rows_and_weights(["abc"]) + sum(rows_and_weights([n]) for n in NOISE)
    assert (rows_and_weights([*40 * ["abc"], *NOISE]) <= 2 * alone).all()


def test_a_translations_length_is_bounded_by_its_own_texts():
    model = make(attention="general")
    model.softmax.bias.assign(model.softmax.bias - 20.0 * tf.one_hot(3, SIZE))
    lengths = np.array([0, 1, 400, 475, 476, 2**31 - 1], "int32")
    limits = search.default_limit(tf.constant(lengths)).numpy()
    assert limits.tolist() == [50, 52, 850, 1000, 1000, 1000]
    texts = ["abc", "", "b", "é?a"]
    found = model.translate(texts, beam=2, max_length=[4, 7, 0, 2], attention=True)
    assert (found["tokens"].numpy() != b"").sum(1).tolist() == [4, 0, 0, 2]
    found = model.translate(texts, beam=2, max_length=np.array([2, -1, 3, -1]))
    alone = model.translate(["é?a"], beam=2)
    assert found["translation"][3] == alone["translation"][0]
    penalties = {"length_penalty": [0, 1, 2, 0.5], "coverage_penalty": [0, 1, 0, 2]}
    found = model.translate(texts, **penalties, max_length=6)
    for row, text in enumerate(texts):
        own = {name: values[row] for name, values in penalties.items()}
        alone = model.translate([text], **own, max_length=6)
        assert alone["translation"][0] == found["translation"][row]
        np.testing.assert_allclose(alone["score"][0], found["score"][row], rtol=1e-4)


def test_what_goes_in_circles_is_ended():
    model = make(attention="general", units=8)
    model.softmax.bias.assign(40.0 * tf.one_hot(5, SIZE) + 20.0 * tf.one_hot(3, SIZE))
    for beam in (1, 4):
        found = model.translate(["abc" * 20], beam)["translation"]
        assert found.numpy().tolist() == [b"y" * search.CYCLES.tokens]


def test_attention_is_told_of_so_many_tokens_and_no_more(monkeypatch):
    kinds = [make(attention="general"), make(attention="dot", level="character")]
    for model in kinds:
        model.softmax.bias.assign(model.softmax.bias - 20.0 * tf.one_hot(3, SIZE))
        texts = ["abcab", "c"]
        whole = model.translate(texts, beam=1, max_length=6, attention=True)
        with monkeypatch.context() as patch:
            patch.setattr(alignment, "MOST_TOKENS", 3)
            with kernels.portable():
                how = 1, 1, 0, 0, 6, True
                found = search.translate(model, tf.constant(texts), *how)
        assert found["attention"].shape == (2, 3, 3)
        expected = whole["attention"][:, :3, :3]
        np.testing.assert_allclose(found["attention"], expected, atol=1e-6)
        assert (found["tokens"] == whole["tokens"]).numpy().all()


def test_the_models_own_penalties_are_searched_with_unless_others_are_given():
    model = make(cell="lstm", attention="additive")
    texts = [text for text in TEXTS if text]
    keys = "length_penalty", "coverage_penalty"

    def scores(**given):
        return model.translate(texts, 3, n_best=3, max_length=6, **given)["scores"]

    for values in ((1.5, 0.7), (0.0, 0.2)):
        expected = scores(**dict(zip(keys, values, strict=True)))
        assert np.abs(expected - scores()).max() > 1e-3
        model.search_with(*values)
        np.testing.assert_array_equal(scores(), expected)
        other = Translator.from_config(model.get_config())
        assert [other.config[key] for key in keys] == list(values)
    with pytest.raises(ValueError, match="length_penalty` must be 0 or more"):
        model.search_with(-1.0, 0.0)
    with pytest.raises(ValueError, match="it needs attention"):
        make(attention=None).search_with(1.0, 0.1)
    with pytest.raises(ValueError, match="it needs attention"):
        make(attention=None, coverage_penalty=0.1)


def test_an_empty_text_stays_empty_and_no_texts_are_none(model):
    found = model.translate(["", ""], n_best=2)
    assert found["translations"].numpy().tolist() == [[b"", b""], [b"", b""]]
    np.testing.assert_array_equal(found["score"], [0, 0])
    nothing = model.translate(tf.constant([], tf.string))
    assert nothing["translation"].shape == (0,)
    assert model.score(tf.constant([], tf.string), [])["log_probability"].shape == (0,)
    none = model.translate(["ab"], max_length=0)
    assert none["translation"].numpy().tolist() == [b""]


def test_scores_are_the_equations_over_many_windows(model):
    letters = letters_of(model)
    texts = ["abc", "b", "aé"]
    translations = ["".join(letters) * 25, "", f"{letters[1]}?"]
    scored = model.score(texts, translations)
    for row, (text, known) in enumerate(zip(texts, translations, strict=True)):
        ids = [4 + letters.index(c) if c in letters else 1 for c in known] + [3]
        expected, _ = log_probability(model, text, ids)
        # Spellings apart, which perplexities don't have.
        found = -np.log(scored["perplexity"][row]) * len(ids)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert scored["lengths"][row] == len(ids)
        np.testing.assert_allclose(
            scored["perplexity"][row], np.exp(-expected / len(ids)), rtol=1e-4
        )
    assert scored["tokens"][2].numpy().tolist()[:4] == [
        *(letters[1].encode(), b"<UNK>", b"<EOS>", b"")
    ]


def test_attention_is_read_for_every_token_of_the_translation():
    model = make(attention="general")
    never_ends = model.softmax.bias - 20.0 * tf.one_hot(3, SIZE)
    model.softmax.bias.assign(never_ends)
    found = model.translate(TEXTS, max_length=6, attention=True)
    assert found["source_tokens"][2].numpy().tolist() == [x.encode() for x in "é?a"]
    is_token = found["tokens"].numpy() != b""
    assert is_token.sum(axis=1).tolist() == [6, 0, 6, 6]
    source = found["source_tokens"].numpy() != b""
    attention = found["attention"].numpy()
    np.testing.assert_array_equal(attention > 0, is_token[..., None] & source[:, None])
    np.testing.assert_allclose(attention.sum(axis=-1), is_token, atol=1e-5)
    received = coverage(attention, source, is_token).received
    np.testing.assert_allclose(tf.reduce_sum(received, 1), is_token.sum(1), rtol=1e-5)


def test_an_unknown_word_is_copied_from_where_attention_looked():
    words = Translator(["the", "dog"], ["der", "Hund"], units=4, embedding_units=3)
    words.softmax.bias.assign(20.0 * tf.one_hot(1, 6))
    found = words.translate(["Zoë", "Zoë Quux"], beam=1, max_length=3)
    assert found["translation"][0] == "Zoë Zoë Zoë"
    assert set(found["translation"][1].numpy().decode().split()) <= {"Zoë", "Quux"}
    without = Translator(
        *(["the"], ["der", "Hund"]), units=4, embedding_units=3, attention=None
    )
    without.softmax.bias.assign(20.0 * tf.one_hot(1, 6))
    found = without.translate(["Zoë"], beam=1, max_length=3)
    assert b"<UNK>" not in found["translation"][0].numpy()


def test_words_are_joined_as_they_are_written():
    words = Translator(["a"], ["Hallo", ",", "Hund", "!"], units=4, embedding_units=3)
    ids = tf.constant([[2, 4, 5, 6, 7, 3, 0]])
    assert words.target.decode(ids).numpy().tolist() == [b"Hallo, Hund!"]
    assert words.target.encode(["Hallo, hund!"]).to_list() == [[4, 5, 1, 7]]


def test_subwords_are_cut_joined_and_never_unknown(tmp_path):
    model = Translator(
        *(2 * [subwords()]),
        **{"level": "subword", "units": 4, "embedding_units": 3, "shared": True},
    )
    draw_weights(model)
    wanted = 9.0 * tf.one_hot([1, 260, 261, 264], len(model.target.vocabulary))
    model.softmax.bias.assign(tf.reduce_sum(wanted, axis=0))
    found = model.translate(["ab cé", ""], beam=2, max_length=4, attention=True)
    pieces = [piece.encode() for piece in ["▁ab", "▁", "c", "<0xC3>", "<0xA9>"]]
    assert found["source_tokens"][0].numpy().tolist() == pieces
    written = b"".join(found["tokens"][0].numpy()).decode().replace("▁", " ")
    assert written.removeprefix(" ") == found["translation"][0].numpy().decode()
    assert found["attention"].shape == (2, 4, 5)
    assert "<UNK>" not in written
    assert found["translation"][1] == ""

    model.save_to_preset(tmp_path / "preset")
    copy = presets.load(tmp_path / "preset")
    assert copy.get_config() == model.get_config()
    again = copy.translate(["ab cé"], beam=2, max_length=4)
    assert again["translation"][0] == found["translation"][0]


def reversals(rows, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, rows)
    x = rng.integers(4, 8, [rows, 5]) * (np.arange(5) < lengths[:, None])
    y = np.zeros([rows, 6], int)
    for row, length in enumerate(lengths):
        y[row, : length + 1] = [*x[row, :length][::-1], 3]
    return x.astype("int32"), y.astype("int32")


def test_fit_learns_to_reverse_and_a_preset_remembers(tmp_path):
    keras.utils.set_random_seed(2)
    model = Translator(
        *([*"abcd"], [*"abcd"]),
        level="character",
        units=48,
        embedding_units=16,
    )
    model.compile(keras.optimizers.Adam(0.01))
    x, y = reversals(2048, 0)
    model.fit((x, model.inputs(y)), y, batch_size=64, epochs=8, verbose=0)
    x, y = reversals(100, 1)
    texts = model.target.decode(x)
    found = model.translate(texts, beam=2)
    expected = [text.decode()[::-1] for text in texts.numpy()]
    right = [
        one.decode() == other
        for one, other in zip(found["translation"].numpy(), expected, strict=True)
    ]
    assert np.mean(right) > 0.95

    model.save_to_preset(tmp_path / "preset")
    copy = presets.load(tmp_path / "preset")
    assert isinstance(copy, Translator)
    assert copy.get_config() == model.get_config()
    again = copy.translate(texts, beam=2)
    assert (
        again["translation"].numpy().tolist() == found["translation"].numpy().tolist()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam": 0}, "`beam` must be 1 or more, found 0"),
        ({"beam": 1.5}, "`beam` must be a whole number, found 1.5"),
        ({"beam": [2, 3]}, r"`beam` must be one number, found \[2, 3\]"),
        ({"n_best": 5}, "`n_best` must be from 1 to `beam`, 4, found 5"),
        ({"coverage_penalty": -1.0}, "must be 0 or more, found -1.0"),
        ({"coverage_penalty": np.nan}, "must be 0 or more, found nan"),
        ({"length_penalty": -0.5}, "`length_penalty` must be 0 or more, found -0.5"),
        ({"length_penalty": [0.5, np.nan]}, "must be 0 or more, found nan"),
        ({"length_penalty": np.inf}, "`length_penalty` must be .* finite, found inf"),
        ({"max_length": -2}, "`max_length` must be 0 or more, found -2"),
        ({"max_length": [3, -2]}, "`max_length` must be -1 or more, found -2"),
        ({"coverage_penalty": 0.2}, "about attention, which this model has none of"),
    ],
)
def test_wrong_number_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(attention=None).translate(["a"], **arguments)


def test_whole_numbers_may_be_numpys():
    model = make()
    expected = model.translate(["ab"], 2)["translation"].numpy()
    for beam in (np.int64(2), 2.0, tf.constant(2)):
        assert model.translate(["ab"], beam)["translation"].numpy() == expected


SENTENCES = {
    "ab. Cab! Éc?": ["ab.", "Cab!", "Éc?"],
    "abc": ["abc"],
    "": [],
    " \n ": [],
    "c.\nBa": ["c.", "Ba"],
    " ab ": [" ab "],
}


def with_sentences(kind):
    arguments = {"units": 6, "cell": "lstm", "sentences": "split"}
    if kind == "context":
        arguments["attention"] = None
    return make(**arguments)


@pytest.mark.parametrize("kind", ["attention", "context"])
def test_the_sentences_of_a_text_are_translated_one_by_one(kind):
    model = with_sentences(kind)
    how = {"beam": 3, "n_best": 3, "max_length": 5, "attention": model.attends}
    whole = model.translate(list(SENTENCES), **how)
    every = [sentence for parts in SENTENCES.values() for sentence in parts]
    model.config["sentences"] = None
    single = make(**{**model.config, "level": "character"})
    single.set_weights(model.get_weights())
    alone = {each: single.translate([each], **how) for each in every}
    for row, parts in enumerate(SENTENCES.values()):
        options = [
            [(s, t.decode()) for s, t in zip(*map(np.ravel, pair), strict=True)]
            for pair in (
                (alone[part]["scores"].numpy(), alone[part]["translations"].numpy())
                for part in parts
            )
        ]
        combined = [
            (sum(s for s, _ in each), " ".join(t for _, t in each if t))
            for each in itertools.product(*options)
        ]
        scores = sorted((score for score, _ in combined), reverse=True)
        scores = [*scores, -np.inf, -np.inf][:3]
        np.testing.assert_allclose(whole["scores"][row], scores, rtol=1e-4)
        best = " ".join(t for t in (o[0][1] for o in options) if t)
        assert whole["translation"][row].numpy().decode() == best
        texts = {text for score, text in combined if np.isfinite(score)}
        found = whole["translations"][row].numpy()[np.isfinite(scores)]
        assert {each.decode() for each in found} <= texts
        if kind == "context":
            continue
        tokens = [t for p in parts for t in alone[p]["tokens"].numpy()[0] if t]
        assert [t for t in whole["tokens"].numpy()[row] if t] == tokens
        attention = whole["attention"].numpy()[row]
        y = x = 0
        for part in parts:
            block = alone[part]["attention"].numpy()[0]
            place = slice(y, y + block.shape[0]), slice(x, x + block.shape[1])
            np.testing.assert_allclose(attention[place], block, atol=1e-5)
            attention[place] = 0
            y, x = y + block.shape[0], x + block.shape[1]
        assert not attention.any()


def test_sentences_are_scored_pairwise_where_there_are_as_many():
    model, single = with_sentences("attention"), with_sentences("attention")
    single.config["sentences"] = None
    single.set_weights(model.get_weights())
    scored = model.score(["ab. Cab.", "ab. Cab.", ""], ["xx. Xy.", "xy", "z. Z"])
    parts = single.score(["ab.", "Cab."], ["xx.", "Xy."])
    whole = single.score(["ab. Cab.", ""], ["xy", "z. Z"])
    log = parts["log_probability"].numpy().sum()
    np.testing.assert_allclose(scored["log_probability"][0], log, rtol=1e-5)
    np.testing.assert_allclose(
        scored["log_probability"][1:], whole["log_probability"], rtol=1e-5
    )
    assert scored["lengths"].numpy().tolist() == [8, 3, 5]
    ends = scored["tokens"][0].numpy().tolist()
    assert [place for place, token in enumerate(ends) if token == b"<EOS>"] == [3, 7]
    # Of four tokens each.
    mean = np.mean(np.log(parts["perplexity"]))
    np.testing.assert_allclose(scored["perplexity"][0], np.exp(mean), rtol=1e-4)


def test_a_config_from_before_takes_texts_as_they_are():
    config = make().get_config()
    del config["sentences"]
    old = Translator.from_config(config)
    assert old.sentences is None
    assert Translator.from_config({**config, "sentences": "split"}).sentences == "split"
    with pytest.raises(ValueError, match="sentences"):
        Translator.from_config({**config, "sentences": "words"})


def test_an_unknown_word_of_a_translation_costs_what_its_spelling_costs():
    known = [*"abc"]
    model = Translator(known, known, level="word", units=2, embedding_units=2)
    draw_weights(model)
    texts, translations = ["a b", "a", ""], ["b zz a", "c", ""]
    found = {k: v.numpy() for k, v in model.score(texts, translations).items()}
    assert np.argwhere(found["unknown"]).tolist() == [[0, 1]]
    total = 3 + 3 + 3 + 2
    spelled = -2 * np.log(total * 0x110000) + np.log(4 / total)
    lengths = found["lengths"].astype("float64")
    as_tokens = -np.log(found["perplexity"]) * lengths
    as_words = as_tokens + np.array([spelled, 0, 0])
    np.testing.assert_allclose(found["log_probability"], as_words, rtol=1e-5)
    np.testing.assert_allclose(
        found["log_probabilities"].sum(1), found["log_probability"], rtol=1e-5
    )
    ids = [model.target.vocabulary.tokens.index(t) for t in ("b", "<UNK>", "a")]
    expected, _ = log_probability(model, "a b", np.array([*ids, 3]))
    np.testing.assert_allclose(as_tokens[0], expected, rtol=1e-4)
