"""The presets that are there, and their models, each loaded once when it is used."""

import contextlib
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from tasks.cli import inputs, outputs, preset_classes
from tasks.demo.config import MOST_CHARACTERS
from tasks.errors import UserError, did_you_mean
from zoo import kernels, presets
from zoo.errors import PresetError


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset that can be chosen.

    Attributes:
        name: its name.
        folder: where it is.
        template: the template that it is of.
    """

    name: str
    folder: Path
    template: str

    @cached_property
    def megabytes(self) -> float:
        """How much room its files take."""
        return presets.size(self.folder) / 1e6

    @cached_property
    def trained_on(self) -> str:
        """The data that it was trained on, as its record has them; "" of none."""
        found = presets.read_metrics(self.folder).get("training", {}).get("train", "")
        return " and ".join(found) if isinstance(found, list) else str(found)

    @cached_property
    def config(self) -> dict:
        """The arguments of its model's constructor, but for its vocabularies."""
        return presets.config(self.folder)

    @cached_property
    def card(self) -> str:
        """Its card, Markdown."""
        try:
            return (self.folder / presets.CARD).read_text("utf-8", "replace")
        except FileNotFoundError:
            return "It has no card: `evaluate` writes one."
        except OSError as error:
            return f"Its card can't be read: {error.strerror}."


def installed() -> list[Preset]:
    """Returns all presets that are found by name, by their names.

    Those whose files can't be read are told, and left out.
    """
    found = []
    for listed in presets.list():
        try:
            presets.read_metrics(listed.folder)
            presets.config(listed.folder)
        except PresetError as error:
            outputs.note(f"{listed.name} isn't on the page. {error}")
            continue
        template = preset_classes.template_of(listed.folder)
        if template:
            found.append(Preset(listed.name, listed.folder, template))
    return found


class Models:
    """The models of some presets, each loaded once, when it is first asked for.

    Args:
        known: the presets; by default those that are installed.
    """

    def __init__(self, known: list[Preset] | None = None):
        known = installed() if known is None else known
        self._presets = {preset.name: preset for preset in known}
        self._locks = {name: threading.RLock() for name in self._presets}
        self._loaded = {}
        self._seconds = {}
        self._loaders = {}

    def register(self, template: str, load: Callable[[Path], object]) -> None:
        """Tells how the models of a template are loaded.

        Args:
            template: its name.
            load: of a preset's folder it returns what answers.
        """
        self._loaders[template] = load

    @property
    def installed(self) -> list[Preset]:
        """All presets, by name."""
        return list(self._presets.values())

    def of(self, template: str) -> list[Preset]:
        """Returns a template's presets, by name."""
        return [each for each in self._presets.values() if each.template == template]

    def preset(self, name: str, template: str | None = None) -> Preset:
        """Returns a preset.

        Raises:
            UserError: there is none of that name, or it is another template's.
        """
        known = [n for n, p in self._presets.items() if template in (None, p.template)]
        if name not in known:
            raise UserError(did_you_mean("preset", str(name), known))
        return self._presets[name]

    def get(self, name: str, template: str):
        """Returns what a preset's loader returns, or returned when it was first asked.

        Raises:
            UserError: there is no such preset.
            PresetError: it is damaged.
        """
        preset = self.preset(name, template)
        with self._locks[name]:
            if name not in self._loaded:
                start = time.perf_counter()
                with kernels.portable():
                    self._loaded[name] = self._loaders[template](preset.folder)
                self._seconds[name] = time.perf_counter() - start
            return self._loaded[name]

    def seconds(self, name: str) -> float | None:
        """Returns how long a preset's model took to load, None where it isn't yet."""
        return self._seconds.get(name)

    @contextlib.contextmanager
    def answering(self, name: str, template: str) -> Iterator:
        """Yields what a preset's loader returned, which answers nobody else now."""
        model = self.get(name, template)
        # Lengths differ, and the kernels would be compiled for each.
        with self._locks[name], kernels.portable():
            yield model


def given_text(text: str | None, name: str = "text") -> str:
    """Returns a text that was given.

    Args:
        text: what was given.
        name: what it is.

    Raises:
        UserError: there is none, or too much of it.
    """
    text = text or ""
    if not text.strip():
        raise UserError(f"There is no {name} yet: write one.")
    return within_bounds(text, name)


def within_bounds(text: str, name: str = "text") -> str:
    """Returns a text, empty or not.

    Raises:
        UserError: it is too long, or no text.
    """
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"A {name} of at most {MOST_CHARACTERS:,} characters can be tried here, "
            f"found {len(text):,}. The commands take longer ones: python -m tasks."
        )
    return inputs.argument(text, f"The {name}")


def number(name: str, given: float | None) -> float:
    """Returns a number that was given for a flag.

    Raises:
        UserError: there is none.
    """
    if not isinstance(given, int | float):
        raise UserError(f"--{name} must be a number, found {given}.")
    return float(given)


def whole(name: str, number: float | None) -> int:
    """Returns a number that was given for a flag, as whole as it has to be.

    Raises:
        UserError: it isn't whole, or there is none.
    """
    if number is None or not math.isfinite(number) or number != int(number):
        raise UserError(f"--{name} must be a whole number, found {number}.")
    return int(number)
