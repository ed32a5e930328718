"""Content that no file should have, and JSON as strict as a client may read it."""

from __future__ import annotations

import json
import re
from typing import Any

POISONS = {
    "nan": b"nan\n",
    "infinity": b"inf -inf Infinity 1e999\n",
    "a surrogate": b"\xed\xa0\x80 \xed\xbf\xbf\n",
    "no UTF-8": b"\xff\xfe\xc3(\xf0\x28\n",
    "controls": bytes(range(32)) + b"\x7f\xc2\x9b2J\n",
    "HTML": b"<img src=x onerror=alert(1)></script>\"'&\n",
    "proc syntax": b"1 () R 1 1 () R 0 0\n",
    "4 kB": b"A" * 4096,
    "NULs": bytes(4096),
    "digits": b"9" * 5000,
    "nothing": b"",
    "negative": b"-1 -1 -1 -1 -1 -1 -1 -1 -1\n",
    "an end": b"0\n\n\n",
}
"""What may stand in a file instead of what is expected, by a name."""


def strict(body: bytes) -> Any:
    """The value of a JSON text; everything that is not strict JSON, or that a terminal would obey, fails."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    text = body.decode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    return json.loads(text, parse_constant=refuse)
