"""Records in SQLite, through SQLAlchemy Core.

Durability: a database file is in WAL mode with synchronous=NORMAL. A transaction is in the
operating system's hands when it commits, and every answer is sent after its commit, so killing
the process at any moment loses nothing that was acknowledged. A power failure may lose the
last transactions, never the file; an emulator does not pay an fsync per call against that.

Concurrency: one connection, one transaction at a time. Threads of one process queue at a lock;
another process on the same file queues at SQLite's (BEGIN IMMEDIATE), for up to 5 seconds.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from coreweave_inference.emulator.records import (
    DEPLOYMENT,
    KINDS,
    AnyKind,
    AnyRecord,
    Kind,
    Record,
    ResourceT,
    Stage,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from sqlalchemy import Engine, Row, Select
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.sql.dml import ReturningInsert

__all__ = ["Store", "StoreError", "Transaction"]

# Stored in the file as PRAGMA user_version; raised by every change of the tables below.
_SCHEMA_VERSION: Final = 1
# ASCII "cwie", stored as PRAGMA application_id: tells our files from other SQLite files.
_APPLICATION_ID: Final = 0x63776965
_INT64_MAX: Final = 2**63 - 1

_metadata = MetaData()

_organizations = Table(
    "organizations",
    _metadata,
    Column("id", String, primary_key=True),
    # Largest updated_at handed out. Kept beside the resources, because the one that had it may
    # be deleted while a stamp must never be given twice.
    Column("last_stamp_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_resources = Table(
    "resources",
    _metadata,
    Column("organization", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),  # lower case: UUIDs are compared by value
    Column("name", String, nullable=False),  # lower case
    Column("created_ns", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("due_ns", BigInteger),
    Column("resource", LargeBinary, nullable=False),
)
Index("resources_due", _resources.c.organization, _resources.c.due_ns)
Index(
    "resources_updated",
    _resources.c.organization,
    _resources.c.kind,
    _resources.c.updated_ns,
)
Index("resources_name", _resources.c.organization, _resources.c.kind, _resources.c.name)

_attachments = Table(
    "attachments",
    _metadata,
    Column("organization", String, primary_key=True),
    Column("gateway_id", String, primary_key=True),
    Column("deployment_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    ForeignKeyConstraint(
        ["organization", "kind", "deployment_id"],
        ["resources.organization", "resources.kind", "resources.id"],
        ondelete="CASCADE",
    ),
    sqlite_with_rowid=False,
)
Index("attachments_deployment", _attachments.c.organization, _attachments.c.deployment_id)


# Statements are made once: SQLAlchemy takes ten times longer to build one than to run it.

_ONE: Final = and_(
    _resources.c.organization == bindparam("organization"),
    _resources.c.kind == bindparam("kind"),
    _resources.c.id == bindparam("id"),
)
_OF_KIND: Final = and_(
    _resources.c.organization == bindparam("organization"),
    _resources.c.kind == bindparam("kind"),
)
_OF_DEPLOYMENT: Final = and_(
    _attachments.c.organization == bindparam("organization"),
    _attachments.c.deployment_id == bindparam("deployment_id"),
)

_SELECT_ONE: Final = select(_resources).where(_ONE)
_SELECT_DUE: Final = (
    select(_resources)
    .where(
        _resources.c.organization == bindparam("organization"),
        _resources.c.due_ns <= bindparam("now_ns"),
    )
    .order_by(_resources.c.due_ns, _resources.c.updated_ns)
    .limit(1)
)
_COUNT: Final = select(func.count()).select_from(_resources).where(_OF_KIND)
_SELECT_NAMED: Final = (
    select(_resources.c.id)
    .where(_OF_KIND, _resources.c.name == bindparam("name"), _resources.c.id != bindparam("but_id"))
    .limit(1)
)
_DELETE_ONE: Final = delete(_resources).where(_ONE)
_COUNTS: Final = (
    select(_resources.c.organization, _resources.c.kind, func.count().label("number"))
    .group_by(_resources.c.organization, _resources.c.kind)
    .order_by(_resources.c.organization, _resources.c.kind)
)


def _upsert_resource() -> Insert:
    statement = insert(_resources)
    key = [_resources.c.organization, _resources.c.kind, _resources.c.id]
    changed = {
        column.name: statement.excluded[column.name] for column in _resources.c if column not in key
    }
    return statement.on_conflict_do_update(index_elements=key, set_=changed)


def _next_stamp() -> ReturningInsert[int]:
    statement = insert(_organizations)
    later = func.max(_organizations.c.last_stamp_ns + 1, statement.excluded.last_stamp_ns)
    return statement.on_conflict_do_update(
        index_elements=[_organizations.c.id], set_={"last_stamp_ns": later}
    ).returning(_organizations.c.last_stamp_ns)


_UPSERT_RESOURCE: Final = _upsert_resource()
_NEXT_STAMP: Final = _next_stamp()

_SELECT_ATTACHED: Final = select(_attachments.c.gateway_id).where(_OF_DEPLOYMENT)
_ATTACH: Final = insert(_attachments)
_DETACH: Final = delete(_attachments).where(
    _OF_DEPLOYMENT, _attachments.c.gateway_id == bindparam("gateway_id")
)


@functools.cache
def _find(*, after: bool, gateway: bool) -> Select[Any]:
    statement = select(_resources).where(_OF_KIND)
    if after:
        statement = statement.where(_resources.c.updated_ns > bindparam("after_ns"))
    if gateway:
        statement = statement.join(
            _attachments,
            and_(
                _attachments.c.organization == _resources.c.organization,
                _attachments.c.deployment_id == _resources.c.id,
            ),
        ).where(_attachments.c.gateway_id == bindparam("gateway_id"))
    return statement.order_by(_resources.c.created_ns)


class StoreError(Exception):
    """A database that cannot be opened; the text says which and why."""


class Store:
    """The database. Safe to use from several threads.

    Args:
        path: The file, made if missing, or None for a database in memory that ends with the
            object.

    Raises:
        StoreError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.Lock()
        self._engine = _engine(path)
        try:
            with self._engine.begin() as connection:
                _prepare(connection, path)
        except DatabaseError as error:
            self._engine.dispose()
            raise StoreError(f"cannot open the database {path!r}: {error.orig}") from error
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close the database; idempotent."""
        with self._lock:
            self._engine.dispose()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many resources there are by organization and name of their kind."""
        found: dict[str, dict[str, int]] = {}
        with self._lock, self._engine.begin() as connection:
            for row in connection.execute(_COUNTS):
                found.setdefault(row.organization, {})[row.kind] = row.number
        return found

    def clear(self) -> None:
        """Delete all resources. Stamps go on from where they are: none is ever given twice."""
        with self._lock, self._engine.begin() as connection:
            connection.execute(delete(_resources))

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Run a block as one transaction: all of it is kept when it ends, or none if it raises.

        Not re-entrant.
        """
        with self._lock, self._engine.begin() as connection:
            yield Transaction(connection)


class Transaction:
    """What can be done inside `Store.transaction`. Ids are compared without regard to case."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_stamp(self, organization: str, *, at_least_ns: int) -> int:
        """Hand out an updated_at: later than every one before it in the organization."""
        return self._connection.execute(
            _NEXT_STAMP, {"id": organization, "last_stamp_ns": at_least_ns}
        ).scalar_one()

    def due(self, organization: str, *, now_ns: int) -> AnyRecord | None:
        """Return the record whose step has been due the longest, or None."""
        row = self._connection.execute(
            _SELECT_DUE, {"organization": organization, "now_ns": now_ns}
        ).first()
        return None if row is None else _record(KINDS[row.kind], row)

    def get(
        self, kind: Kind[ResourceT], organization: str, resource_id: str
    ) -> Record[ResourceT] | None:
        """Return a record by its id."""
        key = {"organization": organization, "kind": kind.name, "id": resource_id.lower()}
        row = self._connection.execute(_SELECT_ONE, key).first()
        return None if row is None else _record(kind, row)

    def find(
        self,
        kind: Kind[ResourceT],
        organization: str,
        *,
        updated_after_ns: int | None = None,
        gateway_id: str | None = None,
    ) -> list[Record[ResourceT]]:
        """Return records in the order of their creation.

        Args:
            kind: Which kind.
            organization: Whose.
            updated_after_ns: Only those updated later than this, which may be any integer.
            gateway_id: Only deployments on this gateway.
        """
        values: dict[str, object] = {"organization": organization, "kind": kind.name}
        if updated_after_ns is not None:
            # SQLite's integers have 64 bits; a Timestamp reaches further both ways.
            values["after_ns"] = max(-_INT64_MAX, min(updated_after_ns, _INT64_MAX))
        if gateway_id is not None:
            values["gateway_id"] = gateway_id.lower()
        statement = _find(after=updated_after_ns is not None, gateway=gateway_id is not None)
        return [_record(kind, row) for row in self._connection.execute(statement, values)]

    def count(self, kind: AnyKind, organization: str) -> int:
        """Return how many records there are."""
        values = {"organization": organization, "kind": kind.name}
        return self._connection.execute(_COUNT, values).scalar_one()

    def name_taken(self, kind: AnyKind, organization: str, name: str, *, but_id: str) -> bool:
        """Return whether a record other than `but_id` has a name, in any case of letters."""
        values = {
            "organization": organization,
            "kind": kind.name,
            "name": name.lower(),
            "but_id": but_id.lower(),
        }
        return self._connection.execute(_SELECT_NAMED, values).first() is not None

    def put(self, record: AnyRecord) -> None:
        """Store a record in place of the one with its id, if there is one."""
        resource = record.resource
        self._connection.execute(
            _UPSERT_RESOURCE,
            {
                "organization": record.organization,
                "kind": record.kind.name,
                "id": record.id.lower(),
                "name": resource.spec.name.lower(),
                "created_ns": record.created_ns,
                "updated_ns": record.updated_ns,
                "stage": int(record.stage),
                "due_ns": record.due_ns,
                "resource": resource.SerializeToString(),
            },
        )
        if record.kind is DEPLOYMENT:
            self._attach(record.organization, record.id.lower(), resource.spec.gateway_ids)

    def _attach(self, organization: str, deployment_id: str, gateway_ids: Iterable[str]) -> None:
        key = {"organization": organization, "deployment_id": deployment_id}
        wanted = {gateway_id.lower() for gateway_id in gateway_ids}
        present = {row.gateway_id for row in self._connection.execute(_SELECT_ATTACHED, key)}
        for gateway_id in sorted(present - wanted):
            self._connection.execute(_DETACH, {**key, "gateway_id": gateway_id})
        for gateway_id in sorted(wanted - present):
            values = {**key, "gateway_id": gateway_id, "kind": DEPLOYMENT.name}
            self._connection.execute(_ATTACH, values)

    def remove(self, record: AnyRecord) -> None:
        """Delete a record."""
        self._connection.execute(
            _DELETE_ONE,
            {
                "organization": record.organization,
                "kind": record.kind.name,
                "id": record.id.lower(),
            },
        )


def _record(kind: Kind[ResourceT], row: Row[Any]) -> Record[ResourceT]:
    return Record(kind, kind.message.FromString(row.resource), Stage(row.stage), row.due_ns)


def _engine(path: str | None) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=path),  # not as text: a path may hold "?" or "%"
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": 5},
    )

    # sqlite3 would begin transactions by itself, too late for reads and not IMMEDIATE.
    # SQLAlchemy's documentation of the pysqlite dialect has these two hooks.
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    _ = connected, begun
    return engine


def _prepare(connection: Connection, path: str | None) -> None:
    application = connection.execute(text("PRAGMA application_id")).scalar_one()
    version = connection.execute(text("PRAGMA user_version")).scalar_one()
    tables = connection.execute(text("SELECT count(*) FROM sqlite_schema")).scalar_one()
    if tables == 0 and application == 0:
        _metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    elif application != _APPLICATION_ID:
        raise StoreError(f"{path!r} is a database of another program")
    elif version != _SCHEMA_VERSION:
        raise StoreError(
            f"{path!r} was written by another release (tables version {version}, expected "
            f"{_SCHEMA_VERSION}): delete it, or name another file"
        )
