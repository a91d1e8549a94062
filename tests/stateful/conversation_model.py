"""What threads and messages are, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Said:
    """A message of the model."""

    id: str
    position: int
    parent: int | None
    text: str
    is_trashed: bool = False
    version: int = 1


@dataclass
class Conversation:
    """A thread of the model; `leaf` is the position that the next message answers."""

    id: str
    title: str
    version: int
    is_archived: bool = False
    is_trashed: bool = False
    leaf: int | None = None
    messages: list[Said] = field(default_factory=list)

    def append(self, pk: str, text: str, parent: int | None) -> Said:
        said = Said(pk, len(self.messages) + 1, parent, text)
        self.messages.append(said)
        self.leaf = said.position
        return said

    def present(self) -> list[Said]:
        """The messages outside the trash, in order of arrival."""
        return [said for said in self.messages if not said.is_trashed]

    def shown(self) -> list[Said]:
        """Those of them on the way to the leaf."""
        way = set()
        place = self.leaf
        while place is not None:
            way.add(place)
            place = self.messages[place - 1].parent
        return [said for said in self.present() if said.position in way]


def found(conversations: list[Conversation], word: str) -> list[str]:
    """The ids of the messages that hold a word, newest first."""
    ids = [
        said.id
        for conversation in conversations
        for said in conversation.present()
        if not conversation.is_trashed and word in said.text.split()
    ]
    return sorted(ids, reverse=True)
