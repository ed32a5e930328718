"""The declarations, as documentation shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pistat.routes import ROUTES
from pistat.settings import SETTINGS, Settings

FILTERS: dict[str, Callable[..., Any]] = {}
"""What the templates of the guide need beyond Jinja's own filters."""


def guide(base: str, settings: Settings) -> dict[str, Any]:
    """What the templates of the guide loop over."""
    return {"base": base, "routes": ROUTES, "settings": SETTINGS, "chosen": settings}
