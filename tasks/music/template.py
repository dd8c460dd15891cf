"""One-to-many: a note, a chord, some bars or nothing in, a piece of music out.

python -m tasks.music train
python -m tasks.music generate --model runs/music/synthetic-scales/preset --output new
"""

import dataclasses
from pathlib import Path

from simple_parsing import choice, field, flag

from tasks.cli import command_line as cli
from tasks.cli import config
from tasks.data import file_patterns
from tasks.errors import UserError
from tasks.music import commands as music_commands

SUMMARY = "Writes music, frame by frame, and says how probable pieces are."
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


@dataclasses.dataclass
class Config(config.TrainingConfig):
    """Music: dataset, model and training."""

    # a TFDS dataset by name (DATASET or DATASET/CONFIG), or one of the zoo's own
    dataset: str = "synthetic/scales"
    # the column with the music: rolls or MIDI; default: roll, midi, or the only one
    music_column: str | None = None
    # MIDI files to train on instead of a dataset, each a piece: 'songs/**/*.mid'
    midi_files: list[str] | None = field(default=None, nargs="+")
    # the time steps that MIDI is read in, in a quarter note
    steps_per_quarter: int = 4
    # read the drums of MIDI, and nothing else; default: where the dataset is groove
    drums: bool | None = flag(None, negative_prefix="--no-")
    # move each piece by up to so many semitones, others in each epoch
    transpose: int = 0
    # transpose in so many first epochs, so that the last ones teach the pieces' own
    # keys; default: in all
    transposed_epochs: int | None = None
    # draw a frame's notes one after another, or each by itself
    frame_output: str = choice("nade", "bernoulli", default="nade")
    # size of NADE's hidden layer
    frame_units: int = 128
    # size of a dense layer that sees the frames first; default: none
    embedding_units: int | None = None
    # the recurrent unit
    cell: str = choice("rnn", "gru", "lstm", default="lstm")
    # units of a recurrent layer
    units: int = 256
    # stacked recurrent layers
    layers: int = 1
    # the share of the frames' notes dropped in training
    input_dropout: float = 0.0
    # the share dropped between the layers and before the output
    dropout: float = 0.0
    # how a piece's end is predicted: a frame <EOS>, a "stop now" beside each frame, its
    # length before it begins, or not at all
    ending: str = choice("eos", "halt", "length", "none", default="halt")
    # keep every so-manieth state in training, for long pieces in little memory;
    # default: all
    checkpoint_every: int | None = None

    PATHS = ("midi_files",)
    OWN_FILES = "midi_files"
    OF_DATASETS = (*config.DataConfig.OF_DATASETS, "music_column")

    def __post_init__(self):
        if isinstance(self.midi_files, str):  # as older trainings have it on record
            self.midi_files = [self.midi_files]

    def own_data(self) -> str | None:
        """Returns the files to train on, if there are any."""
        return self.midi_files and file_patterns.listed(self.midi_files)

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        for name in ("frame_units", "units", "layers", "steps_per_quarter"):
            config.at_least(self, name, 1)
        for name in ("embedding_units", "checkpoint_every"):
            if getattr(self, name) is not None:
                config.at_least(self, name, 1)
        config.at_least(self, "transpose", 0)
        if self.transposed_epochs is not None:
            config.at_least(self, "transposed_epochs", 1)
            if not self.transpose:
                raise UserError("--transposed-epochs goes with --transpose.")
        config.below(self, "input_dropout", 1)
        config.below(self, "dropout", 1)
        if self.transpose and self.reads_drums():
            raise UserError("--transpose moves notes; drums have none. Leave it out.")

    def reads_drums(self) -> bool:
        """Says whether it is drums that MIDI is read for."""
        if self.drums is None:
            return self.midi_files is None and self.dataset.split("/")[0] == "groove"
        return self.drums


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the music; default: as in training, or roll, midi, the only one
    music_column: str | None = None
    # MIDI files to measure on instead of a dataset, each a piece
    midi_files: list[str] | None = field(default=None, nargs="+")
    # another preset, trained with other outputs, whose figure is put beside
    beside: str | None = None

    OWN_FILES = "midi_files"
    OF_DATASETS = (*config.EvaluationConfig.OF_DATASETS, "music_column")


def train(settings: Config, output: Path) -> None:
    """Trains a music model, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a file doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    import keras

    from tasks.music import batches as music_batches
    from tasks.training import fitting as training

    collection = _read(settings)
    print(collection.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    size = settings.batch_size, settings.buckets
    with training.strategy(settings).scope():
        model = _build(settings, collection.train)
        batches = music_batches.PieceBatches(
            collection.train,
            *size,
            settings.transpose,
            settings.seed,
            settings.transposed_epochs,
        )
        model.compile(training.optimizer(settings, len(batches) * settings.epochs))
    training.begin(
        output, settings, train=collection.train, validation=collection.validation
    )
    history = training.fit(
        model,
        batches,
        music_batches.PieceBatches(collection.validation, *size).dataset(),
        settings,
        output / training.CHECKPOINTS,
        MONITOR,
    )
    record = {"command": cli.command("music", settings), **collection.record}
    preset = training.finish(
        model, history, record, settings, output, MONITOR, _card(model)
    )
    if collection.test:
        _measure(preset, model, collection.test, settings.batch_size)


def _read(settings):
    """Returns the pieces that the settings name."""
    from tasks.cli import extras
    from tasks.data import builders as data
    from tasks.music import corpus as music_pieces
    from tasks.music.midi_files import Grid

    grid = Grid(1 / settings.steps_per_quarter, settings.reads_drums())
    if settings.midi_files:
        extras.require("pretty_midi", "music", "Reading MIDI")
        return music_pieces.collection_of_files(settings.midi_files, grid)
    builder = data.load_builder(settings.dataset, settings.data_dir)
    return music_pieces.read_collection(
        builder, settings.train_split, settings.music_column, grid
    )


def _build(settings, pieces):
    """Returns a new model for pieces like those of training."""
    from zoo.models import MusicModel

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
    from tasks.cli import extras
    from tasks.music import corpus as music_pieces
    from tasks.music.midi_files import grid_of
    from tasks.reporting import evaluation
    from zoo import presets
    from zoo.models import MusicModel

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
    builder, [split], [column] = evaluation.choose(
        preset, settings, "music_column", files="--midi-files"
    )
    pieces = music_pieces.read(builder, split, column, grid)
    _measure(preset, model, pieces, settings.batch_size, other, writes)


def _measure(preset, model, pieces, batch_size, other=None, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    from tasks.music import batches as music_batches
    from tasks.music import samples as music_samples
    from tasks.reporting import cards

    print(f"measuring on {pieces.describe()}")
    figures = {}
    for each in filter(None, (model, other)):
        if each.keys != pieces.keys:
            raise UserError(
                f"{pieces.source} has frames of {pieces.keys} keys, the model of "
                f"{each.keys}. Measure it on what is like that which it was trained on."
            )
        found = music_batches.measure(each, pieces, batch_size)
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
        extras=music_samples.compare(preset, model, pieces),
    )


def _card(model):
    """Returns what cards say of a model."""
    from tasks.reporting import cards

    example = f"tf.zeros([1, 0, {model.keys}])"
    return cards.Card(SUMMARY, LIMITS, "primer", example)


TEMPLATE = cli.Template(
    name="music",
    summary=SUMMARY,
    examples=[
        "python -m tasks.music train            # synthetic/scales: no download",
        "python -m tasks.music train --dataset poly_music/jsb_chorales --transpose 6",
        "python -m tasks.music train --midi-files 'songs/**/*.mid'",
        "python -m tasks.music evaluate --model runs/music/synthetic-scales/preset",
        'python -m tasks.music generate --chord "C E G" --count 3 --output new',
        "python -m tasks.music continue song.mid --steps 64 --output new",
        "python -m tasks.music harmonize melody.mid --output new",
        "python -m tasks.music score song.mid --json",
    ],
    config=Config,
    evaluation=Evaluation,
    preset="music_jsb",
    train=train,
    evaluate=evaluate,
    commands=music_commands.COMMANDS,
)
