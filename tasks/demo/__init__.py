"""A page in the browser on which all templates can be tried.

python -m tasks.demo
"""

import os

# Before Gradio is imported, wherever that may be: the page calls no other machine, and
# keeps nothing of what was asked, not in the browser either.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SUMMARY = "Serves a page to the browser on which all templates can be tried."
