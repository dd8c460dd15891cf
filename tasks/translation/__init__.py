"""Many-to-many, T_x ≠ T_y: a text in, its translation of any length out.

python -m tasks.translation train
python -m tasks.translation translate "Zwei Hunde spielen im Schnee."
"""

from tasks.cli.templates import Command, Template
from tasks.translation.config import SUMMARY, Config, Evaluation, Scoring, Translation

TEMPLATE = Template(
    name="translation",
    summary=SUMMARY,
    examples=[
        "python -m tasks.translation train      # synthetic/dates: no download",
        "python -m tasks.translation train --dataset multi30k/de_en --dropout 0.4",
        "python -m tasks.translation train --dataset wmt14_translate/de-en --source en",
        "python -m tasks.translation train --files news.de news.en",
        'python -m tasks.translation translate "Zwei Hunde spielen." --n-best 4',
        "python -m tasks.translation translate --input texts.de --output texts.en",
        "python -m tasks.translation translate --input texts.de --output texts.en "
        "--resume",
        'python -m tasks.translation translate "Ein Hund." --attention-plot hund.png',
        'python -m tasks.translation score "Ein Hund." "A dog."',
    ],
    config=Config,
    evaluation=Evaluation,
    preset="translation_de_en",
    train="tasks.translation.template:train",
    evaluate="tasks.translation.template:evaluate",
    commands={
        "translate": Command(
            "translate texts",
            Translation,
            "tasks.translation.commands:translate",
            takes_texts=True,
            served="tasks.translation.served:call",
        ),
        "score": Command(
            "say how probable translations are",
            Scoring,
            "tasks.translation.commands:score",
        ),
    },
)
