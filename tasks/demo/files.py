"""Where the page's files are: what it makes is there for an hour, or until it ends."""

import atexit
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

KEPT = 3600
"""Seconds that what was made can be looked at and downloaded."""


@functools.cache
def root() -> Path:
    """Returns the page's own folder, which goes with the process."""
    made = Path(tempfile.mkdtemp(prefix="zoo-demo-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def keep_uploads() -> None:
    """Has Gradio keep what is given in the page's own folder, unless told where."""
    os.environ.setdefault("GRADIO_TEMP_DIR", str(root() / "uploads"))


def new_folder() -> Path:
    """Returns an empty folder for an answer, and removes those that are old."""
    answers, now = root() / "answers", time.time()
    answers.mkdir(exist_ok=True)
    for folder in answers.iterdir():
        try:
            if now - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # removed by another answer
            continue
    return Path(tempfile.mkdtemp(dir=answers))
