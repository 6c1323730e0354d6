"""The one place where tests break a run on purpose. Nothing happens unless the environment asks for it.

`AUTONAMA_FAULT=SIGKILL@merged` sends the process that signal when it reaches the step `merged`; with `SIGSTOP` it
pauses there. `STEPS` names the steps in their order.
"""

import os
import signal

VARIABLE = "AUTONAMA_FAULT"

STEPS = (
    "started",
    "opened",
    "read",
    "validated",
    "locked",
    "entered",
    "copying",
    "copied",
    "merged",
    "alerted",
    "counted",
    "committed",
    "refusing",
    "refused",
    "cleaning",
    "finishing",
)
"""In the order of a run: the run's entry is made; a file is open; it was read; a set was judged; its content is
locked; it is in the ledger; COPY is half-way; COPY is done; rows, alerts and counts are in; all is committed; a refusal
is entered, and committed; retention begins; the run's end is to be noted."""


def reach(step: str) -> None:
    """Say that the run is at this step."""
    wanted = os.environ.get(VARIABLE)
    if wanted is not None:
        name, _, where = wanted.partition("@")
        if where == step:
            os.kill(os.getpid(), signal.Signals[name])
