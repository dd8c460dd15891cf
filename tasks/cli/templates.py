"""What a template brings to the command line that all of them share."""

import dataclasses
import pkgutil
from collections.abc import Callable, Mapping, Sequence

from tasks.cli.config import PredictionConfig


@dataclasses.dataclass(frozen=True)
class Command:
    """What a template does with a preset, beside what all of them do.

    Attributes:
        help: what it does, in a line that begins in lower case.
        config: the dataclass whose fields are its flags, with a method `check`.
        run: (preset, config) → None; with texts or files between the two: an iterator
            of texts as bytes, or a list of paths. As all functions here, itself or
            where it is found, `module:function`, so that help needs no TensorFlow.
        takes_texts: whether it takes texts, or a file of them by --input.
        takes_files: whether it takes files, at least one.
        served: (preset, config) → a `tasks.beam.pipeline.Call`: how the SavedModel
            answers texts as the command does with --json, for --runner; if it can.
    """

    help: str
    config: type
    run: Callable | str
    takes_texts: bool = False
    takes_files: bool = False
    served: str | None = None


@dataclasses.dataclass(frozen=True)
class Template:
    """What a template brings to the shared command line.

    Attributes:
        name: `python -m tasks.<name>` runs it.
        summary: what it does, in a line.
        examples: commands to show, one a line.
        config: the dataclass whose fields are `train`'s flags.
        evaluation: the dataclass whose fields are `evaluate`'s.
        preset: the trained model that the other commands use by default.
        train: (config, output folder, whether to resume) → None.
        evaluate: (preset, evaluation) → None.
        predict: (preset, iterator of texts as bytes, prediction) → None; or None
            where the commands say better what the model does.
        prediction: the dataclass whose fields are `predict`'s flags.
        served: as a `Command` has it, of `predict`.
        commands: the template's own commands by name.
    """

    name: str
    summary: str
    examples: Sequence[str]
    config: type
    evaluation: type
    preset: str
    train: Callable | str
    evaluate: Callable | str
    predict: Callable | str | None = None
    prediction: type = PredictionConfig
    served: str | None = None
    commands: Mapping[str, Command] = dataclasses.field(default_factory=dict)

    def all_commands(self) -> dict[str, Command]:
        """Returns what is done with a preset's model, by name, `predict` included."""
        if self.predict is None:
            return dict(self.commands)
        predict = Command(
            "run a preset on texts",
            self.prediction,
            self.predict,
            takes_texts=True,
            served=self.served,
        )
        return {"predict": predict, **self.commands}


def function(named: Callable | str) -> Callable:
    """Returns a function that is given itself, or as `module:function`."""
    return named if callable(named) else pkgutil.resolve_name(named)
