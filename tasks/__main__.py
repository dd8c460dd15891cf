"""Lists the task templates: `python -m tasks`."""

TEMPLATES = {
    "ner": "many-to-many: a sentence in, a tag for each word out: names, say",
    "sentiment": "many-to-one: a text in, its sentiment or any other class out",
    "text": "one-to-many: a few words in, a text out, or how probable it is",
    "music": "one-to-many: a chord, some bars or nothing in, a piece of music out",
    "translation": "many-to-many: a text in, its translation of any length out",
}


def main() -> None:
    """Prints a line a template."""
    print("The sequence zoo's task templates:\n")
    for name, summary in TEMPLATES.items():
        print(f"  python -m tasks.{name:12} {summary}")
    print("\nEach shows what it can do, with examples, when run without arguments.")


if __name__ == "__main__":
    main()
