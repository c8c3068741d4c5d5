"""The database: what is kept, what is refused."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from coreweave_inference.emulator.records import DEPLOYMENT, GATEWAY, Record, Stage
from coreweave_inference.emulator.store import Store, StoreError
from coreweave_inference.v1alpha1 import Deployment, Gateway
from tests.unit.emulator.rig import Rig

if TYPE_CHECKING:
    from pathlib import Path


def record(
    identity: str = "A", *, updated_ns: int = 5, organization: str = "cw0001"
) -> Record[Gateway]:
    gateway = Gateway()
    gateway.spec.id = identity
    gateway.spec.organization_id = organization
    gateway.status.updated_at.nanos = updated_ns
    return Record(GATEWAY, gateway, Stage.SETTLED, None)


def test_a_transaction_that_raises_leaves_nothing() -> None:
    store = Store()

    def fail() -> None:
        with store.transaction() as transaction:
            transaction.put(record())
            transaction.next_stamp("cw0001", at_least_ns=100)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with store.transaction() as transaction:
        assert transaction.get(GATEWAY, "cw0001", "a") is None
        assert transaction.next_stamp("cw0001", at_least_ns=1) == 1


def test_stamps_rise_per_organization_and_survive_what_had_them() -> None:
    store = Store()
    with store.transaction() as transaction:
        assert transaction.next_stamp("cw0001", at_least_ns=100) == 100
        assert transaction.next_stamp("cw0001", at_least_ns=100) == 101
        assert transaction.next_stamp("cw0001", at_least_ns=50) == 102
        assert transaction.next_stamp("cw0001", at_least_ns=500) == 500
        assert transaction.next_stamp("cw0002", at_least_ns=7) == 7
        transaction.put(record())
        transaction.remove(record())
        assert transaction.next_stamp("cw0001", at_least_ns=1) == 501


def test_a_file_holds_everything_for_the_next_process(tmp_path: Path) -> None:
    path = str(tmp_path / "emulator.db")
    first = Rig(store=Store(path))
    gateway = first.gateway(first.client())
    deployment = first.deployment(gateway.spec.id)
    first.store.close()
    second = Rig(store=Store(path), clock=first.clock)
    client = second.client()
    assert client.gateways.list() == [gateway]
    assert client.deployments.list(parent_gateway_id=gateway.spec.id) == [deployment]
    second.clock.advance(10)
    assert client.gateways.get(id=gateway.spec.id).status.endpoints
    second.store.close()


def test_two_stores_on_one_file_share_stamps_and_data(tmp_path: Path) -> None:
    path = str(tmp_path / "emulator.db")
    one, two = Store(path), Store(path)
    with one.transaction() as transaction:
        assert transaction.next_stamp("cw0001", at_least_ns=9) == 9
        transaction.put(record())
    with two.transaction() as transaction:
        assert transaction.next_stamp("cw0001", at_least_ns=9) == 10
        assert transaction.get(GATEWAY, "cw0001", "A") is not None
    one.close()
    two.close()


def test_a_file_is_written_ahead(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    store = Store(str(path))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    store.close()


def test_threads_take_turns() -> None:
    store = Store()
    stamps: list[int] = []

    def work() -> None:
        for _ in range(50):
            with store.transaction() as transaction:
                stamps.append(transaction.next_stamp("cw0001", at_least_ns=1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stamps) == list(range(1, 201))


def test_attachments_go_with_their_deployment(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    store = Store(str(path))
    deployment = Deployment()
    deployment.spec.id = "D"
    deployment.spec.organization_id = "cw0001"
    deployment.spec.gateway_ids.extend(["G", "g", "H"])
    kept = Record(DEPLOYMENT, deployment, Stage.SETTLED, None)
    with store.transaction() as transaction:
        transaction.put(kept)
        assert len(transaction.find(DEPLOYMENT, "cw0001", gateway_id="g")) == 1
        transaction.remove(kept)
        assert transaction.find(DEPLOYMENT, "cw0001", gateway_id="g") == []
        deployment.spec.gateway_ids[:] = ["I"]
        transaction.put(kept)
        assert transaction.find(DEPLOYMENT, "cw0001", gateway_id="h") == []
        assert len(transaction.find(DEPLOYMENT, "cw0001", gateway_id="I")) == 1
        transaction.remove(kept)
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM attachments").fetchone() == (0,)
    connection.close()


def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt.*file is not a database"):
        Store(str(text))
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(StoreError, match=r"other\.db.*another program"):
        Store(str(other))
    with pytest.raises(StoreError, match=r"missing.*unable to open"):
        Store(str(tmp_path / "missing" / "emulator.db"))


def test_a_file_of_another_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    Store(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="written by another release"):
        Store(str(path))
