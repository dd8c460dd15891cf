"""The page: five tabs, one for each template, and where it is served."""

import socket
import webbrowser

import gradio as gr
from gradio import processing_utils

from tasks.demo import music, ner, proxies, sentiment, text, translation
from tasks.demo.config import (
    FIRST_PORT,
    LAST_PORT,
    LOCALHOST,
    MOST_BYTES,
    MOST_WAITING,
    Serving,
)
from tasks.demo.files import KEPT, keep_uploads
from tasks.demo.models import Models
from tasks.errors import UserError

TITLE = "The sequence zoo"
_TABS = {
    "Sentiment": sentiment,
    "Names": ner,
    "Text": text,
    "Music": music,
    "Translation": translation,
}
_FONTS = ("system-ui", "sans-serif")
_MONOSPACED = ("ui-monospace", "monospace")
_CSS = """
.aside, .aside * { font-size: var(--text-sm); color: var(--body-text-color-subdued); }
.picture img { padding-top: 2.4rem; background: white; }
.card { overflow-x: auto; overflow-wrap: anywhere; }
.card pre, .card table { overflow-x: auto; display: block; }
.dark .highlighted, .dark .legend-item { color: white !important; }
@media (max-width: 500px) {
  .tab-container button { padding: 0 0.4rem; }
  .table-wrap :is(th, .body-cell) * { font-size: 0.72rem; padding-inline: 0.15rem; }
  .table-wrap .body-cell { padding-inline: 0.2rem; }
}
footer { display: none !important; }
"""


def build(models: Models | None = None) -> gr.Blocks:
    """Returns the page.

    Args:
        models: the models; by default those of all presets that are installed.
    """
    models = Models() if models is None else models
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(KEPT // 6, KEPT),
        fill_width=False,
    ) as page:
        gr.Markdown(
            f"# {TITLE}\n\nRecurrent models in Keras, each with a task of its own. "
            "They run on the machine that serves this page, and ask no other."
        )
        with gr.Tabs():
            for name, tab in _TABS.items():
                with gr.Tab(name, id=name.lower()), gr.Row():
                    tab.build(models)
    # No door beside the queue: its bound is the page's.
    return page.queue(
        max_size=MOST_WAITING, default_concurrency_limit=1, api_open=False
    )


def serve(settings: Serving | None = None, *, wait: bool = True) -> gr.Blocks:
    """Serves the page.

    Args:
        settings: where; by default at a free port of this machine, for it alone.
        wait: until the process is interrupted.

    Returns:
        The page, which `close` ends.

    Raises:
        UserError: it can't be served there.
    """
    settings = Serving() if settings is None else settings
    settings.check()
    _check_address(settings)
    keep_uploads()
    _refuse_addresses()
    page = build()
    with _past_proxies(settings):
        page.launch(
            server_name=_in_addresses(settings.host),
            server_port=settings.port,
            root_path=settings.root_path,
            share=settings.share,
            prevent_thread_lock=True,
            quiet=True,
            max_file_size=MOST_BYTES,
            allowed_paths=[],
            show_error=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            theme=_theme(),
            css=_CSS,
            footer_links=[],
        )
    address = page.share_url or page.local_url
    print(f"page        {address}", flush=True)
    if settings.inbrowser:  # not before: a browser of its own may need the proxy
        webbrowser.open(address)
    if wait:
        page.block_thread()
    return page


def _refuse_addresses():
    """Has Gradio fetch nothing: it would, where an address is given for a file."""

    async def refused(*_, **__):
        raise gr.Error(
            "A file is uploaded here, not fetched from an address.",
            print_exception=False,
        )

    processing_utils.async_ssrf_protected_download = refused


def _past_proxies(settings):
    # To the tunnel of `share` a proxy may be the only way.
    own = ["localhost", LOCALHOST, _without_brackets(settings.host)]
    return proxies.passed_by(own if settings.share else None)


def _in_addresses(host):
    """Returns a host as it stands in a page's address: IPv6 in brackets."""
    host = _without_brackets(host)
    return f"[{host}]" if ":" in host else host


def _without_brackets(host):
    return host.removeprefix("[").removesuffix("]")


def _theme():
    # Gradio's own would be fetched from elsewhere, or be served for one page's use.
    return gr.themes.Default(
        primary_hue="teal", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACED
    )


def _check_address(settings):
    """Raises a UserError where nothing can be listened to."""
    ports = [settings.port] if settings.port else range(FIRST_PORT, LAST_PORT + 1)
    host = _without_brackets(settings.host)
    for port in ports:
        try:
            family, *_, address = socket.getaddrinfo(host, port)[0]
            with socket.socket(family, socket.SOCK_STREAM) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
            return
        except OSError as error:
            reason = error.strerror or error
        except UnicodeError:  # of a label that is empty, or too long
            reason = "no host can be called so"
    where = f"port {settings.port}" if settings.port else f"ports from {FIRST_PORT} on"
    raise UserError(
        f"The page can't be served at {settings.host}, {where}: {reason}. Give another "
        "--host or --port."
    )
