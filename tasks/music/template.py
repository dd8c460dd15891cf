"""Trains and measures music models."""

from pathlib import Path

import keras

from tasks.cli import answers, extras
from tasks.data import mixture
from tasks.errors import UserError
from tasks.music import batches as music_batches
from tasks.music import corpus as music_pieces
from tasks.music import samples
from tasks.music.config import SUMMARY, Config, Evaluation
from tasks.music.midi_files import Grid, grid_of
from tasks.reporting import cards, evaluation
from tasks.training import fine_tuning
from tasks.training import fitting as training
from zoo import presets
from zoo.models import MusicModel

# What the cards say of the figures.
FIGURES = {
    "nats_per_frame": "-log P of all frames but each piece's first, by their number",
    "nats_per_frame_with_endings": "of all frames and the pieces' ends, by theirs",
    "nats_per_frame_by_bernoulli": "of a model that draws each key by itself",
    "nats_per_frame_by_nade": "of a model that draws keys one after another",
}
LIMITS = """
- It writes what is probable after what it has heard, in the manner of the pieces that
  it was trained on. What it knows of the music before is what its recurrent state
  holds: it keeps to a key and makes chords that hang together, but has no plan of a
  whole piece.
- It knows time in steps of one length, and which keys sound in each: no loudness, no
  rhythm finer than a step, and no telling a held note from one that is struck again.
- The first column of its rolls is the MIDI key `lowest`, as told above; where none is
  told, 21, A0. It is 9 for Bach's chorales, whose published rolls stand an octave above
  where they are sung. The commands for MIDI files reckon with it. The SavedModel takes
  and returns rolls as the data has them: add `lowest` to a column for its MIDI key.
- It hears a piece on its time steps: what begins between two is moved to one of them
  or, where others sound, not heard. `continue` and `harmonize` leave a file's own notes
  as they are, and tell how many it hears otherwise.
- A probability is one of a piece in that manner. It is no measure of beauty.
- The terms of the data that it was trained on bind its use as well.
"""
MONITOR = "-val_nats"


def train(settings: Config, output: Path) -> None:
    """Trains a music model, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a file doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    corpus = _read(settings)
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    size = settings.batch_size, settings.buckets
    data_read = {"train": corpus.train, "validation": corpus.validation}
    strategy = training.strategy(settings, **data_read)
    with strategy.scope():
        model = _build(settings, corpus.train)
    batches = music_batches.PieceBatches(
        corpus.train,
        *size,
        settings.transpose,
        settings.seed,
        settings.transposed_epochs,
    )
    with strategy.scope():
        model.compile(training.optimizer(settings, len(batches) * settings.epochs))
    record = {"command": settings.command("music"), **corpus.record}
    training.begin(output, settings, **data_read)
    history = training.fit(
        model,
        batches,
        music_batches.PieceBatches(corpus.validation, *size),
        settings,
        output / training.CHECKPOINTS,
        MONITOR,
    )
    model = training.for_one_process(model)  # the chief's: here the others are done
    preset = training.finish(
        model, history, record, settings, output, MONITOR, _card(model)
    )
    with evaluation.of_trained(preset):
        for pieces in corpus.tests:
            _measure(preset, model, pieces, settings.batch_size)


def _read(settings):
    """Returns the pieces that the settings name."""
    if settings.from_preset is None:
        grid = Grid(1 / settings.steps_per_quarter, settings.reads_drums())
    else:
        grid = grid_of(presets.find(settings.from_preset))
        if settings.transpose and grid.drums:
            raise UserError("--transpose moves notes; drums have none. Leave it out.")
    if settings.midi_files:
        extras.require("pretty_midi", "music", "Reading MIDI")
        return music_pieces.corpus_of_files(settings.midi_files, grid)
    [part] = mixture.load(settings)
    corpus = music_pieces.read_corpus(
        part.builder, part.train_split, settings.music_column, grid
    )
    if settings.from_preset is None:
        _check_grid(settings, corpus.train)
    return mixture.with_share(corpus, part.share)


def _check_grid(settings, pieces):
    """Raises a UserError where MIDI was to be read otherwise, and rolls were read."""
    if settings.drums and not pieces.grid.drums:
        raise UserError(
            f"--drums is of MIDI, and {pieces.source} has piano rolls: leave it out."
        )
    asked, found = settings.steps_per_quarter, pieces.grid.steps_per_quarter
    if asked not in (found, Config.steps_per_quarter):
        raise UserError(
            f"--steps-per-quarter {asked} is of MIDI, and {pieces.source} has rolls of "
            f"{found} time steps in a quarter note: leave it out."
        )


def _build(settings, pieces):
    """Returns a preset's model, or a new one for pieces like those of training."""
    if settings.from_preset is not None:
        return _known(settings, pieces)
    model = MusicModel(
        pieces.keys,
        output=settings.frame_output,
        output_units=settings.frame_units,
        embedding_units=settings.embedding_units,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        input_dropout=settings.input_dropout,
        dropout=settings.dropout,
        ending=None if settings.ending == "none" else settings.ending,
        checkpoint_every=settings.checkpoint_every,
        name="music",
    )
    model.adapt(pieces.lengths)
    return model


def _known(settings, pieces):
    """Returns a preset's model, if it is one for such pieces."""
    model = fine_tuning.model(MusicModel, settings)
    grid = grid_of(presets.find(settings.from_preset))
    if (model.keys, grid) != (pieces.keys, pieces.grid):
        raise UserError(
            f"{pieces.source} has frames of {pieces.keys} keys, {pieces.grid}, those "
            f"of {settings.from_preset} have {model.keys}, {grid}. Train a new model."
        )
    model.adapt(pieces.lengths)
    return model


def evaluate(name: str, settings: Evaluation) -> None:
    """Measures a preset on a split or on files; writes the card of the user's own.

    Args:
        name: the preset's name or folder.
        settings: what to measure it on.

    Raises:
        UserError: the dataset, the split, the column or a file doesn't exist or
            doesn't fit.
        PresetError: there is no such preset, or it is damaged.
    """
    if settings.midi_files:
        extras.require("pretty_midi", "music", "Reading MIDI")
    preset = presets.find(name)
    model = MusicModel.from_preset(preset)
    other = MusicModel.from_preset(settings.beside) if settings.beside else None
    grid = grid_of(preset)
    writes = evaluation.writes_card(preset, settings)
    if settings.midi_files:
        pieces = music_pieces.read_files(settings.midi_files, grid)
        _measure(preset, model, pieces, settings.batch_size, other, writes)
        return
    for builder, [split], [column] in evaluation.choose(
        preset, settings, "music_column", files="--midi-files"
    ):
        pieces = music_pieces.read(builder, split, column, grid)
        _measure(preset, model, pieces, settings.batch_size, other, writes)


def _measure(preset, model, pieces, batch_size, other=None, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    print(f"measuring on {pieces.describe()}")
    figures = {}
    for each in filter(None, (model, other)):
        if each.keys != pieces.keys:
            raise UserError(
                f"{pieces.source} has frames of {pieces.keys} keys, the model of "
                f"{each.keys}. Measure it on what is like that which it was trained on."
            )
        found = music_batches.measure(each, pieces, batch_size)
        whose = preset if each is model else "The preset of --beside"
        answers.check_numbers(whose, [found["nats_per_frame"]])
        kind = each.get_config()["output"]
        print(f"loss        {found['nats_per_frame']:.4f} nats per frame ({kind})")
        if each is model:
            figures |= found
        else:
            figures[f"nats_per_frame_by_{kind}"] = found["nats_per_frame"]
    if not writes:
        cards.tell_unwritten(preset)
        return
    cards.add_evaluation(
        preset,
        pieces.source,
        pieces.citation,
        figures,
        _card(model),
        extras=samples.compare(preset, model, pieces),
    )


def _card(model):
    """Returns what cards say of a model."""
    example = f"tf.zeros([1, 0, {model.keys}])"
    return cards.Card(SUMMARY, LIMITS, "primer", example, FIGURES)
