"""What a server of ntfy says to a message that is published as JSON; there is none in any package registry.

https://docs.ntfy.sh/publish/#publish-as-json and binwiederhier/ntfy, server/server.go: `transformBodyJSON`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

LIMIT = 4096
"""Bytes of a request that older servers read (`message-size-limit`); what is cut off there is no JSON."""

TOPIC = re.compile("[-_A-Za-z0-9]{1,64}")
TYPES = {"topic": str, "title": str, "message": str, "priority": int, "tags": list, "click": str}


def refusal(path: str, headers: Mapping[str, str], body: bytes, user: str = "") -> str:
    """Why it would refuse a request; empty if it would not. With `user`, only that one may publish."""
    expected = f"Basic {base64.b64encode(user.encode()).decode()}"
    if user and headers.get("Authorization") != expected:
        return "40301 forbidden"
    try:
        message = json.loads(body[:LIMIT]) if path == "/" else {}
    except ValueError:
        return "40024 invalid request: request body must be valid JSON"
    wrong = [name for name, kind in TYPES.items() if type(message.get(name)) is not kind]
    if wrong or not all(isinstance(tag, str) for tag in message["tags"]):
        return f"40024 invalid request: request body must be valid JSON ({wrong})"
    if not TOPIC.fullmatch(message["topic"]):
        return "40009 invalid request: topic invalid"
    return "" if message["priority"] in range(6) else "40007 invalid request: priority invalid"
