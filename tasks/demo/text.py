"""The tab on which texts are written, compared and looked into."""

import contextvars
import secrets
from collections.abc import Iterator

import gradio as gr
import tensorflow as tf

import zoo
from tasks import text as template
from tasks.cli import answers
from tasks.demo.config import MOST_TOKENS, MOST_WORDS
from tasks.demo.controls import Tab
from tasks.demo.files import new_folder
from tasks.demo.models import Models, given_text, number, whole, within_bounds
from tasks.errors import UserError
from tasks.reporting.explanation_page import visible
from tasks.text import commands, explanation
from tasks.text.config import Generation
from zoo import kernels

_CATS = "The cats, which already ate the fish, were full"
_PAIRS = {
    "are or is": ["The actors are very good.", "The actors is very good."],
    "seen or saw": ["I have saw this film twice.", "I have seen this film twice."],
    "bore or boar": ["The film was a bore.", "The film was a boar."],
    "A limit: pear, which it doesn't know": [
        "The apple and pear salad",
        "The apple and pair salad",
    ],
    "A limit: a shorter text has it easier": [
        "A dog.",
        "The dog that lives next door barked all night.",
    ],
}
_AGREEMENTS = {
    "actor … was": "The actor, who plays it well, was great",
    "actors … were": "The actors in this film, which I saw again, were great",
    "A limit: cats … were": _CATS,
}


def load(folder):
    """Returns a preset's language model, which has answered once."""
    model = zoo.from_preset(folder)
    model.score("A first text is what takes longest.")
    return model


def write(
    models: Models,
    preset: str,
    prompt: str,
    length: float = 100,
    temperature: float = 0.8,
    top_k: float = 0,
    top_p: float = 1.0,
    seed: float | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """Writes a text that goes on with a prompt, token by token.

    Args:
        models: the models.
        preset: the preset's name.
        prompt: what the text begins with; may be empty.
        length: the most tokens to draw.
        temperature: how daringly.
        top_k: among how many tokens; 0 for all.
        top_p: among those that have this probability together.
        seed: of the draws; None for a new one.

    Yields:
        The text as far as it is written, and what is to be said of it.

    Raises:
        UserError: a number is out of its range.
        PresetError: the model gives NaN; as pieces are taken.
    """
    prompt = within_bounds(prompt or "", "prompt")
    seed = secrets.randbelow(2**31) if seed is None else whole("seed", seed)
    settings = Generation(
        prompt=prompt,
        length=whole("length", length),
        temperature=number("temperature", temperature),
        top_k=whole("top-k", top_k),
        top_p=number("top-p", top_p),
        seed=seed,
    )
    settings.check()
    if settings.length > MOST_TOKENS:
        raise UserError(
            f"--length: at most {MOST_TOKENS:,} tokens can be drawn here, found "
            f"{settings.length:,}. python -m tasks.text generate draws more."
        )
    model = models.get(preset, "text")
    notes = [*commands.notes(model, prompt.encode("utf-8")), f"drawn with seed {seed}."]
    # Whoever shows it may take each piece in another thread: the context stays.
    pieces = commands.drawn(preset, _pieces(model, settings))
    context = contextvars.copy_context()
    text = prompt
    yield text, notes
    try:
        while (piece := context.run(next, pieces, None)) is not None:
            if piece and text == prompt:
                piece = commands.gap(model.level, prompt, piece) + piece
            text += piece
            yield text, notes
    finally:
        context.run(pieces.close)


def _pieces(model, settings):
    """Yields what is drawn, a token at a time."""
    with kernels.portable():
        for piece in model.stream(
            tf.constant([settings.prompt]),
            settings.length,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            seed=settings.seed,
            piece=1,
        ):
            yield piece.numpy()[0].decode("utf-8", "replace")


def rank(models: Models, preset: str, first: str, second: str):
    """Says which of two texts is the more probable, and how probable both are.

    Args:
        models: the models.
        preset: the preset's name.
        first: a text.
        second: another.

    Returns:
        A row for each, the more probable first: text, log P in nats, perplexity, bits
        per character, and the words that are unknown.

    Raises:
        UserError: a text is missing, or too long.
        PresetError: the model gives NaN.
    """
    texts = [given_text(first, "first text"), given_text(second, "second text")]
    encoded = [text.encode("utf-8") for text in texts]
    with models.answering(preset, "text") as model:
        scored = model.score(tf.constant(encoded))
        answers.check_numbers(preset, scored["log_probability"].numpy())
        rows = commands.ranked(commands.score_rows(model, encoded, scored))
    return (
        [
            [
                row["text"],
                round(row["log_probability"], 2),
                round(row["perplexity"], 1),
                round(row["bits_per_character"], 2),
                ", ".join(dict.fromkeys(row["unknown"])),
            ]
            for row in rows
        ],
    )


def gates(models: Models, preset: str, text: str, alternatives: str = "was, were"):
    """Draws a model's gates over a text, and compares words at one place of it.

    Args:
        models: the models.
        preset: the preset's name.
        text: the text.
        alternatives: words to compare, between commas.

    Returns:
        The picture, a PNG; and a row for each word: the word, its probability, log P
        of the text with it.

    Raises:
        UserError: there is no text, or it is too long, there are too many words, or
            the model has no gates.
        PresetError: the model gives NaN.
    """
    text = given_text(text)
    words = [word.strip() for word in within_bounds(alternatives or "").split(",")]
    words = list(dict.fromkeys(filter(None, words)))
    if len(words) > MOST_WORDS:
        raise UserError(
            f"At most {MOST_WORDS} words can be compared here, found {len(words):,}. "
            "python -m tasks.text explain takes more."
        )
    picture = new_folder() / explanation.PICTURE
    with models.answering(preset, "text") as model:
        explanation.check_gates(preset, model)
        tokens, logs, found = explanation.read(model, text)
        answers.check_numbers(preset, logs)
        explanation.draw(found, list(map(visible, tokens)), picture)
        _, compared = explanation.compare(model, text, words)
    rows = [
        [each.word, round(each.probability, 6), round(each.log_probability, 3)]
        for each in compared
    ]
    return str(picture), rows


def build(models: Models) -> None:
    """Lays out the tab."""
    tab = Tab(models, "text", template.TEMPLATE.preset)
    models.register("text", load)
    with gr.Column():
        preset = tab.chooser(
            "A few words in, a text out; any text, how probable it is."
        )
        with gr.Tabs():
            with gr.Tab("Write"), gr.Row():
                _build_write(tab, preset)
            with gr.Tab("Compare"), gr.Row():
                _build_rank(tab, preset)
            with gr.Tab("Gates"), gr.Row():
                _build_gates(tab, preset)


def _build_write(tab, preset):
    with tab.asking():
        prompt = gr.Textbox(
            label="Prompt", info="What the text begins with; may be empty.", lines=2
        )
        length = gr.Slider(
            1, MOST_TOKENS, 100, step=1, label="Length", info="The most tokens to draw."
        )
        with gr.Accordion("How daringly", open=False):
            temperature, *others = _daring()
        examples = {
            "A review": ["text_en", "This film", 100, 0.8],
            "An everyday sentence": ["text_en", "I have never", 20, 0.7],
            "Shakespeare": ["text_shakespeare", "ROMEO:", 300, 0.8],
            "A limit: it loses the thread": ["text_en", "The plot:", 300, 1],
            "A limit: the likeliest words go in circles": ["text_en", "", 100, 0],
        }
        tab.examples(examples, [preset, prompt, length, temperature])
        button, stop = tab.buttons("Write")
    with tab.answer():
        text = gr.Textbox(label="Text", lines=12, max_lines=30, interactive=False)
        given = [preset, prompt, length, temperature, *others]
        events = [button.click, prompt.submit]
        writing = tab.ask(events, write, given, [text], "write")
    tab.stop_by(stop, writing)


def _daring():
    """Lays out the numbers that tell what may be drawn."""
    return (
        gr.Slider(
            0, 2, 0.8, step=0.05, label="Temperature", info="0: always the likeliest."
        ),
        gr.Slider(
            0, 200, 0, step=1, label="Top-k", info="Among so many tokens; 0: all."
        ),
        gr.Slider(
            0.05, 1, 1, step=0.05, label="Top-p", info="Among those likely together."
        ),
        gr.Number(
            None,
            label="Seed",
            info="The same seed, the same text; empty: a new one.",
            precision=0,
        ),
    )


def _build_rank(tab, preset):
    pair = _PAIRS["are or is"]
    with tab.asking():
        first = gr.Textbox(label="First text", value=pair[0])
        second = gr.Textbox(label="Second text", value=pair[1])
        tab.examples(_PAIRS, [first, second])
        button, stop = tab.buttons("Compare")
    with tab.answer():
        rows = gr.Dataframe(
            headers=["text", "log P", "perplexity", "bits", "unknown"],
            datatype=["str", "number", "number", "number", "str"],
            label="The more probable first; bits are those of a character",
            interactive=False,
            wrap=True,
            column_widths=["22%", "17%", "27%", "14%", "20%"],
        )
        events = [button.click, first.submit, second.submit]
        ranking = tab.ask(events, rank, [preset, first, second], [rows], "rank")
    tab.stop_by(stop, ranking)


def _build_gates(tab, preset):
    with tab.asking():
        text = gr.Textbox(label="Text", value=_CATS, lines=2)
        words = gr.Textbox(
            label="Words to compare",
            info="Between commas; where the text has one of them, or at its end.",
            value="was, were",
        )
        examples = {label: [each, "was, were"] for label, each in _AGREEMENTS.items()}
        tab.examples(examples, [text, words])
        button, stop = tab.buttons("Look")
    with tab.answer():
        rows = gr.Dataframe(
            headers=["word", "probability", "log P of the text"],
            datatype=["str", "number", "number"],
            label="How probable each word is at its place",
            interactive=False,
        )
        picture = gr.Image(
            label="Gates: units down, tokens across",
            type="filepath",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_classes="picture",
        )
        events = [button.click, text.submit, words.submit]
        given = [preset, text, words]
        looking = tab.ask(events, gates, given, [picture, rows], "gates")
    tab.stop_by(stop, looking)
