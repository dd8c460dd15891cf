"""The tab on which names are found in texts, or words are tagged."""

import gradio as gr
import tensorflow as tf

import zoo
from tasks import ner
from tasks.cli import answers
from tasks.demo.controls import COLORS, Tab
from tasks.demo.models import Models, given_text
from tasks.ner import entities, tagged_texts
from zoo import tags

_EXAMPLES = {
    "English": (
        "en",
        "Teddy Roosevelt was born in New York and studied at Harvard University.",
    ),
    "English, in lower case": ("en", "angela merkel met barack obama in berlin"),
    "Spanish": (
        "es",
        "Federico García Lorca nació en Granada y estudió en la Universidad de Madrid.",
    ),
    "Spanish, a newspaper": (
        "es",
        "El presidente de Telefónica, Juan Villalonga, viajó el lunes a Brasil.",
    ),
    "Dutch": (
        "nl",
        "Vincent van Gogh werd geboren in Zundert en woonde later in Arles.",
    ),
    "Dutch, a newspaper": (
        "nl",
        "De Belgische premier Guy Verhofstadt reist maandag naar Den Haag.",
    ),
    "A limit: names that are words": (
        "en",
        "May told Rose that Will had left Reading for Bath on Sunday.",
    ),
}


def load(folder):
    """Returns a preset's tagger, which has answered once."""
    model = zoo.from_preset(folder)
    model.tag("A first sentence is what takes longest, in London.")
    return model


def tag(models: Models, preset: str, text: str):
    """Finds the names in a text, or tags its words.

    Args:
        models: the models.
        preset: the preset's name.
        text: the text.

    Returns:
        The text in spans, (text, type and probability or None); and a row for each
        name, or word: text, type, probability, its first character and the one after
        its last.

    Raises:
        UserError: there is no text, or too much.
        PresetError: the model gives NaN.
    """
    text = given_text(text)
    with models.answering(preset, "ner") as model:
        tagged = model.tag(tf.constant([text]))
        [found] = tagged_texts.rows([text.encode("utf-8")], tagged)
        answers.check_numbers(preset, found.scores)
        scheme = model.scheme
    marked, place = [], 0
    rows = _rows(found, scheme)
    for shown, label, probability, start, end in rows:
        marked += [(text[place:start], None), (shown, _marked(label, probability))]
        place = end
    marked.append((text[place:], None))
    return [part for part in marked if part[0]], rows


def _marked(label, probability):
    """Returns what is shown beside a name: "PER 95%"."""
    return f"{label} {probability:.0%}"


def _rows(found, scheme):
    """Returns text, type, probability, start and end of each name, or word."""
    if scheme == tags.PLAIN:
        columns = found.tokens, found.tags, found.scores, found.starts, found.ends
        rows = zip(*columns, strict=True)
    else:
        names = "text", "label", "score", "start", "end"
        named = entities.entities(*found, scheme)
        rows = ([each[name] for name in names] for each in named)
    return [
        [shown, label, round(p, 4), start, end] for shown, label, p, start, end in rows
    ]


def build(models: Models) -> None:
    """Lays out the tab."""
    tab = Tab(models, "ner", ner.TEMPLATE.preset)
    models.register("ner", load)
    with tab.asking():
        preset = tab.chooser("A sentence in, the names in it out.")
        text = gr.Textbox(
            label="Text", lines=3, max_lines=12, value=_EXAMPLES["English"][1]
        )
        examples = {
            label: [tab.in_language(language), given]
            for label, (language, given) in _EXAMPLES.items()
        }
        tab.examples(examples, [preset, text])
        button, stop = tab.buttons("Find names")
    with tab.answer():
        marked = gr.HighlightedText(
            label="Names in the text, their types, and how probable each is",
            color_map=_colors(tab),
            combine_adjacent=False,
        )
        rows = gr.Dataframe(
            headers=["name", "type", "P", "start", "end"],
            datatype=["str", "str", "number", "number", "number"],
            label="How probable each is, and where it stands, in characters",
            interactive=False,
            wrap=True,
            column_widths=["32%", "16%", "20%", "17%", "15%"],
        )
        events = [button.click, text.submit]
        asked = tab.ask(events, tag, [preset, text], [marked, rows], "tag")
    tab.stop_by(stop, asked)


def _colors(tab):
    """Returns a color for each type of all presets, however probable."""
    labels = {}
    for preset in tab.models.of("ner"):
        given = preset.config.get("tags", ()), preset.config.get("scheme", "iob2")
        labels |= dict.fromkeys(tags.labels(*given))
    return {
        _marked(label, percent / 100): COLORS[place % len(COLORS)]
        for place, label in enumerate(labels)
        for percent in range(101)
    }
