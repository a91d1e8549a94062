"""What stands in a page: its elements and their texts, read as a browser would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "path", "source", "use"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        """The text of the element and of those inside it, white space as one blank."""
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """The elements of a page in order of appearance."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(response.content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        places = [place for place, element in enumerate(self._open) if element.tag == tag]
        if places:
            del self._open[places[-1] :]

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def of_class(self, name: str) -> list[Element]:
        return [element for element in self.elements if name in element.classes]

    def texts(self, name: str) -> list[str]:
        """The texts of the elements of a class."""
        return [element.text for element in self.of_class(name)]

    def links(self, name: str) -> list[str]:
        """The addresses of the links inside elements of this class, or that have it themselves."""
        return [element.attributes["href"] for element in self.of_class(name) if element.tag == "a"]

    def tags(self) -> set[str]:
        return {element.tag for element in self.elements}

    def handlers(self) -> list[str]:
        """Attributes that would run script."""
        return [name for element in self.elements for name in element.attributes if name.startswith("on")]
