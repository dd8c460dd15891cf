"""Trains and measures translators."""

from pathlib import Path

import keras

from tasks.cli import answers, extras
from tasks.data import mixture, training_forms
from tasks.data.corpus import joined
from tasks.errors import UserError
from tasks.reporting import cards, evaluation, examples
from tasks.training import fine_tuning
from tasks.training import fitting as training
from tasks.translation import batches as parallel_batches
from tasks.translation import calendar_words, commands, forms, measures, penalties
from tasks.translation import corpus as parallel_corpus
from tasks.translation.config import (
    OTHER_FORMS,
    SUMMARY,
    Config,
    Evaluation,
)
from zoo import presets
from zoo.files import replaced_file
from zoo.models import Translator

# What the cards say of the figures.
FIGURES = {
    "bleu": "from 0 to 100, by sacrebleu, as its signature says",
    "chrf": "likewise",
    "exact_match": "the share of the translations that are the reference",
    "tokens": "those of the references",
    "nats": "the mean of -log P of one of them",
    "perplexity": "its exponential",
    "beam": "how many hypotheses the search kept",
}
LIMITS = """
- It knows the languages, the kind of text and the words that it was trained on. Text of
  another kind has it guess, fluently: what it writes may say something else, leave
  something out or repeat itself.
- A sentence at a time, or a line where `sentences` isn't "split": what the one before
  tells, it doesn't know. Sentences are found by their marks and capitals: two may be
  taken for one, as after `am 3.`, `Dr.` or `U.S.`
- Where `max_length` is not said, a translation has at most 2 tokens for each of its
  text and 50 more, and 1 000 in all, which no reference of Multi30k or Tatoeba comes
  near; one that only repeats itself is ended.
- A score compares translations of one text. It is no measure of whether one is right.
- BLEU and chrF count common words and letters. They compare systems on one test set,
  and no more.
- The terms of the data that it was trained on bind its use as well.
- Texts by or about people carry their authors' prejudices, and so does the model:
  of people whose gender a text leaves open, say.
"""
CARD = cards.Card(SUMMARY, LIMITS, figures=FIGURES)
MONITORS = {"bleu": "val_bleu", "nats": "-val_nats"}
# So many pairs are translated after each epoch, to choose by BLEU, at most.
CHOSEN_ON = 2000


def train(settings: Config, output: Path) -> None:
    """Trains a translator, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset, a language, a column or a file doesn't exist or doesn't
            fit.
        TrainingError: the loss is no number any more.
    """
    if settings.choose_by == "bleu":
        measures.require_library()  # not after the training
    level = fine_tuning.arguments(settings).get("level", settings.token_level())
    is_learned = settings.from_preset is None or settings.new_vocabulary
    if is_learned and level == "subword":
        extras.require("tokenizers", "translation", "Learning subwords")
    corpus = _read(settings)
    if corpus.tests:
        measures.require_library()
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    data_read = {"train": corpus.train, "validation": corpus.validation}
    strategy = training.strategy(settings, **data_read)
    with strategy.scope():
        model = _build(settings, corpus)
    size = settings.max_tokens, settings.batch_size, settings.buckets
    batches = _batches(model, corpus.train, size, settings)
    with strategy.scope():
        model.compile(training.optimizer(settings, len(batches) * settings.epochs))
    validation = parallel_batches.batches(model, corpus.validation, *size)
    watchers = []
    if settings.choose_by == "bleu":
        chosen_on = corpus.validation.spread(CHOSEN_ON)
        watchers = [measures.ValidationBleu(chosen_on, settings.batch_size)]
    record = {"command": settings.command("translation"), **corpus.record}
    training.begin(output, settings, model, **data_read)
    monitor = MONITORS[settings.choose_by]
    history = training.fit(
        model,
        batches,
        validation,
        settings,
        output / training.CHECKPOINTS,
        monitor,
        watchers,
    )
    model = training.for_one_process(model)  # the chief's: here the others are done
    if settings.choose_by == "bleu":
        record |= penalties.choose(model, corpus.validation, settings.batch_size)
    preset = training.finish(model, history, record, settings, output, monitor, CARD)
    score = measures.scorer(model)
    with evaluation.of_trained(preset):
        for test in corpus.tests:
            _measure(preset, model, score, test, Evaluation())


def _read(settings):
    """Returns the corpus that the settings name."""
    if settings.files:
        return parallel_corpus.corpus_of_files(
            settings.files,
            settings.validation_files,
            settings.test_files,
            settings.encoding,
        )
    corpora = []
    for builder, train_split, share in mixture.load(settings):
        columns = parallel_corpus.columns(
            builder,
            (settings.source, settings.target),
            (settings.source_column, settings.target_column),
        )
        corpus = parallel_corpus.read_corpus(builder, train_split, columns)
        corpora.append(mixture.with_share(corpus, share))
    return joined(corpora)


def _build(settings, corpus):
    """Returns a preset's model, or a new one that knows the training texts' tokens."""
    if settings.from_preset is not None:
        model = fine_tuning.model(Translator, settings)
        if settings.new_vocabulary:
            level, shared = model.config["level"], model.config["shared"]
            learnt = _vocabularies(settings, corpus, level, shared)
            model = model.with_vocabularies(*learnt)
        return _with_copying(model, settings)
    level = settings.token_level()
    source, target = _vocabularies(settings, corpus, level, settings.shared)
    arguments = {**settings.model(), "normalization": "plain"}
    if level != "character":
        arguments["casing"] = training_forms.casing(corpus.train.texts)
    try:
        return Translator(source, target, **arguments, name="translation")
    except ValueError as error:  # units that heads don't divide, say
        raise UserError(str(error)) from error


def _vocabularies(settings, corpus, level, shared):
    """Returns the vocabularies of both languages, learned of the training texts."""
    source, target = parallel_batches.vocabularies(
        corpus.train,
        level,
        settings.vocabulary_size,
        settings.min_count,
        shared,
        settings.split_punctuation,
    )
    print(f"vocabulary  {len(source):,} → {len(target):,} {level}s")
    return source, target


def _with_copying(model, settings):
    """Returns a preset's model, which copies from now on if that is asked for."""
    if not settings.copying:
        return model
    try:
        return model.with_copying()
    except ValueError as error:  # without attention
        raise UserError(f"{settings.from_preset}: {error}") from error


def _batches(model, pairs, size, settings):
    """Returns what is trained on: the pairs, some of them as people write them."""
    seed = settings.seed
    pairs = calendar_words.added(pairs, settings.redated, seed)
    pairs = forms.joined(pairs, settings.joined, seed)
    shares = [getattr(settings, name) for name in OTHER_FORMS]
    other = forms.OtherForms(pairs, *shares, seed) if any(shares) else None
    return parallel_batches.batches(model, pairs, *size, seed, other)


def evaluate(name: str, settings: Evaluation) -> None:
    """Measures a preset on a split or on files; writes the card of the user's own.

    Args:
        name: the preset's name or folder.
        settings: what to measure it on.

    Raises:
        UserError: the dataset, the split, a language, a column or a file doesn't exist
            or doesn't fit.
        PresetError: there is no such preset, or it is damaged.
    """
    measures.require_library()
    preset = presets.find(name)
    if settings.translations:
        evaluation.check_alone(preset, settings, "--translations")
    model = Translator.from_preset(preset)
    settings.check_model(model)
    score = measures.scorer(model)
    writes = evaluation.writes_card(preset, settings)
    if settings.files:
        pairs = parallel_corpus.read_files(settings.files, settings.encoding)
        _measure(preset, model, score, pairs, settings, writes)
        return
    languages = settings.source, settings.target
    parts = evaluation.choose(
        preset, settings, "source_column", "target_column", files="--files"
    )
    for builder, [split], columns in parts:
        if any(languages):  # not those of the training
            columns = settings.source_column, settings.target_column
        chosen = parallel_corpus.columns(builder, languages, columns)
        pairs = parallel_corpus.read(builder, split, chosen)
        _measure(preset, model, score, pairs, settings, writes)


def _measure(preset, model, score, pairs, settings, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    print(f"measuring on {pairs.source}, {len(pairs):,} pairs")
    found = commands.best_translations(
        model, pairs.texts, settings, settings.batch_size
    )
    figures = {
        "pairs": len(pairs),
        **measures.measure(found, pairs.translations),
        **measures.cost(score, pairs, settings.batch_size),
        "beam": settings.beam,
        # Greedy search has none.
        **(settings.penalties(model.config) if settings.beam > 1 else {}),
    }
    answers.check_numbers(preset, [figures["nats"]])
    print(measures.describe(figures))
    if settings.translations:
        with replaced_file(settings.translations) as path:
            lines = map(commands.one_line, found)
            path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        print(f"translations {settings.translations}")
    if not writes:
        cards.tell_unwritten(preset)
        return
    drawn = examples.drawn(_answers(pairs, found))
    cards.add_evaluation(
        preset, pairs.source, pairs.citation, figures, CARD, drawn=drawn
    )


def _answers(pairs, translations):
    """Yields a model's translation of each text, for its card."""
    triples = zip(pairs.texts, translations, pairs.translations, strict=True)
    for text, found, reference in triples:
        # The others aren't shown, and to measure each takes time.
        error = measures.error(found, reference) if examples.is_short(text) else 0.0
        shown = f"{text} → {commands.one_line(found)}"
        yield examples.Answer(text, shown, error, commands.one_line(reference))
