"""What every tab has: a preset to choose, its card, and answers that tell mistakes."""

import contextlib
import dataclasses
import functools
import html
import inspect
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from tasks.cli import outputs
from tasks.demo.models import Models
from tasks.errors import UserError
from zoo.errors import MidiError, PresetError

# What is told in a sentence: see the commands.
_MISTAKES = (UserError, PresetError, MidiError)
_UNFORESEEN = (
    "The page failed at this, which is a fault of its own: the terminal that it was "
    "started in says more."
)


COLORS = ("#c2410c", "#0f766e", "#4338ca", "#a21caf", "#4d7c0f", "#0369a1")
"""Of what is marked in texts, on light and dark grounds."""


@dataclasses.dataclass(frozen=True)
class Tab:
    """A tab's presets, and what is asked of them.

    Attributes:
        models: all models.
        template: the template that the tab is of.
        default: the preset that its commands use by default.
    """

    models: Models
    template: str
    default: str

    @property
    def names(self) -> list[str]:
        """The presets that can be chosen."""
        return [preset.name for preset in self.models.of(self.template)]

    @property
    def first(self) -> str | None:
        """The preset that is chosen at first."""
        names = self.names
        return self.default if self.default in names else next(iter(names), None)

    def in_language(self, *ends: str) -> str | None:
        """Returns a preset whose name has one of these ends, the first one if it can.

        Args:
            *ends: such as "en" or "de_en".
        """
        names = [self.first, *self.names]
        found = (n for n in names if n and n.endswith(tuple(f"_{end}" for end in ends)))
        return next(found, None)

    def asking(self) -> gr.Column:
        """Lays out a column for what is asked; on a phone the answer is below it."""
        return gr.Column(scale=5, min_width=320)

    def answer(self) -> gr.Column:
        """Lays out a column for what is answered."""
        return gr.Column(scale=6, min_width=320)

    def examples(self, rows: Mapping[str, Sequence], inputs: Sequence) -> None:
        """Lays out examples, of which those are left out that no preset is there for.

        Args:
            rows: the inputs' values of each, by what it is called.
            inputs: the components that take them.
        """
        rows = {label: list(row) for label, row in rows.items() if None not in row}
        if rows:
            gr.Examples(
                list(rows.values()),
                list(inputs),
                example_labels=list(rows),
                label="Examples",
                api_visibility="private",
            )

    def chooser(self, what: str) -> gr.Dropdown:
        """Lays out the presets to choose from, and what each one is.

        Args:
            what: what the tab does, a sentence.
        """
        gr.Markdown(what)
        chosen = gr.Dropdown(
            [(_title(preset), preset.name) for preset in self.models.of(self.template)],
            value=self.first,
            label="Preset",
            info="A trained model. It is loaded when it is first asked.",
            filterable=False,
        )
        trained = gr.Markdown(self._trained(self.first), elem_classes="aside")
        with gr.Accordion("Model card", open=False):
            card = gr.Markdown(self._card(self.first), elem_classes="card")
        chosen.change(
            lambda name: (self._trained(name), self._card(name)),
            chosen,
            [trained, card],
            api_visibility="private",
            show_progress="hidden",
            queue=False,
        )
        return chosen

    def _trained(self, name):
        if name not in self.names:
            return "No preset of this kind is installed here."
        preset = self.models.preset(name)
        data = f"Trained on {preset.trained_on}. " if preset.trained_on else ""
        return f"{data}{preset.megabytes:.0f} MB on disk."

    def _card(self, name):
        if name not in self.names:
            return ""
        # A heading of the card is none of the page; its pictures lie in its folder.
        card = self.models.preset(name).card
        card = re.sub(r"!\[([^\]]*)\]\(([^)]*)\)", r"(A picture: `\2`.)", card)
        return re.sub(r"^(#+) ", r"##\1 ", card, flags=re.MULTILINE)

    def buttons(self, *names: str) -> list[gr.Button]:
        """Lays out what a tab's work is begun with, and at last what ends the waiting.

        Args:
            *names: what is written on each, that of the main work first.

        Returns:
            The buttons, and "Stop" behind them, which `stop_by` gives a meaning.
        """
        with gr.Row():
            kinds = ["primary"] + ["secondary"] * len(names)
            return [
                gr.Button(name, variant=kind, min_width=120)
                for name, kind in zip([*names, "Stop"], kinds, strict=True)
            ]

    def stop_by(self, button: gr.Button, *asked) -> None:
        """Has a button end what was asked: nothing of it is shown any more.

        What is drawn token by token ends with the next token. What TensorFlow answers
        in one call goes on behind the page until it returns, within the page's bounds.

        Args:
            button: the button.
            *asked: events, see `ask`.
        """
        button.click(None, cancels=list(asked), api_visibility="private")

    def ask(
        self,
        triggers: Sequence[Callable],
        function: Callable,
        inputs: Sequence,
        results: Sequence,
        name: str,
    ):
        """Has a function answer when something is clicked or entered.

        Args:
            triggers: events: `button.click`.
            function: (models, preset, …) → the results, a tuple; or a generator of
                them with notes behind, a list, which can be stopped.
            inputs: the components that it is given the values of, the preset first.
            results: those that are shown the results; time and notes follow.
            name: what the function is called in the API.

        Returns:
            Gradio's event, which can be stopped.
        """
        given = inspect.isgeneratorfunction(function)
        answer = _streaming(self, function) if given else _answering(self, function)
        took = _time()
        # What the last answer took says nothing of the next one.
        gr.on(list(triggers), None, None, took, js="() => ''", api_visibility="private")
        return gr.on(
            list(triggers),
            answer,
            list(inputs),
            [*results, took],
            api_name=name,
            # By `python -OO` there are no docstrings.
            api_description=(inspect.getdoc(function) or "").partition("\n")[0],
            concurrency_id=f"{self.template}_{name}",
            concurrency_limit=2 if given else 1,
        )


def _title(preset):
    return f"{preset.name} ({preset.megabytes:.0f} MB)"


def _time():
    """Lays out where the time that an answer took is told."""
    return gr.Markdown("", label="time and notes", elem_classes="aside", min_height=28)


def _answering(tab, function):
    """Returns a function as Gradio calls it: mistakes told, time taken."""

    def answer(preset, *given, progress):
        with _told():
            took = _Stopwatch(tab, preset, progress)
            with outputs.collected() as told:
                results = function(tab.models, preset, *given)
            return *results, _lines(took.told(), told.notes)

    return _as_gradio_calls(answer, function)


def _streaming(tab, function):
    """Returns a generator as Gradio calls it."""

    def answer(preset, *given, progress):
        with _told():
            took = _Stopwatch(tab, preset, progress)
            with contextlib.closing(function(tab.models, preset, *given)) as found:
                for *results, notes in found:
                    yield *results, _lines(took.told(), notes)

    return _as_gradio_calls(answer, function)


def _as_gradio_calls(answer, function):
    """Gives an answer the parameters' names, which the API shows, and a progress."""
    _, *own = inspect.signature(function).parameters.values()
    tracker = inspect.Parameter(
        "progress", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=gr.Progress()
    )

    if inspect.isgeneratorfunction(answer):

        @functools.wraps(answer)
        def called(*given):
            yield from answer(*given[: len(own)], progress=given[len(own)])
    else:

        @functools.wraps(answer)
        def called(*given):
            return answer(*given[: len(own)], progress=given[len(own)])

    called.__name__ = function.__name__
    called.__signature__ = inspect.Signature([*own, tracker])
    return called


class _Stopwatch:
    """Tells how long an answer takes, and apart from it the loading of its model."""

    def __init__(self, tab, preset, progress):
        if preset is None:
            raise UserError("Choose a preset first.")
        self._models, self._preset = tab.models, preset
        self._is_loaded = tab.models.seconds(preset) is not None
        if not self._is_loaded:
            progress(0, desc=f"Loading {preset} …")
        self._start = time.perf_counter()

    def told(self):
        """Returns the time until now, a sentence."""
        seconds = time.perf_counter() - self._start
        loading = None if self._is_loaded else self._models.seconds(self._preset)
        if loading is None:
            return f"Answered in {seconds:.2f} s."
        answering = max(seconds - loading, 0)
        return f"Answered in {answering:.2f} s, loaded in {loading:.1f} s before."


@contextlib.contextmanager
def _told():
    """Tells mistakes as the commands do, in a sentence; a fault in the terminal."""
    try:
        yield
    except _MISTAKES as error:
        raise _error(str(error)) from None
    except gr.Error:
        raise
    except Exception:
        traceback.print_exc(file=sys.stderr)
        raise _error(_UNFORESEEN) from None


def _error(sentence):
    # It is shown as HTML.
    escaped = html.escape(sentence, quote=False)
    return gr.Error(escaped, duration=None, print_exception=False)


def _lines(took, notes):
    """Returns the time taken and notes as Markdown, which shows them as they are."""
    plain = [re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", note) for note in notes]
    told = [html.escape(f"Note: {note}", quote=False) for note in plain]
    return "  \n".join([took, *told])
