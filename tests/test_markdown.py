"""Markdown of strangers, rendered so that nothing runs and nothing is fetched."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.markdown import MAX_LENGTH, render_markdown, shown_address

ALLOWED = {
    *("a", "blockquote", "br", "code", "em", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}


class Elements(HTMLParser):
    """Tags and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a *b* **c** ~~d~~ `e`", "<p>a <em>b</em> <strong>c</strong> <s>d</s> <code>e</code></p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("# A\n## B\n### C\n###### F", "<h4>A</h4>\n<h5>B</h5>\n<h6>C</h6>\n<h6>F</h6>\n"),
        ("```python title\nx = '<'\n```", "<pre><code class=\"language-python\">x = '&lt;'\n</code></pre>\n"),
        ("```c++\n```", '<pre><code class="language-c++"></code></pre>\n'),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n'),
        ("- a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n"),
        ("> q", "<blockquote>\n<p>q</p>\n</blockquote>\n"),
        ("---", "<hr>\n"),
        ("", ""),
        ("مرحبا", "<p>مرحبا</p>\n"),
    ],
)
def test_markdown_is_rendered(text: str, html: str) -> None:
    assert render_markdown(text) == html


def test_table_keeps_its_alignment() -> None:
    found = Elements(render_markdown("a|b|c\n:-|-:|-\n1|2|3")).found

    left, right = {"style": "text-align:left"}, {"style": "text-align:right"}
    assert [each for each in found if each[0] in ("th", "td")] == [
        *[("th", left), ("th", right), ("th", {})],
        *[("td", left), ("td", right), ("td", {})],
    ]


@pytest.mark.parametrize("address", ["https://a.example/?q=1", "http://a.example", "mailto:a@b.example", "HTTPS://A"])
def test_link_to_the_web_or_to_mail_works_and_tells_nothing(address: str) -> None:
    assert Elements(render_markdown(f'[x]({address} "t")')).found == [
        ("p", {}),
        ("a", {"href": address, "title": "t", "rel": "nofollow noopener noreferrer"}),
    ]


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "vbscript:x", "file:///etc/passwd", "data:text/html,x"),
        *("/admin/", "admin/", "#top", "//a.example", "ftp://a.example", "java&#x0A;script:alert(1)", "tel:1", "x"),
    ],
)
def test_link_to_anything_else_stays_text(address: str) -> None:
    assert Elements(render_markdown(f"[x]({address})")).found == [("p", {})]


@pytest.mark.parametrize("address", ["data:image/svg+xml;base64,PHN2Zz4=", "DATA:image/png;base64,AAAA"])
def test_link_to_a_picture_inside_the_text_leads_nowhere(address: str) -> None:
    assert Elements(render_markdown(f"[x]({address})")).found == [
        ("p", {}),
        ("a", {"rel": "nofollow noopener noreferrer"}),
    ]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("![a *b*](http://c/d?e=f)", "<p>[image: a b — http://c/d?e=f]</p>\n"),
        ("![](https://c)", "<p>[image: no description — https://c]</p>\n"),
        ("![x](data:image/png;base64,AAAA)", "<p>[image: x — data:image/png;base64, 26 characters]</p>\n"),
        ("![x](javascript:alert(1))", "<p>![x](javascript:alert(1))</p>\n"),
        ("![<b>](https://c)", "<p>[image: &lt;b&gt; — https://c]</p>\n"),
        (
            "[![x](https://c/d.png)](https://e)",
            '<p><a href="https://e" rel="nofollow noopener noreferrer">[image: x — https://c/d.png]</a></p>\n',
        ),
    ],
)
def test_image_becomes_text_and_is_not_fetched(text: str, html: str) -> None:
    assert render_markdown(text) == html


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- a -->", "<b>", "<svg/onload=x>", "<?php"],
)
def test_html_is_shown_as_text(text: str) -> None:
    escaped = text.replace("<", "&lt;").replace(">", "&gt;")

    assert render_markdown(text) == f"<p>{escaped}</p>\n"


def test_reference_definition_is_shown_because_it_was_said() -> None:
    assert render_markdown("[a]: https://b") == "<p>[a]: https://b</p>\n"


@pytest.mark.parametrize("language", ['x"onclick', "a&b", "ünder", "x" * 51])
def test_language_of_an_odd_name_is_dropped(language: str) -> None:
    found = Elements(render_markdown(f"```{language}\nx\n```")).found

    assert [tag for tag, _attributes in found] == ["pre", "code"]
    assert all(name == "class" for _tag, attributes in found for name in attributes)


def test_text_that_is_too_long_is_refused() -> None:
    assert render_markdown("x" * MAX_LENGTH) == f"<p>{'x' * MAX_LENGTH}</p>\n"
    with pytest.raises(ValueError, match="100001 characters, more than 100000"):
        render_markdown("x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    "unit", ["[", "![", "*a_ ", "a**b", "`", "<a", "> ", "- ", "a|b\n", "![a](", "~~a", "&amp;", "\\", "# a\n", "_a"]
)
def test_text_made_to_be_slow_is_rendered_in_seconds(unit: str) -> None:
    start = time.perf_counter()
    render_markdown((unit * MAX_LENGTH)[:MAX_LENGTH])

    assert time.perf_counter() - start < 20


def test_address_is_shown_short() -> None:
    assert shown_address("https://a") == "https://a"
    assert shown_address("https://" + "a" * 300) == "https://" + "a" * 192 + "…"
    assert shown_address("data:image/png;base64,AAAA") == "data:image/png;base64, 26 characters"


SNIPPETS = st.sampled_from(
    [
        "<script>",
        "</",
        "javascript:",
        "](",
        "![",
        "[x]",
        "`",
        "```\n",
        "onerror=",
        '"',
        "'",
        "<",
        ">",
        "&#x3c;",
        "\n",
        "|",
        "*",
    ]
)


@given(st.lists(SNIPPETS | st.text(max_size=5), max_size=30).map("".join))
def test_rendered_text_holds_only_harmless_elements(text: str) -> None:
    for tag, attributes in Elements(render_markdown(text)).found:
        assert tag in ALLOWED
        assert set(attributes) <= {"href", "title", "rel", "class", "start", "style"}
        assert (attributes.get("href") or "https://").lower().startswith(("http://", "https://", "mailto:"))
