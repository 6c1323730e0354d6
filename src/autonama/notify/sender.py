"""The process that speaks to services: work as JSON on stdin, one JSON line on stdout for each service that is done.

It imports nothing of Autonama, so that it is quick to start.
"""

import json
import logging
import re
import sys
import threading
from contextvars import ContextVar
from typing import Any

import apprise

SERVICE: ContextVar[int] = ContextVar("service")
"""Whose delivery this is, in whatever thread apprise does it."""


class _Codes(logging.Handler):
    """Keeps of what apprise logs the HTTP codes alone, by service: the rest may hold a token."""

    def __init__(self) -> None:
        super().__init__()
        self.by_service: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"\berror=(\d{3})\b", record.getMessage()):
            self.by_service[SERVICE.get()] = int(found[1])


def deliver(at: int, url: str, work: dict[str, Any], codes: _Codes) -> None:
    """Send the message to one service, and say how that went."""
    SERVICE.set(at)
    answer: dict[str, Any] = {"at": at, "service": None, "fault": None}
    # Nothing is kept on disk between runs, and the text is sent as it stands.
    asset = apprise.AppriseAsset(storage_mode="memory", async_mode=False, interpret_escapes=False)
    try:
        service = apprise.Apprise.instantiate(url, asset=asset)
        if service is None:
            answer["fault"] = "unknown"
        else:
            answer["service"] = str(service.service_name)
            if "overflow=" not in url.lower():
                service.overflow_mode = apprise.OverflowMode.TRUNCATE  # one message, however little the service takes
            kind = apprise.NotifyType.WARNING if work["warning"] else apprise.NotifyType.INFO
            many = apprise.Apprise(asset=asset)
            many.add(service)
            if not many.notify(work["body"], work["title"], kind, body_format=apprise.NotifyFormat.TEXT):
                answer["fault"] = codes.by_service.get(at, "refused")
    except Exception:  # noqa: BLE001  the process's edge; its words may hold the address
        answer["fault"] = "refused"
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Deliver to all services at once; whoever started this ends it when it takes too long."""
    work = json.load(sys.stdin)
    codes = _Codes()
    logging.getLogger("apprise").addHandler(codes)
    threads = [
        threading.Thread(target=deliver, args=(at, url, work, codes), daemon=True)
        for at, url in enumerate(work["urls"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
