"""Markdown that somebody hostile may have written, as HTML that is safe to show.

Two walls: HTML in the text is shown as text, and the result is cut down to a short list of elements. Nothing is
fetched by showing it: an image becomes its description and address as text, a link works only when it is clicked.
Nothing is swallowed either: what has no form here stays readable as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

MAX_LENGTH = 100_000
"""Characters that are rendered; a longer text costs seconds and is for a download, not for reading."""

LINK_SCHEMES = frozenset({"http", "https", "mailto"})
TOP_HEADING_LEVEL = 4
"""Headings of a message lie below those of the page: title, transcript, message."""

MAX_SHOWN_ADDRESS = 200

_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/", re.IGNORECASE)
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,50}")
_ALIGNMENT = re.compile(r"text-align:(?:left|right|center)")
_HEADING = re.compile(r"h[1-6]")

_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"style"},
    "th": {"style"},
}
_TAGS = {
    *("a", "blockquote", "br", "code", "em", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}


def render_markdown(text: str) -> SafeString:
    """Return sanitized HTML for up to `MAX_LENGTH` characters of CommonMark with tables; raises ValueError for more.

    A line break is kept as a line break: chat is not typeset prose.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"The text has {len(text)} characters, more than {MAX_LENGTH}.")
    return mark_safe(_CLEANER.clean(_PARSER.render(text)))  # noqa: S308  cleaned in the same breath


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True, "typographer": False})
    parser.enable(["table", "strikethrough"])
    # A reference definition is shown nowhere; here it is part of what was said.
    parser.disable("reference")
    parser.validateLink = _may_be_linked  # type: ignore[method-assign, assignment]
    parser.add_render_rule("image", _describe_image)
    parser.core.ruler.push("lower_headings", _lower_headings)
    return parser


def _may_be_linked(address: str) -> bool:
    """Pictures inside the text pass so that their image is recognized; as links they lose their address later."""
    return bool(_LINK.match(address) or _PICTURE.match(address))


def _describe_image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    description = self.renderInlineAsText(token.children or [], options, env) or "no description"
    return escapeHtml(f"[image: {description} — {shown_address(str(token.attrs.get('src', '')))}]")


def shown_address(address: str) -> str:
    """Return an address as short text; of a picture inside the text only what it is."""
    if address[:5].lower() == "data:":
        return f"{address.partition(',')[0][:MAX_SHOWN_ADDRESS]}, {len(address)} characters"
    return address if len(address) <= MAX_SHOWN_ADDRESS else f"{address[:MAX_SHOWN_ADDRESS]}…"


def _lower_headings(state: StateCore) -> None:
    for token in state.tokens:
        if _HEADING.fullmatch(token.tag):
            token.tag = f"h{min(6, int(token.tag[1]) + TOP_HEADING_LEVEL - 1)}"


def _checked_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    if name == "style":
        return value if _ALIGNMENT.fullmatch(value) else None
    return value


_PARSER = _parser()
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=set(),
    attributes=_ATTRIBUTES,
    attribute_filter=_checked_attribute,
    url_schemes=set(LINK_SCHEMES),
    url_relative="deny",
    link_rel="nofollow noopener noreferrer",
)
