"""The terminal of the commands, as rich has it, but for what happens when its reader goes away."""

import rich.console


class Console(rich.console.Console):
    """rich's Console; a closed pipe, as behind `| head`, is left to the process's edge and is no failure."""

    def on_broken_pipe(self) -> None:
        """Say so to `edge.at_edge` instead of exiting with 1, which would mean that a set was refused."""
        raise BrokenPipeError
