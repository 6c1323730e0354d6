"""One message about a run to those whom the settings name: what changed, and what went wrong."""

from autonama.config import Settings
from autonama.ingestion.outcome import RunOutcome
from autonama.notify.message import message
from autonama.notify.news import news_of
from autonama.notify.send import send

__all__ = ["tell"]


def tell(settings: Settings, outcome: RunOutcome) -> tuple[str, ...]:
    """Send one message about a run, where there is something to say and `notify.urls` names a service.

    Returns sentences for the report on what could not be found out or sent, and raises nothing for a service's sake:
    a run is what it is, whether anybody hears of it or not. A check, and a run that its user interrupted, are no news.
    """
    if not settings.notify.urls or outcome.validate_only or outcome.status == "interrupted":
        return ()
    news = news_of(settings, outcome)
    said = message(outcome, news, settings.notify.on)
    if said is None:
        return news.unknown
    return (*news.unknown, *send([url.get_secret_value() for url in settings.notify.urls], said))
