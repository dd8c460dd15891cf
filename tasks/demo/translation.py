"""The tab on which texts are translated."""

import gradio as gr

import zoo
from tasks import translation
from tasks.cli import outputs
from tasks.demo.controls import Tab
from tasks.demo.files import new_folder
from tasks.demo.models import Models, given_text
from tasks.errors import UserError
from tasks.translation import commands
from tasks.translation.config import Search

_BEST = Search().beam
"""The most translations of a text: as many as the search keeps."""

_EXAMPLES = {
    "German": ("de_en", "Zwei Hunde spielen im Schnee."),
    "German, two sentences": (
        "de_en",
        "Eine Frau liest ein Buch. Ein Mann spielt Gitarre.",
    ),
    "English": ("en_de", "Two dogs are playing in the snow."),
    "English, longer": (
        "en_de",
        "A man in a blue shirt is standing on a ladder cleaning a window.",
    ),
    "A limit: words of a newspaper": (
        "de_en",
        "Die Bundesbank hat gestern überraschend die Zinsen gesenkt.",
    ),
}


def load(folder):
    """Returns a preset's translator, which has translated once."""
    model = zoo.from_preset(folder)
    commands.search_for(model, ["a"], Search(), _BEST)
    return model


def translate(models: Models, preset: str, text: str, count: float = 3):
    """Translates a text.

    Args:
        models: the models.
        preset: the preset's name, which tells the direction.
        text: the text.
        count: how many translations to show.

    Returns:
        The best translation; a row for each of the best: translation, score, log P in
        nats; and the picture of what the best one looked at, a PNG, or None.

    Raises:
        UserError: there is no text, or too much, or the count is out of its range.
        PresetError: the model gives NaN.
    """
    text = given_text(text)
    if count not in range(1, _BEST + 1):
        raise UserError(f"--n-best must be from 1 to {_BEST}, found {count}.")
    with models.answering(preset, "translation") as model:
        found = commands.search_for(model, [text], Search(), _BEST)
    [row] = commands.rows_of([text], found, preset)
    rows = [
        [
            each["translation"],
            round(each["score"], 2),
            round(each["log_probability"], 2),
        ]
        for each in row["translations"][: int(count)]
    ]
    picture = new_folder() / "attention.png"
    try:
        commands.draw_attention(found, picture)
    except UserError as error:
        outputs.note(f"There is no picture: {error}")
        picture = None
    return rows[0][0], rows, picture and str(picture)


def build(models: Models) -> None:
    """Lays out the tab."""
    tab = Tab(models, "translation", translation.TEMPLATE.preset)
    models.register("translation", load)
    with tab.asking():
        preset = tab.chooser("A text in, its translation out.")
        text = gr.Textbox(
            label="Text", lines=3, max_lines=12, value=_EXAMPLES["German"][1]
        )
        count = gr.Slider(
            1, _BEST, 3, step=1, label="Translations", info="The best that were found."
        )
        examples = {
            label: [tab.in_language(direction), given]
            for label, (direction, given) in _EXAMPLES.items()
        }
        tab.examples(examples, [preset, text])
        button, stop = tab.buttons("Translate")
    with tab.answer():
        best = gr.Textbox(label="Translation", lines=2, interactive=False)
        rows = gr.Dataframe(
            headers=["translation", "score", "log P"],
            datatype=["str", "number", "number"],
            label="The best, by their scores",
            interactive=False,
            wrap=True,
            column_widths=["60%", "20%", "20%"],
        )
        picture = gr.Image(
            label="Attention: the text across",
            type="filepath",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_classes="picture",
        )
        results = [best, rows, picture]
        events = [button.click, text.submit]
        given = [preset, text, count]
        asked = tab.ask(events, translate, given, results, "translate")
    tab.stop_by(stop, asked)
