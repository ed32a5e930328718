"""Representations of the readings: Prometheus, OpenAPI, the guide and the page."""
