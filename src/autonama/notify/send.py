"""A message on its way, in a process of its own.

A service may hang, answer a byte a minute, or be spoken to by a plug-in that writes the address with its token to a
log. The process is ended when its time is over, its stderr is nobody's, and of its stdout only known words are read.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autonama.notify.message import Message
from autonama.visible import visible

TIME_LIMIT_S = 10
"""For all services together, which are spoken to at the same time. apprise gives each 4 s to be reached and 4 s to
answer; what is not through after that will not be."""


def send(urls: Sequence[str], message: Message) -> tuple[str, ...]:
    """Send it to every service, once. Returns a sentence for each that did not take it; no address is in it."""
    if importlib.util.find_spec("apprise") is None:
        return ("No notification was sent: apprise is not installed. Run: pip install 'autonama[notify]'",)
    work = {"urls": list(urls), "title": message.title, "body": message.body, "warning": message.warning}
    answers = {answer["at"]: answer for answer in _answers(json.dumps(work).encode())}
    faults = [(at, answers.get(at, {"fault": "hangs"})) for at in range(len(urls))]
    return tuple(_sentence(at + 1, fault) for at, fault in faults if fault["fault"] is not None)


def _answers(work: bytes) -> list[dict[str, Any]]:
    """What became of the services that were done in time."""
    command = (sys.executable, "-P", str(Path(__file__).with_name("sender.py")))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # A session of its own: Ctrl-C is for the run, and what a plug-in starts is ended with it.
    with subprocess.Popen(
        command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(work, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as late:
            said = late.stdout or b""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


def _sentence(number: int, answer: dict[str, Any]) -> str:
    service = f" ({visible(answer['service'])})" if answer.get("service") else ""
    which = f"Service {number} of notify.urls{service}"
    match answer["fault"]:
        case "unknown":
            return f"{which} is no address that apprise knows: no notification was sent to it."
        case "hangs":
            return f"{which} did not take the notification within {TIME_LIMIT_S} s."
        case int(code):
            return f"{which} did not take the notification: it answered with {code}."
        case _:
            return f"{which} did not take the notification: it was not reached, or refused it. Check its address."
