"""An argument parser that tells a mistake in one line, with the nearest name."""

import argparse
import re
import shlex
import sys

import simple_parsing
from simple_parsing.helpers.custom_actions import BooleanOptionalAction

from tasks.errors import did_you_mean, nearest

# The flags whose values are paths wherever they are.
_PATHS = {"--input", "--output"}
# Flags of one file that is read: whoever gives two means both, not the last one.
_READ = re.compile(r"--(?:input|(?:.*-)?file)")
# To argparse -1e-3 is a flag.
_NEGATIVE = re.compile(r"-(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a flag's default where there is one to show, and its opposite beside it."""

    def _get_help_string(self, action):
        text, default = action.help, action.default
        if _is_switch(action):
            text = text.removesuffix(" (default: %(default)s)")
            if default is not None:
                on, off = action.option_strings[0], action.option_strings[-1]
                text += f" (default: {on if default else off})"
            return text
        # Not `in (None, False)`, which 0 is too.
        if default is None or default is False or default in ([], ""):
            return text
        if isinstance(default, list):
            shown = " ".join(map(str, default)).replace("%", "%%")
            return f"{text} (default: {shown})"
        return super()._get_help_string(action)

    def _format_usage(self, usage, actions, groups, prefix):
        # What is on or off takes "true" and "false" as well, which nobody needs.
        switches = [action for action in actions if _is_switch(action)]
        for action in switches:
            action.nargs = 0
        try:
            return super()._format_usage(usage, actions, groups, prefix)
        finally:
            for action in switches:
                action.nargs = "?"

    def _format_action_invocation(self, action):
        if _is_switch(action):
            return ", ".join(action.option_strings)
        return super()._format_action_invocation(action)


def _is_switch(action):
    """Says whether an action is a flag with an opposite, --tied and --no-tied."""
    return isinstance(action, BooleanOptionalAction)


class Parser(simple_parsing.ArgumentParser):
    """Tells a mistake in one line, with the nearest flag there is."""

    def __init__(self, *args, **kwargs):
        # argparse would let `--epoch` pass for `--epochs`.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})
        self._negative_number_matcher = _NEGATIVE

    def _preprocessing(self, *args, **kwargs):
        """Adds the configs' flags, of which none may be given without its value."""
        super()._preprocessing(*args, **kwargs)
        for action in self._actions:
            if action.option_strings and action.nargs == "?" and not _is_switch(action):
                action.nargs = None

    def exit(self, status=0, message=None):
        """Ends the process."""
        if message and message.startswith("Negative flags"):  # of simple_parsing
            self.error(message)
        super().exit(status, message)

    def error(self, message):
        """Ends the process with exit code 2."""
        message = message.replace("ignored explicit argument", "takes no value, found")
        end = "" if message.endswith((".", "?")) else "."
        hint = f"See {self.prog} --help."
        self.exit(2, f"{self.prog}: error: {message}{end} {hint}\n")

    def parse_known_args(self, args=None, namespace=None, attempt_to_reorder=False):
        """Refuses unknown arguments here, where this command's flags are known."""
        given = sys.argv[1:] if args is None else list(args)
        namespace, extra = super().parse_known_args(args, namespace, attempt_to_reorder)
        self._check_once(given)
        flags = [name for name in extra if name.startswith("--")]
        if flags:
            known = [name for action in self._actions for name in action.option_strings]
            self.error(did_you_mean("flag", flags[0].split("=")[0], known))
        if extra and extra[0].startswith("-") and self._takes_texts():
            self.error(
                f"unexpected {shlex.join(extra)}. If it is a text, put -- before all "
                f"texts: … -- {shlex.join(extra)}"
            )
        if extra and self._subparsers is None:
            self.error(
                f"unexpected {shlex.join(extra)}: no flag takes that many. Put quotes "
                "around what has spaces or wildcards in it."
            )
        return namespace, extra

    def _check_once(self, args):
        """Refuses a flag given twice, where the first values would be left out."""
        if self._subparsers is not None:
            return
        args = args[: args.index("--")] if "--" in args else args
        given = [each.partition("=")[0] for each in args]
        for action in self._actions:
            names = {*action.option_strings}
            keeps_all = isinstance(action, argparse._AppendAction)
            if keeps_all or sum(each in names for each in given) < 2:
                continue
            flag = action.option_strings[0]
            if isinstance(action.nargs, int) and action.nargs > 1:
                self.error(
                    f"{flag} takes {action.nargs} values, and is given twice: only the "
                    "last ones would count. Give it once."
                )
            if action.nargs in ("+", "*"):
                self.error(
                    f"{flag} is given twice: give it once, with all its values behind "
                    f"it: {flag} A B …"
                )
            if any(map(_READ.fullmatch, names)):
                self.error(
                    f"{flag} takes one file, and is given twice. Put several files "
                    "together first."
                )

    def _takes_texts(self):
        return any(action.dest == "texts" for action in self._actions)

    def _get_value(self, action, arg_string):
        """Refuses a path that is empty, as of a variable that isn't set."""
        if not arg_string and _PATHS & {*action.option_strings}:
            raise argparse.ArgumentError(
                action, "is empty. Give a path, or leave it out"
            )
        return super()._get_value(action, arg_string)

    def _check_value(self, action, value):
        """Names the nearest of an argument's choices."""
        choices = list(action.choices or ())
        if choices and value not in choices:
            near = nearest(str(value), map(str, choices))
            listed = ", ".join(map(str, choices))
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed}."
            raise argparse.ArgumentError(action, f"unknown {value!r}. {hint}")

    def format_help(self):
        """Shows a flag's own name for its value: --epochs EPOCHS."""
        self._preprocessing()
        for group in self._action_groups:
            title = group.title and group.title.partition(" ['")[0]
            # The name of a config's class; the training's has no other.
            group.title = title and (title.removesuffix("Config") or "Training")
            if sys.flags.optimize > 1:  # no docstrings, for which signatures stand in
                group.description = None
        for action in self._actions:
            if action.option_strings and action.choices is None and action.nargs != 0:
                name = action.option_strings[0].lstrip("-").replace("-", "_").upper()
                action.metavar = action.metavar if _plain(action.metavar) else name
        return super().format_help()


def _plain(metavar):
    return isinstance(metavar, str) and metavar.isupper() and "." not in metavar
