"""Presets: folders that hold a model, what it scored, and a card about it.

```
<preset>/config.json     the model's class and its constructor's arguments
         saved_model/    the graph, the weights and the vocabulary
         metrics.json    what `evaluate` measured
         README.md       the model card, rendered from the two
```

What finds, lists and describes them waits for no TensorFlow; what makes models does.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo import preset_downloads, preset_mistakes
from zoo.errors import PresetError, did_you_mean, nearest
from zoo.files import check_utf8, replaced_file, replaced_folder, whole_folder
from zoo.json_numbers import without_nan
from zoo.version import __version__

CONFIG, METRICS, CARD, SAVED_MODEL = (
    "config.json",
    "metrics.json",
    "README.md",
    "saved_model",
)
# What UTF-8 lacks, the bytes of a file's name that are none: `\udce9`, as JSON has it.
_ESCAPED = "backslashreplace"
# Which package has the models' classes.
_MODELS = "zoo.models"
# What `tasks` calls a training's checkpoints, and its preset, in the training's folder.
_CHECKPOINTS, _TRAINED = "checkpoints", "preset"
_HERE = Path(__file__).resolve().parent
# The presets that come with the zoo: in a wheel within the package, in a checkout
# beside it.
_IN_WHEEL, _IN_CHECKOUT = _HERE / "pretrained", _HERE.parent / "pretrained"
_SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CHECKOUT


@dataclasses.dataclass(frozen=True)
class Listed:
    """What is told of a preset without loading it; `str` of it is a line.

    Attributes:
        name: by which `zoo.from_preset` finds it.
        folder: where it lies.
        size: of its files, in bytes.
        summary: what it does, the first sentence of its card, "" without a card; or
            what is wrong with it.
    """

    name: str
    folder: Path
    size: int
    summary: str

    def __str__(self):
        return f"{self.name:28} {self.size / 1e6:4.0f} MB  {self.summary}".rstrip()


def list() -> tuple[Listed, ...]:
    r"""Returns the presets that `zoo.from_preset` finds by name, in alphabetical order.

    ```
    print(*zoo.presets.list(), sep="\n")
    ```
    """
    found = _by_name()
    return tuple(_listed(name, found[name]) for name in sorted(found))


def _by_name() -> dict[str, Path]:
    """Returns the presets' folders by the names that they are found by."""
    found = {}
    for place in folders():
        for config in place.glob(f"[!.]*/{CONFIG}"):
            folder = _trained_in(config.parent)
            if _may_be_preset(folder):
                found.setdefault(config.parent.name, folder)
    return found


def _may_be_preset(folder):
    """Says whether a folder has a preset's config, or may not be looked into."""
    try:
        return (folder / CONFIG).is_file()
    except PermissionError:
        return True


def _listed(name, folder):
    return Listed(name, folder, size(folder), _summary(folder))


def size(folder: Path) -> int:
    """Returns how much room a preset's files take, in bytes.

    Args:
        folder: the preset's.
    """
    files = (path for path in folder.rglob("*") if os.path.isfile(path))
    return sum(map(os.path.getsize, files))


def _summary(folder):
    """Returns a card's first sentence, or what is wrong with the files beside it."""
    try:
        read_metrics(folder)
        with _permission_told():
            card = folder / CARD
            text = card.read_text("utf-8", "replace") if card.is_file() else ""
    except PresetError as error:
        return str(error)
    prose = (line for line in text.splitlines() if line and not line.startswith("#"))
    return next(prose, "")


def folders() -> Sequence[Path]:
    """Returns where presets are looked for by name, the first one first.

    Raises:
        PresetError: there is no looking into one of them.
    """
    chosen = os.environ.get("ZOO_PRETRAINED")
    places = [Path(chosen)] if chosen else []
    with _permission_told():
        return [place for place in [*places, _SHIPPED] if place.is_dir()]


def find(name_or_path: str | os.PathLike) -> Path:
    """Returns a preset's folder.

    Args:
        name_or_path: a folder, its own or that of the training which made it; or a
            name, which is looked up in the folder `$ZOO_PRETRAINED`, then among the
            presets that come with the zoo, then in `$ZOO_PRESETS_URL`, a folder of
            archives and their `SHA256SUMS` on a server; or an archive's URL,
            `https://…/NAME.zip`. What comes from a server is kept in Keras' cache.

    Raises:
        PresetError: there is none, with the nearest name that there is; or it may not
            be read; or it can't be fetched, or isn't what its SHA-256 says.
    """
    if preset_downloads.is_url(name_or_path):
        return preset_downloads.fetched(os.fspath(name_or_path))
    candidates = [Path(name_or_path)]
    candidates += [folder / name_or_path for folder in folders()]
    name = os.fspath(name_or_path)
    with _permission_told():
        for candidate in candidates:
            folder = _trained_in(whole_folder(candidate))
            if (folder / CONFIG).is_file():
                return folder
        for candidate in candidates if name else ():
            if os.path.lexists(candidate):
                raise PresetError(_no_preset(candidate))
    fetched = preset_downloads.named(name)
    if fetched is not None:
        return fetched
    raise PresetError(_unknown(name))


def is_shipped(folder: str | os.PathLike) -> bool:
    """Says whether a preset is one that comes with the zoo, and is not the user's.

    Args:
        folder: the preset's folder, as `find` returns it.
    """
    return Path(folder).resolve().parent == _SHIPPED


def name_of(folder: str | os.PathLike) -> str:
    """Returns what a preset is called: its folder's name, or its training's.

    Args:
        folder: the preset's folder, as `find` returns it.
    """
    return path_of(folder).parts[0]


def path_of(folder: str | os.PathLike) -> Path:
    """Returns where a preset is, seen from the folder that holds it or its training.

    Args:
        folder: the preset's folder, as `find` returns it.
    """
    folder = Path(folder).resolve()
    is_trained = folder.name == _TRAINED and _is_training(folder.parent)
    return Path(*folder.parts[-2 if is_trained else -1 :])


def _trained_in(folder):
    """Returns a folder, of a training's the one of the preset that it made."""
    return whole_folder(folder / _TRAINED) if _is_training(folder) else folder


def _is_training(folder):
    """Says whether a folder is one that `tasks` trained in, with a config as well."""
    return (folder / _CHECKPOINTS).is_dir() and not (folder / SAVED_MODEL).exists()


def _no_preset(path):
    """Says what a path is that was taken for a preset."""
    if _is_training(path):
        return (
            f"{os.fspath(path)!r} holds a training that isn't finished: there is no "
            f"{path / _TRAINED} yet. Go on with it by train --resume."
        )
    message = preset_mistakes.sentence(path, remains=path.parent in folders())
    meant = nearest(path.name, _names())
    return f"{message} Or did you mean {meant[0]!r}?" if meant else message


def _unknown(name):
    known = _names()
    if nearest(name, known):
        return did_you_mean("preset", name, known)
    message = f"Unknown preset {name!r}."
    if known:
        return f"{message} There are: {', '.join(known)}. Or give a folder."
    if not _HERE.is_dir():
        return (
            f"{message} The zoo is imported from an archive, {_HERE.parent}, whose "
            "presets can't be read: install it by pip, or give a preset's folder."
        )
    return (
        f"{message} No presets are installed here: install the zoo from its repository "
        f"by pip, set ${preset_downloads.VARIABLE}, or give a preset's folder."
    )


def _names():
    """Returns the names of the presets that there are."""
    return sorted(_by_name())


def save(model: Any, path: str | os.PathLike) -> None:
    """Writes a model as a preset, in place of what was there.

    Args:
        model: a `zoo.models.base.Model`.
        path: the preset's folder. One that is there stays whole until the new
            one is complete, then goes, its metrics and card included.

    Raises:
        FileExistsError: something else is there.
        ValueError: it is a URL.
        PresetError: the model's class is none of `zoo.models`.
    """
    from zoo import export  # imports TensorFlow, which takes seconds

    config = model.get_config()
    for name in model.vocabularies:
        config.pop(name)  # an asset of the SavedModel
    content = {
        "class": _path(type(model)),
        "config": config,
        "vocabularies": [*model.vocabularies],
        "zoo": __version__,
    }
    text = _json(content)  # before the rest, which takes long
    with replaced_folder(path, f"{SAVED_MODEL}/saved_model.pb") as folder:
        export.save(model, folder / SAVED_MODEL)
        _write(folder / CONFIG, text)


def export_anew(name_or_path: str | os.PathLike) -> None:
    """Writes a preset's SavedModel by the code of today, from the same weights.

    All else stays, to the byte: the files of the weights and the vocabularies, the
    config, the metrics and the card.

    Args:
        name_or_path: see `find`.

    Raises:
        PresetError: there is no such preset, or it is damaged, or the code of today
            would write other weights or vocabularies. It stays as it was.
    """
    from zoo import export

    folder = find(name_or_path)
    model = load(folder)
    old = folder / SAVED_MODEL
    with replaced_folder(folder, f"{SAVED_MODEL}/saved_model.pb") as new:
        beside = shutil.ignore_patterns(SAVED_MODEL)
        shutil.copytree(folder, new, ignore=beside, dirs_exist_ok=True)
        export.save(model, new / SAVED_MODEL)
        try:
            export.keep_weights(new / SAVED_MODEL, old)
        except export.WeightsError as error:
            raise PresetError(f"{os.fspath(folder)!r} stays: {error}") from error
        names = model.vocabularies
        files = [_vocabulary_files(each, names) for each in (new / SAVED_MODEL, old)]
        for name in names:
            written, kept = (each[name] for each in files)
            if written.read_bytes() != kept.read_bytes():
                raise PresetError(
                    f"{os.fspath(folder)!r} stays: assets/{kept.name} would change."
                )


def load(name_or_path: str | os.PathLike) -> Any:
    """Returns the model of a preset, ready to use or to train on.

    Args:
        name_or_path: see `find`.

    Raises:
        PresetError: there is no such preset, or it is damaged, or of a newer zoo, or
            may not be read.
    """
    folder, content = find(name_or_path), {}
    try:
        check_utf8(folder)
    except ValueError as error:
        raise PresetError(str(error)) from error
    from zoo import export
    from zoo.text import Vocabulary

    try:
        with _permission_told():
            content = _read_config(folder)
            cls = _class(content["class"])
            files = _vocabulary_files(folder / SAVED_MODEL, content["vocabularies"])
            vocabularies = {name: Vocabulary.load(file) for name, file in files.items()}
            with export.in_dtype_of(folder / SAVED_MODEL):
                model = cls.from_config({**content["config"], **vocabularies})
            export.read_weights(model, folder / SAVED_MODEL)
    except PresetError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = f"{Path(error.filename).name} is missing"
    except KeyError as error:
        reason = f"{CONFIG} has no {error}"
    except (export.WeightsError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
    else:
        return model
    raise PresetError(_not_loaded(folder, content.get("zoo"), reason))


def _not_loaded(folder, version, reason):
    """Says why a preset of some version of the zoo can't be loaded."""
    if _release(version) > _release(__version__):
        return (
            f"Can't load preset {os.fspath(folder)!r}: {reason}. It is of zoo "
            f"{version}, and this is zoo {__version__}: pip install -U sequence-zoo."
        )
    return f"Damaged preset {os.fspath(folder)!r}: {reason}. {_remedy(folder)}"


def _remedy(folder):
    """Says what to do about a damaged preset."""
    if preset_downloads.is_fetched(folder):
        return f"Delete {folder.parent}: it is fetched anew then."
    return "Train or fetch it again."


def _release(version):
    """Returns a version's numbers, none of what is no version."""
    found = re.match(r"\d+(\.\d+)*", str(version))
    return [int(number) for number in found[0].split(".")] if found else []


def config(name_or_path: str | os.PathLike) -> dict:
    """Returns what a preset's model is built from, without building it.

    Args:
        name_or_path: see `find`.

    Raises:
        PresetError: there is no such preset, or its config can't be read.
    """
    folder = find(name_or_path)
    try:
        with _permission_told():
            return _read_config(folder)["config"]
    except PresetError:
        raise
    except (KeyError, ValueError, OSError) as error:
        raise PresetError(_unreadable(folder, CONFIG, error)) from error


def _unreadable(folder, name, error):
    """Says that one of a preset's files isn't what it should be."""
    return (
        f"Damaged preset {os.fspath(folder)!r}: its {name} can't be read ({error}). "
        f"{_remedy(Path(folder))}"
    )


@contextlib.contextmanager
def _permission_told() -> Iterator[None]:
    """Raises a PresetError where a file or a folder may not be read."""
    try:
        yield
    except PermissionError as error:
        raise PresetError(preset_mistakes.may_not_be_read(error)) from error


def _read_config(folder):
    """Returns a preset's config, if it is one of the zoo's."""
    content = json.loads((folder / CONFIG).read_text("utf-8"))
    is_config = isinstance(content, dict) and "class" in content
    if not is_config and not (folder / SAVED_MODEL).exists():
        raise PresetError(
            f"{os.fspath(folder)!r} is no preset of the zoo: its {CONFIG} is of "
            "something else. Give a preset's folder."
        )
    if not isinstance(content, dict):
        raise ValueError(f"{CONFIG} holds no object")
    return content


def _vocabulary_files(saved_model, names):
    """Returns the files of a SavedModel's vocabularies by the constructor's arguments.

    Of a single one an older zoo took any name that the vocabulary had.
    """
    assets = saved_model / "assets"
    files = {name: assets / f"{name}.txt" for name in names}
    there = [*assets.glob("*.txt")]
    if len(files) == len(there) == 1:
        return dict.fromkeys(files, there[0])
    return files


def _path(cls):
    """Returns where a model's class is imported from, wherever its file may lie.

    Raises:
        PresetError: it is a class of the user's, which `_class` wouldn't find.
    """
    if getattr(importlib.import_module(_MODELS), cls.__name__, None) is not cls:
        raise PresetError(
            f"A preset is of a model of {_MODELS}, and {cls.__name__} is a class of "
            "yours: write it by `export`, or by Keras' `save`."
        )
    return f"{_MODELS}.{cls.__name__}"


def _class(path):
    """Returns the class of the zoo that a config names.

    Older presets name the file too that it lay in: `zoo.models.classifier.…`.
    """
    module, _, name = str(path).rpartition(".")
    try:
        if module != _MODELS and not module.startswith(f"{_MODELS}."):
            raise ImportError(f"{module} is not in {_MODELS}")
        cls = getattr(importlib.import_module(_MODELS), name)
        cls.from_preset  # noqa: B018 - only a model that can be a preset has it
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{CONFIG} names no model of {_MODELS}: {path!r}") from error
    return cls


def write_metrics(folder: str | os.PathLike, metrics: dict, card: str | None) -> None:
    """Writes a preset's `metrics.json`, and the card rendered from it.

    Args:
        folder: the preset's folder.
        metrics: whatever JSON can hold; what is NaN or infinite is null there.
        card: Markdown; None to leave the card that is there, or none.
    """
    folder = Path(folder)
    _write(folder / METRICS, _json(without_nan(metrics)))
    if card is not None:
        _write(folder / CARD, card)


def read_metrics(folder: str | os.PathLike) -> dict:
    """Returns what `write_metrics` wrote, nothing where there is nothing.

    Args:
        folder: the preset's folder.

    Raises:
        PresetError: it is damaged, or may not be read.
    """
    path = Path(folder) / METRICS
    try:
        with _permission_told():
            text = path.read_text("utf-8") if path.is_file() else "{}"
        # Older ones hold `NaN`, and others than Python don't take that for JSON.
        found = json.loads(text, parse_constant=lambda name: None)
        if not isinstance(found, dict):
            raise ValueError("it holds no object")
    except PresetError:
        raise
    except (ValueError, OSError) as error:
        raise PresetError(_unreadable(folder, METRICS, error)) from error
    return found


def _json(content):
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _write(path, text):
    with replaced_file(path) as file:
        file.write_text(text, "utf-8", _ESCAPED)


if __name__ == "__main__":
    if set(sys.argv[1:]) & {"-h", "--help"}:
        print("usage: python -m zoo.presets          (lists all presets)")
        print("       python -m zoo.presets NAME …   (exports presets anew)")
        sys.exit()
    if not sys.argv[1:]:
        print(*list(), sep="\n")
    for preset in sys.argv[1:]:
        try:
            export_anew(preset)
        except PresetError as mistake:
            sys.exit(f"error: {mistake}")
        print(f"{preset}: exported anew")
