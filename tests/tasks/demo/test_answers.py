"""What the tabs answer is what the models say, and mistakes are told in sentences."""

import contextvars
import inspect
import itertools
import threading

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("gradio")

import gradio as gr
import keras

from tasks.cli import outputs
from tasks.demo import controls, music, ner, sentiment, text, translation
from tasks.demo.models import Models, Preset
from tasks.errors import UserError
from tasks.music.commands import Opened
from tasks.music.midi_files import Grid
from tasks.sentiment import explanation
from tests.tasks.music import small_presets
from tests.tasks.spoilt import spoil
from tests.zoo.models import language_models, translators
from zoo.models import LanguageModel, SequenceClassifier, SequenceTagger
from zoo.music import read_midi, write_midi


def serving(template, model):
    """Returns models with one preset, "small", that needs no folder."""
    models = Models([Preset("small", None, template)])
    models.register(template, lambda folder: model)
    return models


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(1)
    return SequenceClassifier(
        ["good", "bad"], ["no", "yes"], embedding_units=4, units=4
    )


@pytest.fixture(scope="module")
def writer():
    keras.utils.set_random_seed(1)
    words = ["the", "cat", "cats", "was", "were", "full", ","]
    return LanguageModel(words, level="word", units=4, embedding_units=4, cell="lstm")


@pytest.fixture(scope="module")
def tagger():
    keras.utils.set_random_seed(1)
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    return SequenceTagger(["ann"], ["ann"], ["a", "n"], tags, units=4)


@pytest.fixture(scope="module")
def composer():
    return Opened("small", small_presets.model(), Grid(), False)


def test_classes_are_the_models_and_the_marked_text_is_the_text(classifier):
    given = "A good film,\n not  a bad one"
    models = serving("sentiment", classifier)
    classes, marked, rows = sentiment.classify(models, "small", given)
    expected = classifier.classify([given])["probabilities"].numpy()[0]
    assert list(classes) == ["no", "yes"]
    np.testing.assert_allclose(list(classes.values()), expected, atol=1e-6)
    assert "".join(part for part, _ in marked) == given
    assert {label for _, label in marked} <= {None, "no", "yes"}
    strongest = max(rows, key=lambda row: row[2])
    assert (strongest[0], strongest[1]) in marked
    assert rows == sorted(rows, key=lambda row: -row[2])


def test_a_word_that_speaks_against_all_labels_is_listed_for_none():
    keras.utils.set_random_seed(1)
    model = SequenceClassifier(
        ["good", "bad"], ["spam"], multi_label=True, embedding_units=4, units=4
    )
    given = "A good film, not a bad one"
    _, marked, rows = sentiment.classify(serving("sentiment", model), "small", given)
    spans = explanation.occlusion(model, given)
    listed = [span for span in spans if span.effect >= 0]
    assert len(listed) < len(spans)
    assert sorted(row[0] for row in rows) == sorted(
        given[span.start : span.end] for span in listed
    )
    assert "".join(part for part, _ in marked) == given


def test_names_are_the_taggers_and_stand_where_the_rows_say(tagger):
    given = "Ann, ann  and 😀 Ann"
    marked, rows = ner.tag(serving("ner", tagger), "small", given)
    assert "".join(part for part, _ in marked) == given
    found = {key: value.numpy()[0] for key, value in tagger.tag([given]).items()}
    assert {start for *_, start, _ in rows} <= set(found["starts"].tolist())
    beginnings = sum(tag.startswith(b"B-") for tag in found["tags"])
    assert len(rows) >= beginnings
    for name, label, probability, start, end in rows:
        assert given[start:end] == name
        assert (name, f"{label} {probability:.0%}") in marked


def test_a_text_is_written_token_by_token_as_the_model_draws_it(writer):
    models = serving("text", writer)
    drawn = list(text.write(models, "small", "the cat", 12, 0.9, 3, 0.95, 7))
    how = {"temperature": 0.9, "top_k": 3, "top_p": 0.95, "seed": 7}
    [rest] = writer.generate(["the cat"], 12, **how).numpy()
    assert drawn[0][0] == "the cat"
    written = drawn[-1][0]
    assert written.replace(" ", "") == "thecat" + rest.decode().replace(" ", "")
    assert len({shown for shown, _ in drawn}) > 6
    assert all(notes[-1] == "drawn with seed 7." for _, notes in drawn)
    for (before, _), (after, _) in itertools.pairwise(drawn):
        assert after.startswith(before)


def test_a_text_may_be_written_by_a_thread_a_piece_and_stopped(writer):
    pieces = text.write(serving("text", writer), "small", "the", 500, 1, 0, 1, 1)

    def in_a_thread(run):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(run,))
        thread.start()
        thread.join()

    shown = []
    for _ in range(4):
        in_a_thread(lambda: shown.append(next(pieces)[0]))
    in_a_thread(pieces.close)
    assert len(shown) == 4
    assert list(pieces) == []


def test_of_two_texts_the_more_probable_one_comes_first(writer):
    texts = ["the cat was full", "full full , was"]
    [rows] = text.rank(serving("text", writer), "small", *texts)
    order = writer.rank(texts).numpy()
    assert [row[0] for row in rows] == [texts[place] for place in order]
    scored = writer.score(texts)["log_probability"].numpy()[order]
    np.testing.assert_allclose([row[1] for row in rows], scored, atol=6e-3)
    assert text.rank(serving("text", writer), "small", "the dog", "the cat")[0][1][4]


def test_gates_are_drawn_and_words_compared(writer):
    pytest.importorskip("matplotlib")
    models = serving("text", writer)
    picture, rows = text.gates(models, "small", "the cats were full", "was,  were,was")
    with open(picture, "rb") as file:
        assert file.read(4) == b"\x89PNG"
    assert [row[0] for row in rows] == ["was", "were"]
    score = writer.score(["the cats was full"])["log_probability"].numpy()[0]
    assert rows[0][2] == pytest.approx(score, abs=1e-3)


def test_as_many_words_are_compared_as_are_allowed_and_no_more(writer):
    pytest.importorskip("matplotlib")
    models, words = serving("text", writer), [f"w{number}" for number in range(21)]
    _, rows = text.gates(models, "small", "the cat", ",".join([*words[:20], "w3"]))
    assert [row[0] for row in rows] == words[:20]
    with pytest.raises(UserError, match=r"At most 20 words .* found 21\."):
        text.gates(models, "small", "the cat", ",".join(words))


def test_music_is_what_the_model_draws(composer):
    pytest.importorskip("pretty_midi")
    models = serving("music", composer)
    with outputs.collected() as told:
        picture, wav, midi, _ = music.compose(models, "small", "C E G", None, 24, 1, 5)
    start = read_midi(midi).roll[:1]
    [roll], [length] = composer.model.generate(start[None], 24, seed=5)
    np.testing.assert_array_equal(read_midi(midi).roll, roll.numpy()[: int(length)])
    assert told.notes == ["drawn with seed 5"]
    for path, begins in ((picture, b"\x89PNG"), (wav, b"RIFF")):
        with open(path, "rb") as file:
            assert file.read(4) == begins


@pytest.mark.parametrize("harmonized", [False, True])
def test_a_file_is_gone_on_with_or_harmonized_and_stays(composer, tmp_path, harmonized):
    pytest.importorskip("pretty_midi")
    given = np.zeros((16, 88), np.uint8)
    given[:, 60] = 1
    path = tmp_path / "a melody.mid"
    write_midi(given, path)
    models = serving("music", composer)
    if harmonized:
        _, _, midi, _ = music.harmonize(models, "small", str(path), seed=3)
        assert midi.endswith("/a melody-harmonized.mid")
    else:
        _, _, midi, _ = music.compose(models, "small", "", str(path), 8, seed=3)
        assert midi.endswith("/a melody-continued.mid")
    roll = read_midi(midi).roll
    np.testing.assert_array_equal(roll[:16, 60], given[:, 60])
    if not harmonized:
        np.testing.assert_array_equal(roll[:16], given)


def test_a_melody_has_no_more_steps_than_are_drawn_here(composer, tmp_path):
    pytest.importorskip("pretty_midi")
    given = np.zeros((1001, 88), np.uint8)
    given[:, 60] = 1
    write_midi(given, tmp_path / "long.mid")
    models = serving("music", composer)
    told = r"^long\.mid has 1,001 time steps, and 1,000 are harmonized here at most\."
    with pytest.raises(UserError, match=told):
        music.harmonize(models, "small", str(tmp_path / "long.mid"))


class Translating:
    """Says what a translator of "Hund" would."""

    attends = True

    def translate(self, texts, n_best, **how):
        assert texts.numpy().tolist() == [b"Hund"]
        return {
            "translations": tf.constant([["dog", "a dog", "", ""]]),
            "scores": tf.constant([[-1.0, -2.0, -np.inf, -np.inf]]),
            "log_probabilities": tf.constant([[-1.5, -2.5, -np.inf, -np.inf]]),
            "attention": tf.constant([[[0.7, 0.3]]]),
            "tokens": tf.constant([["dog"]]),
            "source_tokens": tf.constant([["Hu", "nd"]]),
        }


def test_translations_are_the_models_as_many_as_there_are(figures):
    models = serving("translation", Translating())
    best, rows, picture = translation.translate(models, "small", "Hund", 3)
    assert (best, picture[-4:]) == ("dog", ".png")
    assert rows == [["dog", -1.0, -1.5], ["a dog", -2.0, -2.5]]
    weights = figures[0].axes[0].images[0].get_array()
    np.testing.assert_allclose(weights, [[0.7, 0.3]])
    assert translation.translate(models, "small", "Hund", 1)[1] == rows[:1]


def small_writer():
    return language_models.make(cell="gru")


def small_composer():
    return Opened("small", small_presets.own(), Grid(), False)


def small_tagger():
    return SequenceTagger(["ann"], ["ann"], ["a", "n"], ["O", "B-PER", "I-PER"])


def small_classifier():
    return SequenceClassifier(["good"], ["no", "yes"], embedding_units=2, units=2)


@pytest.mark.parametrize(
    ("template", "make", "function", "given"),
    [
        ("sentiment", small_classifier, sentiment.classify, ["good"]),
        ("ner", small_tagger, ner.tag, ["Ann"]),
        ("text", small_writer, text.write, ["ab", 5]),
        ("text", small_writer, text.rank, ["ab", "b"]),
        ("text", small_writer, text.gates, ["ab", "a, b"]),
        ("music", small_composer, music.compose, ["", None, 8]),
        ("translation", translators.make, translation.translate, ["ab"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_model_that_answers_nan_is_told(template, make, function, given):
    model = make()
    spoil(getattr(model, "model", model))
    answer = controls._streaming if function is text.write else controls._answering
    models = serving(template, model)
    asked = answer(controls.Tab(models, template, "small"), function)
    _, _, *own = inspect.signature(function).parameters.values()
    others = [each.default for each in own[len(given) :]]
    with pytest.raises(gr.Error) as caught:
        list(asked("small", *given, *others, lambda *_, **__: None))
    told = "small gives NaN for probabilities, as a model does whose training has"
    assert caught.value.message.startswith(told)


@pytest.mark.parametrize("given", ["", " \n\t", None])
def test_nothing_is_asked_for_in_a_sentence(classifier, given):
    with pytest.raises(UserError, match=r"^There is no text yet: write one\.$"):
        sentiment.classify(serving("sentiment", classifier), "small", given)


def test_ten_megabytes_are_refused_before_they_are_read(classifier):
    with pytest.raises(UserError, match=r"at most 20,000 characters .* 10,000,000"):
        sentiment.classify(serving("sentiment", classifier), "small", "x" * 10**7)


@pytest.mark.parametrize("given", ["\0", "e\u0301", "👩‍👩‍👧", "\u202e‮ab", "<b>&amp;"])
def test_any_text_is_marked_as_it_is(classifier, tagger, given):
    models = serving("sentiment", classifier)
    _, marked, _ = sentiment.classify(models, "small", given)
    assert "".join(part for part, _ in marked) == given
    marked, _ = ner.tag(serving("ner", tagger), "small", given)
    assert "".join(part for part, _ in marked) == given


def test_half_a_character_is_refused(classifier):
    with pytest.raises(UserError, match="half of a surrogate pair"):
        sentiment.classify(serving("sentiment", classifier), "small", "a\ud800")


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"length": -1}, "--length must be at least 0"),
        ({"length": 1.5}, "--length must be a whole number, found 1.5"),
        ({"length": None}, "--length must be a whole number"),
        ({"length": float("nan")}, "--length must be a whole number"),
        ({"length": 10**6}, "at most 1,000 tokens can be drawn here"),
        ({"temperature": float("nan")}, "--temperature must be at least 0"),
        ({"temperature": None}, "--temperature must be a number, found None"),
        ({"top_p": None}, "--top-p must be a number, found None"),
        ({"top_k": -1}, "--top-k must be at least 0"),
        ({"top_p": 0}, "--top-p must be in"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"seed": 2**64}, "--seed must be in"),
    ],
)
def test_numbers_out_of_range_are_told(writer, numbers, told):
    with pytest.raises(UserError, match=told):
        next(text.write(serving("text", writer), "small", "", **numbers))


def test_a_file_that_is_no_midi_is_told_without_the_pages_folders(composer, tmp_path):
    models = serving("music", composer)
    path = tmp_path / "song.mid"
    path.write_bytes(b"ID3 and more")
    for ask in (music.harmonize, lambda m, p, f: music.compose(m, p, "", f)):
        with pytest.raises(UserError, match=r"^song\.mid .*MP3 file") as caught:
            ask(models, "small", str(path))
        assert str(tmp_path) not in str(caught.value)
    path.write_bytes(b"MThd" + bytes(2**20))
    with pytest.raises(UserError, match=r"^song\.mid has 1\.0 MB"):
        music.harmonize(models, "small", str(path))
    with pytest.raises(UserError, match="not both"):
        music.compose(models, "small", "C E G", str(path))
    with pytest.raises(UserError, match="--steps: at most"):
        music.compose(models, "small", "", None, 10**6)
    with pytest.raises(UserError, match="--temperature must be a number, found None"):
        music.compose(models, "small", temperature=None)
    with pytest.raises(UserError, match="A chord of at most 20,000 characters"):
        music.compose(models, "small", "C " * 10**6)
    with pytest.raises(UserError, match="There is no MIDI file yet"):
        music.harmonize(models, "small", None)


def asked(function, models, *given):
    """Returns what Gradio is given when it calls a tab's function."""
    tab = controls.Tab(models, "sentiment", "small")
    return controls._answering(tab, function)(*given, lambda *_, **__: None)


def test_mistakes_and_faults_become_sentences_in_plain_letters(classifier, capsys):
    models = serving("sentiment", classifier)

    def mistaken(models, preset, given):
        raise UserError(f"There is no {given!r} & such.")

    def faulty(models, preset, given):
        raise KeyError("inner")

    with pytest.raises(gr.Error) as caught:
        asked(mistaken, models, "small", "<img onerror=x>")
    assert caught.value.message == "There is no '&lt;img onerror=x&gt;' &amp; such."
    assert capsys.readouterr().err == ""
    with pytest.raises(gr.Error, match="a fault of its own") as caught:
        asked(faulty, models, "small", "x")
    assert "inner" not in caught.value.message
    assert "KeyError" in capsys.readouterr().err


def test_time_and_notes_stand_behind_an_answer(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def load(folder):
        now[0] += 3
        return "model"

    def noting(models, preset, given):
        models.get(preset, "sentiment")
        now[0] += 0.25
        outputs.note("no *such* <b>")
        return (given,)

    models = Models([Preset("small", None, "sentiment")])
    models.register("sentiment", load)
    shown, told = asked(noting, models, "small", "x")
    first, note = told.splitlines()
    assert shown == "x"
    assert first.strip() == "Answered in 0.25 s, loaded in 3.0 s before."
    assert note == r"Note: no \*such\* &lt;b&gt;"
    again, _ = asked(noting, models, "small", "x")[1].splitlines()
    assert again.strip() == "Answered in 0.25 s."
