"""One result set's way: known already, or judged and published, or refused."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from autonama.database import ledger
from autonama.database.session import Session
from autonama.errors import FileChanging
from autonama.ingestion.discover import ResultSet
from autonama.ingestion.judge import Judged
from autonama.ingestion.load import may_be_replaced, replaced
from autonama.ingestion.outcome import SetOutcome, SetStatus
from autonama.ingestion.plan import Plan
from autonama.ingestion.publish import Publication, Refused, issue_counts, publish, record_rejection
from autonama.ingestion.read import another
from autonama.ingestion.spread import Seen
from autonama.ingestion.streamed import Streamed

TIME_RULES = frozenset({"analysis_date_valid", "file_age"})
"""What these say of the same bytes changes with the clock: a set that they refused is looked at again."""


def check_set(plan: Plan, result_set: ResultSet) -> SetOutcome:
    """Judge a set; no database is touched."""
    try:
        judged = plan.judge(result_set)
    except FileChanging as changing:
        return SetOutcome.untouched(result_set, "changing", str(changing))
    accepted: SetStatus = "quarantined" if judged.verdict.bad.height else "valid"
    return SetOutcome.of(judged, accepted if judged.accepted else "rejected")


def ingest_set(
    plan: Plan,
    session: Session,
    run_id: int,
    result_set: ResultSet,
    first_look: Seen | None = None,
    before: Callable[[], object] = lambda: None,
) -> SetOutcome:
    """Publish a set, or enter why not, unless the ledger knows it.

    before: called once it is clear that the ledger does not know it.
    first_look: at a set that only this call takes: what the run holds of it, it holds from an attempt cut short.
    """
    try:
        seen = first_look or plan.look(result_set)
        again = None if first_look is None else run_id
        if (known := _known(plan, session, result_set, seen, again)) is not None:
            return known
        before()
        judging = plan.begin(result_set, seen[0])
        if first_look is not None:
            _require_unchanged(judging, first_look)
        return _publish(plan, session, run_id, result_set, judging)
    except FileChanging as changing:
        return SetOutcome.untouched(result_set, "changing", str(changing))


def _require_unchanged(judging: Judged | Streamed, first_look: Seen) -> None:
    """FileChanging where a file is another than it was for whom looked at it first, or cannot be read here."""
    for source, seen in zip(judging.sources, first_look, strict=True):
        if seen is None or source.sha256 != seen.sha256:
            raise another(source.path)


def _publish(
    plan: Plan, session: Session, run_id: int, result_set: ResultSet, judging: Judged | Streamed
) -> SetOutcome:
    publication = Publication(run_id, plan.engine, result_set.name, plan.rules.version)
    try:
        if isinstance(judging, Judged) and not judging.accepted:
            raise Refused
        published = session.run(lambda conn: publish(conn, publication, judging))
    except Refused:
        session.run(lambda conn: record_rejection(conn, publication, judging))
        return SetOutcome.of(judging.judged(), "rejected")
    if published.file_id is None:
        return SetOutcome.untouched(result_set, "already_published", sha256=judging.sources[0].sha256)
    status: SetStatus = "quarantined" if published.rows.quarantined else "published"
    return replace(SetOutcome.of(judging.judged(), status), counts=published.rows, alerts=published.alerts)


def _known(
    plan: Plan, session: Session, result_set: ResultSet, seen: Seen, again: int | None = None
) -> SetOutcome | None:
    """The outcome of a set that the ledger knows, so that nothing is to do; None where it has to be looked at.

    again: the run whose own entries do not count, as they are of this very set.
    """
    sums = [one.sha256 for one in seen if one is not None]
    if len(sums) < len(seen):
        return None
    known = session.run(lambda conn: ledger.published(conn, plan.engine.name, set(sums)))
    if again is not None and known.get(sums[0], (0, None))[1] == again:
        return None
    if known.keys() == set(sums):
        first, run_id = min(known.values())
        notes = (f"Published by run {run_id}.", *_replaced_since(plan, session, result_set, first))
        return SetOutcome.untouched(result_set, "already_published", *notes, sha256=sums[0])
    return _refused_before(plan, session, result_set, sums, again) if plan.job.every else None


def _refused_before(
    plan: Plan, session: Session, result_set: ResultSet, sums: Sequence[str], again: int | None
) -> SetOutcome | None:
    version = plan.rules.version
    refusal = session.run(lambda conn: ledger.refused(conn, plan.engine.name, sums, version))
    if refusal is None or refusal.run_id == again:
        return None
    if TIME_RULES & refusal.issue_counts.keys():
        judged = plan.judge(result_set)
        if judged.accepted or issue_counts(judged.verdict.issues) != refusal.issue_counts:
            return None
    note = f"Refused with the same bytes and rules by run {refusal.run_id}."
    return SetOutcome.untouched(result_set, "already_refused", note, sha256=sums[0])


def _replaced_since(plan: Plan, session: Session, result_set: ResultSet, file_id: int) -> list[str]:
    """A sentence for every set that replaced rows of this one: content that came back does not count again."""
    engine, days = plan.engine, plan.job.settings.cleanup_days
    if not session.run(lambda conn: may_be_replaced(conn, engine, file_id, days)):
        return []
    found = session.run(lambda conn: replaced(conn, engine, file_id, plan.begin(result_set).blocks()))
    return [
        f"{count:,} of its rows {'was' if count == 1 else 'were'} replaced since by {name} (run {run_id}), and the "
        "same bytes are published once: to bring them back, run the engine again, so that a later file holds them."
        for name, run_id, count in found
    ]
