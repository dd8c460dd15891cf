"""A page in the browser on which all templates can be tried.

python -m tasks.demo
"""

import os

# Before Gradio is imported, wherever that may be: the page calls no other machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SUMMARY = "Opens a page in the browser on which all templates can be tried."
