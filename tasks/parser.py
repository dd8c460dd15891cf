"""An argument parser that tells a mistake in one line, with the nearest name."""

import argparse
import difflib

import simple_parsing

from tasks.errors import did_you_mean


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a flag's default where there is one to show."""

    def _get_help_string(self, action):
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


class Parser(simple_parsing.ArgumentParser):
    """Tells a mistake in one line, with the nearest flag there is."""

    def __init__(self, *args, **kwargs):
        # argparse would let `--epoch` pass for `--epochs`.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message):
        """Ends the process with exit code 2."""
        end = "" if message.endswith((".", "?")) else "."
        hint = f"See {self.prog} --help."
        self.exit(2, f"{self.prog}: error: {message}{end} {hint}\n")

    def parse_known_args(self, args=None, namespace=None, attempt_to_reorder=False):
        """Refuses unknown arguments here, where this command's flags are known."""
        namespace, extra = super().parse_known_args(args, namespace, attempt_to_reorder)
        flags = [name for name in extra if name.startswith("--")]
        if flags:
            known = [name for action in self._actions for name in action.option_strings]
            self.error(did_you_mean("flag", flags[0].split("=")[0], known))
        return namespace, extra

    def _check_value(self, action, value):
        """Names the nearest of an argument's choices."""
        choices = list(action.choices or ())
        if choices and value not in choices:
            near = difflib.get_close_matches(str(value), map(str, choices), n=1)
            listed = ", ".join(map(str, choices))
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed}."
            raise argparse.ArgumentError(action, f"unknown {value!r}. {hint}")

    def format_help(self):
        """Shows a flag's own name for its value: --epochs EPOCHS."""
        self._preprocessing()
        for group in self._action_groups:
            group.title = group.title and group.title.partition(" ['")[0]
        for action in self._actions:
            if action.option_strings and action.choices is None and action.nargs != 0:
                name = action.option_strings[0].lstrip("-").replace("-", "_").upper()
                action.metavar = action.metavar if _plain(action.metavar) else name
        return super().format_help()


def _plain(metavar):
    return isinstance(metavar, str) and metavar.isupper() and "." not in metavar
