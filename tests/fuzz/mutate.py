"""Damage: what disks, editors and other programs do to a file, and what an attacker does."""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from random import Random

Mutation = Callable[[Random, bytes], bytes]

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
_WORDS = (
    "0", "-1", "3", "1.5", "'3'", '"x"', "1e999", ".nan", "-.inf", "null", "~", "true", "yes",
    "10_0", "0x1f", "2001-01-01", "9007199254740993", "99999999999999999999", "[]", "{}", "[[]]",
    "[1, 1]", "{a: 1}", "!!binary aGk=", "!!int '3'", "&a", "*a", "<<", "%YAML 1.3", "---", "...",
    "'\\n'", '"\\0"', '"\\x1b[31m"', '"\\u202e"', '"\\ud800"', '"\\U99999999"', "[/red]", "'a'*9",
    "~nobody/x", "/dev/null", "../..", "x" * 300, "１６", "wrn-010-01", "all", "none", "auto",
    "digits-low", "coupled", "cnn8", "{source}", "os:system", "a.b", "grid", "-", ":", "?", "#",
)  # fmt: skip
_TOKEN = re.compile(rb"[\w.+-]+")


def of_bytes(random: Random, content: bytes) -> bytes:
    """A few changes of bytes, wherever they are."""
    for _ in range(random.choice((1, 1, 2, 4))):
        content = random.choice(_BYTES)(random, content)
    return content


def of_text(random: Random, content: bytes) -> bytes:
    """A few changes of words and lines, now and then of bytes."""
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice((_word, _word, _word, _line, random.choice(_BYTES)))(
            random, content
        )
    return content


def of_npz(random: Random, content: bytes) -> bytes:
    """Changes in an array whose archive is whole, so that its checksum does not tell them."""
    if random.random() < 0.3:
        return of_bytes(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name, buffer = random.choice(sorted(members)), io.BytesIO()
    head, rest = members[name][:128], members[name][128:]
    members[name] = random.choice((lambda: _header(random, head) + rest,
                                   lambda: head + of_bytes(random, rest)))()  # fmt: skip
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, array in members.items():
            archive.writestr(member, array)
    return buffer.getvalue()


def of_safetensors(random: Random, content: bytes) -> bytes:
    """Changes in the header, whose length is put right, or in the numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    head, rest = content[8 : 8 + length], content[8 + length :]
    if random.random() < 0.5:
        head = of_text(random, head)
        return struct.pack("<Q", len(head)) + head + rest
    return of_bytes(random, content)


def _header(random: Random, head: bytes) -> bytes:
    """The header of an array of NumPy, as long as it was."""
    return _word(random, head)[: len(head)].ljust(len(head))


def _word(random: Random, content: bytes) -> bytes:
    found = list(_TOKEN.finditer(content))
    if not found:
        return content + random.choice(_WORDS).encode()
    place, other = random.choice(found), random.choice(found).group()
    word = random.choice((random.choice(_WORDS).encode(), other, place.group() * 2, b""))
    return content[: place.start()] + word + content[place.end() :]


def _line(random: Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    match random.choice(("drop", "repeat", "swap", "indent", "begin")):
        case "drop":
            del lines[i]
        case "repeat":
            lines.insert(j, lines[i])
        case "swap":
            lines[i], lines[j] = lines[j], lines[i]
        case "indent":
            lines[i] = random.choice((b"  ", b"\t", b"- ")) + lines[i]
        case "begin":
            lines[i] = lines[i].lstrip()
    return b"\n".join(lines)


def _flip(random: Random, content: bytes) -> bytes:
    if not content:
        return content
    i = random.randrange(len(content))
    return content[:i] + bytes([content[i] ^ (1 << random.randrange(8))]) + content[i + 1 :]


def _number(random: Random, content: bytes) -> bytes:
    i, width = random.randrange(len(content) + 1), random.choice("BHIQ")
    most = 2 ** (8 * struct.calcsize(width)) - 1
    number = struct.pack(random.choice("<>") + width, min(random.choice(_NUMBERS), most))
    return content[:i] + number + content[i + len(number) :]


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _slice(random: Random, content: bytes) -> bytes:
    i = random.randrange(len(content) + 1)
    j = min(len(content), i + random.choice((1, 2, 4, 16, 64)))
    chosen = random.choice((b"", content[i:j] * 2, bytes(j - i), random.randbytes(j - i)))
    return content[:i] + chosen + content[j:]


_BYTES: tuple[Mutation, ...] = (_flip, _number, _cut, _slice)
