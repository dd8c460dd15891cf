"""Many-to-many, T_x = T_y: a sentence in, a tag for each of its words out.

python -m tasks.ner predict "Teddy Roosevelt was born in New York."
python -m tasks.ner train --dataset synthetic/entities
"""

from tasks.cli.templates import Template
from tasks.ner.config import SUMMARY, Config, Evaluation, Prediction

TEMPLATE = Template(
    name="ner",
    summary=SUMMARY,
    examples=[
        'python -m tasks.ner predict "Teddy Roosevelt was born in New York."',
        "python -m tasks.ner predict --input sentences.txt --json",
        "python -m tasks.ner train              # synthetic/entities: no download",
        "python -m tasks.ner train --dataset conll2002/es --layers 2",
        "python -m tasks.ner train --dataset universal_dependencies/en_ewt",
        "python -m tasks.ner train --train-file mine.conll --vectors glove.txt",
        "python -m tasks.ner evaluate --dataset wnut17 --conll out.txt",
    ],
    config=Config,
    evaluation=Evaluation,
    preset="ner_en",
    train="tasks.ner.template:train",
    evaluate="tasks.ner.template:evaluate",
    predict="tasks.ner.commands:predict",
    served="tasks.ner.served:call",
    prediction=Prediction,
)
