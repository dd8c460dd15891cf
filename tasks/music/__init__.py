"""One-to-many: a note, a chord, some bars or nothing in, a piece of music out.

python -m tasks.music train
python -m tasks.music generate --model runs/music/synthetic-scales/preset --output new
"""

from tasks.cli.templates import Command, Template
from tasks.music.config import (
    SUMMARY,
    Config,
    Continuation,
    Evaluation,
    Generation,
    Harmonization,
    Scoring,
)

TEMPLATE = Template(
    name="music",
    summary=SUMMARY,
    examples=[
        "python -m tasks.music train            # synthetic/scales: no download",
        "python -m tasks.music train --dataset poly_music/jsb_chorales --transpose 6",
        "python -m tasks.music train --midi-files 'songs/**/*.mid'",
        "python -m tasks.music evaluate --model runs/music/synthetic-scales/preset",
        'python -m tasks.music generate --chord "C E G" --count 3 --output new',
        "python -m tasks.music continue song.mid --steps 64 --output new",
        "python -m tasks.music harmonize melody.mid --output new",
        "python -m tasks.music score song.mid --json",
    ],
    config=Config,
    evaluation=Evaluation,
    preset="music_jsb",
    train="tasks.music.template:train",
    evaluate="tasks.music.template:evaluate",
    commands={
        "generate": Command(
            "draw pieces, from nothing, a chord or the beginning of a MIDI file",
            Generation,
            "tasks.music.commands:generate",
        ),
        "continue": Command(
            "draw how MIDI files go on: their notes stay, what is drawn follows",
            Continuation,
            "tasks.music.commands:go_on",
            takes_files=True,
        ),
        "harmonize": Command(
            "keep the notes of MIDI files and draw what goes below the highest",
            Harmonization,
            "tasks.music.commands:harmonize",
            takes_files=True,
        ),
        "score": Command(
            "say how probable MIDI files are",
            Scoring,
            "tasks.music.commands:score",
            takes_files=True,
        ),
    },
)
