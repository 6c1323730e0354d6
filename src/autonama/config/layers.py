"""One layer of settings: where its values come from, and every problem with them in a sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from autonama.config.keys import ANY, Place, dotted, known, known_keys
from autonama.config.model import SECRET_KEYS, Keys
from autonama.config.words import nearest, quoted
from autonama.visible import visible


@dataclass(frozen=True)
class Layer:
    """The settings of one source.

    values: nested as in config.json.
    source: what a sentence calls it, such as `config.json`; `origins` names the sources of single places.
    problems: what is wrong with the source itself.
    """

    values: Mapping[str, Any]
    source: str
    origins: Mapping[Place, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def origin(self, place: Place) -> str:
        """Where the value at this place comes from."""
        above = (place[:length] for length in range(len(place), 0, -1))
        return next((self.origins[prefix] for prefix in above if prefix in self.origins), self.source)

    def all_problems(self) -> list[str]:
        """Everything that keeps this layer from being used, a sentence each."""
        return [*self.problems, *dict.fromkeys(_sentence(self, *problem) for problem in _faults(self.values))]


def _faults(values: Mapping[str, Any]) -> list[tuple[Place, bool]]:
    """The places that are wrong, and whether they are unknown."""
    if unspeakable := [(place, True) for place in _without_text(values)]:
        return unspeakable
    try:
        Keys.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return [(_place(fault["loc"], values), fault["type"] == "extra_forbidden") for fault in found]
    return []


def _without_text(values: Mapping[Any, Any], above: Place = ()) -> Iterator[Place]:
    """The places whose names hold half a surrogate pair, for which pydantic refuses the whole without saying where."""
    for name, value in values.items():
        if isinstance(name, str) and any("\ud800" <= sign <= "\udfff" for sign in name):
            yield (*above, name)
        elif isinstance(value, Mapping):
            yield from _without_text(value, (*above, name))


def _place(location: tuple[int | str, ...], values: Mapping[str, Any]) -> Place:
    """A place without the position in a list, and without the `[key]` that pydantic sets behind a key it refuses."""
    place: list[str] = []
    inside: Any = values
    for part in location:
        if isinstance(part, str) and isinstance(inside, Mapping) and part in inside:
            place.append(part)
            inside = inside[part]
    return tuple(place)


def _sentence(layer: Layer, place: Place, unknown: bool) -> str:
    subject = f"{visible(dotted(place))} ({layer.origin(place)})"
    value: Any = layer.values
    for part in place:
        value = value[part]
    if unknown:
        return f"{subject} is not a known key. {_meant(place, value)}"
    key = known_keys()[known(place) or ()]
    in_quotes = isinstance(value, str) and key.kind in ("switch", "number") and not layer.origins
    allowed = key.allowed + (", without quotes" if in_quotes else "")
    hint = _zone_meant(value) if place == ("engine_timezone",) else ""
    return f"{subject} is {quoted(value, secret=_is_secret(place, value))}, and has to be {allowed}.{hint}"


def _is_secret(place: Place, value: object) -> bool:
    """Whether the value must not be shown. An address with its password may stand in another key's place."""
    return place[0] in SECRET_KEYS or place == ("notify", "urls") or any(sign in str(value) for sign in "@=:")


def _meant(place: Place, value: object) -> str:
    """What the unknown key was probably meant to be; else what there is."""
    section, name = place[:-1], place[-1].lower()
    siblings = [key[-1] for key in known_keys() if key[:-1] == known(section) and key[-1] != ANY]
    if isinstance(value, dict) and not section and nearest(name, siblings) in (None, "engines"):
        return f"The section of a plug-in's engine stands under engines: engines.{visible(name)}."
    if near := nearest(name, siblings):
        return f"Did you mean {visible(dotted((*section, near)))}?"
    fixed = [key for key in known_keys() if ANY not in key]
    elsewhere = next((dotted(key) for key in fixed if key[-1] == name), None)
    if near := elsewhere or nearest(dotted(place), [dotted(key) for key in fixed]):
        return f"Did you mean {near}?"
    return f"Known here: {', '.join(siblings)}."


def _zone_meant(value: object) -> str:
    from zoneinfo import available_timezones  # noqa: PLC0415  walks all of the system's zone files

    zones = available_timezones()
    if not zones:
        return " This system has no time zone data: pip install tzdata."
    near = nearest(value, zones) if isinstance(value, str) else None
    return f" Did you mean {near}?" if near else ""
