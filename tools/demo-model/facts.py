"""What a picture says: the truth every question is answered from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Reading:
    """One printed value; `readable` is false where it was smeared, over-exposed or blurred away."""

    value: str
    readable: bool = True


@dataclass
class Facts:
    fields: dict[str, Reading] = field(default_factory=dict)
    lamps: dict[str, str | None] = field(default_factory=dict)  # name -> colour, None when off
    blurred: bool = False  # the whole picture: nothing on it can be read

    def value(self, name: str) -> str | None:
        """The value of a field that is there and readable."""
        reading = self.fields.get(name)
        return reading.value if reading and reading.readable else None

    def spoil_all(self) -> None:
        """The whole picture is blurred: nothing on it can be read any more."""
        for reading in self.fields.values():
            reading.readable = False
        self.blurred = True
