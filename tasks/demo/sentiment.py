"""The tab on which texts are classified."""

import gradio as gr

import zoo
from tasks import sentiment
from tasks.cli import answers
from tasks.demo.controls import COLORS, Tab
from tasks.demo.models import Models, given_text
from tasks.sentiment import explanation

# The share of the strongest word's effect from which on a word is marked.
_MARKED = 0.15
_LISTED = 10
_EXAMPLES = {
    "Praise": "Not a minute too long: a wonderful film, and the best cast for years.",
    "Blame": "Two hours of my life that nobody gives back. Dull, loud and badly acted.",
    "Mixed": "The story is thin, but the music and the pictures made me forget it.",
    "Negation": "I can't say that I didn't enjoy it.",
    "A limit: irony": "Brilliant. I loved every minute of the trailer, and then the "
    "film began.",
}


def load(folder):
    """Returns a preset's classifier, which has answered once."""
    model = zoo.from_preset(folder)
    model.classify("A first text is what takes longest.")
    return model


def classify(models: Models, preset: str, text: str):
    """Says which class a text is of, and which words speak for which class.

    Args:
        models: the models.
        preset: the preset's name.
        text: the text.

    Returns:
        Each class' probability, by its name; the text in spans, (text, class or
        None); and rows of the words that say most for a class: word, class, nats.

    Raises:
        UserError: there is no text, or too much.
        PresetError: the model gives NaN.
    """
    text = given_text(text)
    with models.answering(preset, "sentiment") as model:
        [row] = model.classify([text])["probabilities"].numpy().tolist()
        answers.check_numbers(preset, row)
        spans = explanation.occlusion(model, text)
    strongest = max(span.effect for span in spans)
    marked, place = [], 0
    for span in spans:
        if span.effect > _MARKED * strongest:
            marked.append((text[place : span.start], None))
            marked.append((text[span.start : span.end], span.label))
            place = span.end
    marked.append((text[place:], None))
    listed = [span for span in spans if span.effect >= 0]
    listed = sorted(listed, key=lambda span: -span.effect)[:_LISTED]
    return (
        dict(zip(model.class_names, row, strict=True)),
        [part for part in marked if part[0]],
        [[text[s.start : s.end], s.label, round(s.effect, 3)] for s in listed],
    )


def build(models: Models) -> None:
    """Lays out the tab."""
    tab = Tab(models, "sentiment", sentiment.TEMPLATE.preset)
    models.register("sentiment", load)
    with tab.asking():
        preset = tab.chooser("A text in, its class out.")
        text = gr.Textbox(
            label="Text", lines=4, max_lines=12, value=_EXAMPLES["Praise"]
        )
        tab.examples({name: [each] for name, each in _EXAMPLES.items()}, [text])
        button, stop = tab.buttons("Classify")
    with tab.answer():
        classes = gr.Label(label="Classes, and how probable each is")
        words = gr.HighlightedText(
            label="Which words speak for which class",
            color_map=_colors(tab, tab.first),
            combine_adjacent=False,
            show_legend=True,
        )
        preset.change(
            lambda name: gr.HighlightedText(color_map=_colors(tab, name)),
            preset,
            words,
            api_visibility="private",
            show_progress="hidden",
            queue=False,
        )
        effects = gr.Dataframe(
            headers=["word", "speaks for", "effect"],
            datatype=["str", "str", "number"],
            label="The words with the most effect",
            interactive=False,
            wrap=True,
            column_widths=["50%", "25%", "25%"],
        )
        gr.Markdown(
            "By occlusion: each word is left out in turn. Its effect is what the "
            "class' log-odds lose by that, in nats.",
            elem_classes="aside",
        )
        results = [classes, words, effects]
        events = [button.click, text.submit]
        asked = tab.ask(events, classify, [preset, text], results, "classify")
    tab.stop_by(stop, asked)


def _colors(tab, name):
    """Returns a color for each class of a preset."""
    found = tab.models.preset(name).config if name in tab.names else {}
    names = found.get("class_names", ())
    return {name: COLORS[place % len(COLORS)] for place, name in enumerate(names)}
