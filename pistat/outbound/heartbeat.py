"""The heartbeat: a URL that is asked regularly while nothing is critical, so that silence raises an alarm."""

from __future__ import annotations

import logging
import threading
from urllib.parse import quote

from pistat.diagnosis.finding import Severity
from pistat.diagnosis.report import Diagnosis
from pistat.outbound.request import send
from pistat.validators import Url

log = logging.getLogger("pistat")


class Heartbeat:
    """A thread that asks `url` each `seconds`; `{status}` and `{sentence}` in it are replaced."""

    def __init__(self, url: Url, seconds: float, diagnosis: Diagnosis) -> None:
        self._url = url
        self._seconds = seconds
        self._diagnosis = diagnosis
        self._failing = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, in a thread."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one is sent
                log.error("The heartbeat failed: %s", type(error).__name__)  # noqa: TRY400 - no URL
            if self._stopped.wait(self._seconds):
                return

    def beat(self) -> None:
        """Ask the URL once, unless something is critical; a failure is logged once until it is over."""
        document = self._diagnosis.document()
        if document["status"] == Severity.CRITICAL.label:
            return
        path = self._url.path
        for word in ("status", "sentence"):
            path = path.replace(f"{{{word}}}", quote(document[word], safe=""))
        accepted, answer = send("GET", self._url, path)
        if not accepted and not self._failing:
            log.warning("The heartbeat was not accepted: %s.", answer)
        elif accepted and self._failing:
            log.info("The heartbeat is accepted again.")
        self._failing = not accepted
