"""The documents of one application, for all tests of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pistat.settings import Settings
from support.documents.pages import CURL, FIREFOX, client_of, served

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    return client_of(Settings(rate_limit_enabled=False, allowed_hosts=("*",)))


@pytest.fixture(scope="session")
def html(client: FlaskClient) -> str:
    """The page."""
    return served(client, "/", FIREFOX)


@pytest.fixture(scope="session")
def reference(client: FlaskClient) -> str:
    """The reference as a page."""
    return served(client, "/docs", FIREFOX)


@pytest.fixture(scope="session")
def text(client: FlaskClient) -> str:
    """The reference as text."""
    return served(client, "/docs", CURL)
