"""The places that settings have: which there are, of what kind, and what may stand there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from autonama.config.kinds import Allowed
from autonama.config.model import Keys

Place = tuple[str, ...]
"""The way to a setting: `("validation", "strict_mode")`."""

ANY = "*"
"""In a place: a name of the user's own, such as a rule's code."""

Kind = Literal["section", "switch", "number", "list", "text"]


@dataclass(frozen=True)
class Key:
    """What may stand at a place. `section`: an object of further keys."""

    kind: Kind
    allowed: str


@cache
def known_keys() -> dict[Place, Key]:
    """Every place that a setting can have."""
    return dict(_below(Keys, ()))


def known(place: Sequence[str]) -> Place | None:
    """The place as `known_keys` has it, the user's own names as `*`; None where there is none."""
    keys, found = known_keys(), Place()
    for part in place:
        if (*found, part) in keys:
            found = (*found, part)
        elif (*found, ANY) in keys:
            found = (*found, ANY)
        else:
            return None
    return found


def dotted(place: Sequence[str]) -> str:
    """A place as a sentence names it: `validation.strict_mode`."""
    return ".".join(place)


def _below(model: type[BaseModel], above: Place) -> Iterator[tuple[Place, Key]]:
    for name, field in model.model_fields.items():
        yield from _at((*above, name), field.annotation, field.metadata)


def _at(place: Place, annotation: Any, metadata: Sequence[Any]) -> Iterator[tuple[Place, Key]]:
    annotation, metadata = _unwrapped(annotation, metadata)
    allowed = [mark.words for mark in metadata if isinstance(mark, Allowed)]
    yield place, Key(_kind(annotation), allowed[0] if allowed else 'an object, such as {"enabled": true}')
    if get_origin(annotation) is dict:
        yield from _at((*place, ANY), get_args(annotation)[1], ())
    elif _kind(annotation) == "section":
        yield from _below(annotation, place)


def _unwrapped(annotation: Any, metadata: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The type inside of `X | None` and `Annotated[X, ...]`, and all that is said of it."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return _unwrapped(inner, [*metadata, *marks])
    if type(None) in get_args(annotation):
        return _unwrapped(get_args(annotation)[0], metadata)
    return annotation, metadata


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "section"
    if get_origin(annotation) is tuple:
        return "list"
    return "switch" if annotation is bool else "number" if annotation in (int, float) else "text"
