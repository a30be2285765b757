"""A page as a tree, read by the standard library's parser as a browser would read it."""

from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

_VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """The elements of a page; every one that is opened must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self._builder = TreeBuilder()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        self.root = self._builder.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self._builder.end(tag)
        else:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self._builder.end(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._builder.data(data)

    def all(self, tag: str, of: str | None = None) -> list[Element]:
        """Every element of a kind, or those of a class."""
        return [e for e in self.root.iter(tag) if of is None or of in e.get("class", "").split()]

    @property
    def text(self) -> str:
        """Everything that can be read."""
        return text_of(self.root)

    @property
    def sections(self) -> dict[str, str]:
        """The text below each heading of the second level."""
        return {text_of(s[0]): text_of(s) for s in self.all("section") if s[0].tag == "h2"}


def text_of(element: Element) -> str:
    """The text of an element with all that is in it."""
    return "".join(element.itertext())
