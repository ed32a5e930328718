"""The declarations as an OpenAPI 3.1 document: what every route takes, and what exactly it answers."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any, TypeAlias

from pistat import __version__
from pistat.field import Field, Unit
from pistat.routes import HEALTH, ROUTES, Route
from pistat.settings import Settings
from pistat.validators import BOOLEANS
from pistat.web.errors import ERRORS
from pistat.web.parameters import Parameter

Schema: TypeAlias = "dict[str, Any]"

TYPES = {bool: "boolean", float: "number", int: "integer", str: "string"}
LOWEST = {Unit.CELSIUS: -273.15, Unit.DBM: -256, Unit.VARIOUS: -273.15}
"""The least value of the units that go below zero."""

CODES = {"Retry-After": "Seconds until it is worth asking again."}
COUNTS = {
    "RateLimit-Limit": "Requests in a window.",
    "RateLimit-Remaining": "Requests that are left.",
    "RateLimit-Reset": "Seconds until there are all again.",
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "password": {"type": "http", "scheme": "basic", "description": "Any name, with the token as password."},
}
"""The ways to show `PISTAT_API_TOKEN`."""


def document(settings: Settings) -> Schema:
    """Return the document for a daemon with these settings."""
    components: Schema = {
        "schemas": {"Error": _error()},
        "headers": {name: _header(text) for name, text in {**CODES, **COUNTS}.items()},
        "responses": {str(error.status): _refusal(error.status, error.help) for error in ERRORS},
    }
    if settings.api_token:
        components["securitySchemes"] = SCHEMES
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "pi-stat",
            "version": __version__,
            "summary": "What this machine is doing.",
            "description": "Any figure may be null: this machine has no such thing, or it could not be read.",
        },
        "servers": [{"url": "/"}],
        "paths": {route.path: {"get": _operation(route, settings)} for route in ROUTES},
        "components": components,
    }


def _operation(route: Route, settings: Settings) -> Schema:
    operation: Schema = {
        "operationId": route.path.strip("/").replace("/", "_").replace(".", "_") or "guide",
        "summary": route.summary,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            "200": {
                "description": route.summary,
                "headers": {name: _component("headers", name) for name in COUNTS},
                "content": {
                    media_type: {"schema": _content(route, media_type)} for media_type in route.media
                },
            },
            **{str(error.status): _component("responses", str(error.status)) for error in ERRORS},
            **{str(status): _same(route) for status in route.also},
        },
    }
    if settings.api_token:
        operation["security"] = [{name: []} for name in SCHEMES] if route.wants_token else []
    return operation


def _same(route: Route) -> Schema:
    """Return the response of a status that has the body of a success, or says why there is none."""
    content = {media_type: {"schema": _content(route, media_type)} for media_type in route.media}
    refusal = _component("schemas", "Error")
    content["application/json"] = {"schema": {"anyOf": [content["application/json"]["schema"], refusal]}}
    return {"description": f"{route.summary} Or an error.", "content": content}


def _component(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


# What is taken


def _parameter(parameter: Parameter) -> Schema:
    described = {"name": parameter.name, "in": "query", "description": parameter.help}
    if parameter.kind == "list":
        # Commas between the values, not a parameter for each.
        return {**described, "style": "form", "explode": False, "schema": _accepted(parameter)}
    return {**described, "schema": _accepted(parameter)}


def _accepted(parameter: Parameter) -> Schema:
    words = list(parameter.choices)
    if parameter.kind == "list":
        some = {} if parameter.default == ",".join(words) else {"default": parameter.default.split(",")}
        return {"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1, **some}
    if parameter.kind == "choice":
        return {"type": "string", "enum": words, "default": parameter.default}
    if parameter.kind == "flag":
        anyhow = "|".join("".join(map(_either, word)) for word in BOOLEANS)
        spelt = {"type": "string", "pattern": f"^({anyhow})$"}
        return {"anyOf": [{"type": "boolean"}, spelt], "default": parameter.read(parameter.default)}
    low, high = parameter.bounds
    if parameter.kind == "time":
        # A number of JSON could have an exponent.
        return {
            "type": "string",
            "pattern": r"^[0-3]?[0-9]{1,9}(\.[0-9]{1,9})?$",
            "default": parameter.default,
        }
    return {"type": "integer", "minimum": low, "maximum": high, "default": int(parameter.default)}


def _either(letter: str) -> str:
    """Return `letter` in both cases, since patterns of JavaScript have no flag for that."""
    return f"[{letter}{letter.upper()}]" if letter.isalpha() else letter


# What is answered


def _content(route: Route, media: str) -> Schema:
    if media != "application/json":
        return {"type": "string"}
    if not route.fields:
        return {"type": "object"}
    return schema(route)


def schema(route: Route) -> Schema:
    """Return the schema of the JSON of a route; a leaf that may be missing is not required."""
    whole = _object()
    for field in route.fields:
        _grow(whole, field.path.split("."), field)
    if any(parameter.name == "fields" for parameter in route.parameters):
        # Which of them are there, the client says.
        del whole["required"]
    if route is not HEALTH:
        whole["properties"]["errors"] = _errors(route)
    return whole


def _object() -> Schema:
    return {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def _grow(parent: Schema, steps: list[str], field: Field) -> None:
    """Put the leaf of `field` below `parent`, with the objects and lists on the way."""
    name, _, index = steps[0].rstrip("]").partition("[")
    place, key = (parent, "additionalProperties") if name.startswith("{") else (parent["properties"], name)
    if not place.get(key):
        inner = _object() if steps[1:] else _leaf(field)
        place[key] = _list(index, inner) if index else inner
        if place is not parent and not (field.when and not steps[1:]):
            parent["required"].append(name)
    if steps[1:]:
        _grow(place[key].get("items", place[key]), steps[1:], field)


def _list(index: str, inner: Schema) -> Schema:
    length = {"minItems": int(index), "maxItems": int(index)} if index.isdigit() else {}
    return {"type": "array", "items": inner, **length}


def _leaf(field: Field) -> Schema:
    kind = field.unit.type
    told = {"description": f"{field.help} Source: {field.source}.", "x-unit": field.unit.symbol}
    if kind is object:
        return told
    if kind in {bool, str}:
        return {"type": [TYPES[kind], "null"], **told}
    most = {"maximum": field.most} if field.unit is Unit.PERCENT and math.isfinite(field.most) else {}
    return {"type": [TYPES[kind], "null"], "minimum": LOWEST.get(field.unit, 0), **most, **told}


def _errors(route: Route) -> Schema:
    return {
        "type": "object",
        "description": "What failed, by key, and why; absent when all went well.",
        "properties": {key: {"type": "string"} for key in route.keys},
        "additionalProperties": False,
        "minProperties": 1,
    }


# What is refused


def _error() -> Schema:
    return {
        "type": "object",
        "properties": {
            "error": {"type": "string", "enum": [HTTPStatus(error.status).phrase for error in ERRORS]},
            "message": {"type": "string"},
        },
        "required": ["error", "message"],
        "additionalProperties": False,
    }


def _refusal(status: int, text: str) -> Schema:
    wait = {name: _component("headers", name) for name in CODES if status in {429, 503}}
    refused = {
        "description": text,
        "content": {"application/json": {"schema": _component("schemas", "Error")}},
    }
    return {**refused, "headers": wait} if wait else refused


def _header(text: str) -> Schema:
    return {"description": text, "schema": {"type": "integer", "minimum": 0}}
