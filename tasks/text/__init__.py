"""One-to-many: a few words or nothing in, a text out, and how probable texts are.

python -m tasks.text train
python -m tasks.text generate --model runs/text/synthetic-markov/preset --prompt "ab"
"""

from tasks.cli.config import PredictionConfig
from tasks.cli.templates import Command, Template
from tasks.text.config import (
    SUMMARY,
    Config,
    Evaluation,
    Explanation,
    Generation,
    Scoring,
)

TEMPLATE = Template(
    name="text",
    summary=SUMMARY,
    examples=[
        "python -m tasks.text train             # synthetic/markov: no download",
        "python -m tasks.text train --dataset tiny_shakespeare --hold-out 0.05 "
        "--cache 4000",
        "python -m tasks.text train --files books/*.txt --level word --tied",
        "python -m tasks.text evaluate --model runs/text/synthetic-markov/preset",
        'python -m tasks.text generate --prompt "This film" --temperature 0.8',
        "python -m tasks.text score --input texts.txt --json",
        'python -m tasks.text rank "The apple and pair salad" '
        '"The apple and pear salad"',
        'python -m tasks.text explain "The cats, which ate the fish, were full"',
    ],
    config=Config,
    evaluation=Evaluation,
    preset="text_en",
    train="tasks.text.template:train",
    evaluate="tasks.text.template:evaluate",
    commands={
        "generate": Command(
            "write texts that go on with a prompt",
            Generation,
            "tasks.text.commands:generate",
        ),
        "score": Command(
            "say how probable texts are, unknown words by their spelling",
            Scoring,
            "tasks.text.commands:score",
            takes_texts=True,
            served="tasks.text.served:call",
        ),
        "rank": Command(
            "put texts in order, the most probable first, unknown words by their "
            "spelling",
            PredictionConfig,
            "tasks.text.commands:rank",
            takes_texts=True,
        ),
        "explain": Command(
            "draw a model's gates over a text, and compare words in it",
            Explanation,
            "tasks.text.explanation:explain",
            takes_texts=True,
        ),
    },
)
