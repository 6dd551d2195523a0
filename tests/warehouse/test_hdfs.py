"""The HDFS client: forks, pickles, odd names, and one sentence for each thing that goes wrong."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from local.cluster.hdfs_server import Hdfs
from tests.warehouse.conftest import DAY, publish, receive
from warehouse.catalog import Catalog
from warehouse.errors import StorageError, WarehouseError
from warehouse.freshness import Freshness
from warehouse.settings import REPOSITORY
from warehouse.storage import Storage
from warehouse.tables import LOGS, RAW

FEW = ("--rows", "30", "--days", "3", "--dataset", "test", "--warehouse")
HANGS_AFTER = 30


@pytest.fixture
def storage(hdfs: Hdfs) -> Storage:
    return Storage(f"{hdfs.uri}/{uuid4().hex}")


@pytest.fixture
def safe_mode(hdfs: Hdfs) -> Iterator[None]:
    hdfs.set_safe_mode(True)
    yield
    hdfs.set_safe_mode(False)


def status_of_child(work: Callable[[], object]) -> int:
    """The exit status of a forked process that does the work, or the signal that ended it, negative."""
    child = os.fork()
    if child == 0:
        signal.alarm(HANGS_AFTER)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_forked_child_reads_and_writes(storage: Storage) -> None:
    storage.write_text(storage.path("a"), "parent")
    assert status_of_child(lambda: storage.write_text(storage.path("b"), storage.read_text(storage.path("a")))) == 0
    assert storage.read_text(storage.path("b")) == "parent"


def test_a_forked_child_can_exit(storage: Storage) -> None:
    script = (
        "import os, sys; from warehouse.storage import Storage; storage = Storage(sys.argv[1]); storage.exists('/x')\n"
        "child = os.fork(); storage.exists('/x'); child and sys.exit(os.waitpid(child, 0)[1])"
    )
    assert subprocess.run([sys.executable, "-c", script, storage.root], cwd=REPOSITORY, timeout=30).returncode == 0


def test_a_storage_may_be_pickled(storage: Storage) -> None:
    storage.write_text(storage.path("a"), "x")
    again = pickle.loads(pickle.dumps(storage))
    assert (again.root, again.read_text(again.path("a"))) == (storage.root, "x")


@pytest.mark.parametrize("name", ["a b", "a#b", "a?b", "a;b", "a%20b", "长"])
def test_any_name_is_kept(storage: Storage, name: str) -> None:
    storage.write_text(storage.path(name, name), name)
    assert storage.folders(storage.path()) == [name]
    assert [(entry["name"], entry["size"]) for entry in storage.files(storage.path())] == [
        (storage.path(name, name), len(name.encode()))
    ]
    assert storage.read_text(storage.path(name, name)) == name


def test_a_raw_file_written_again_is_another_version(storage: Storage) -> None:
    catalog = Catalog(storage.root, "test")
    storage.write_text(f"{catalog.path(RAW, '2023-07-20')}/a.csv", "x")
    first = catalog.version(RAW, "2023-07-20")
    assert catalog.version(RAW, "2023-07-20") == first
    storage.write_text(f"{catalog.path(RAW, '2023-07-20')}/a.csv", "y")
    assert catalog.version(RAW, "2023-07-20") != first


def test_a_raw_file_written_again_with_the_same_content_leaves_its_logs_fresh(storage: Storage) -> None:
    catalog = Catalog(storage.root, "test")
    receive(catalog, DAY, "x")
    publish(catalog, LOGS, DAY, ["a"], [(RAW, DAY)])
    recorded = catalog.manifest(LOGS, DAY).inputs[0].files[0].time
    time.sleep(0.01)
    receive(catalog, DAY, "x")
    assert catalog.input(RAW, DAY).files[0].time != recorded
    assert Freshness(catalog).verdict(LOGS, DAY).fresh
    receive(catalog, DAY, "y")
    assert not Freshness(catalog).verdict(LOGS, DAY).fresh


def test_another_users_folder_may_not_be_written(hdfs: Hdfs) -> None:
    said = command("sample_logs", *FEW, f"{hdfs.uri}/theirs", HADOOP_USER_NAME="somebody")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"error: {hdfs.uri}: Permission denied: user=somebody, access=WRITE, inode=")
    assert said.stderr.endswith(
        "ask an administrator for this permission, or set HADOOP_USER_NAME to a user who has it\n"
    )


@pytest.mark.usefixtures("safe_mode")
def test_a_namenode_in_safe_mode_changes_nothing(hdfs: Hdfs) -> None:
    said = command("sample_logs", *FEW, f"{hdfs.uri}/safe")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == (
        f"error: {hdfs.uri}: the NameNode is in safe mode and allows no changes; "
        "wait until it leaves safe mode, then try again\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("warehouse", "status"),
        ("sample_logs", "--rows", "30"),
        ("training", "train", "--as-of", "2023-07-20"),
        ("spark_jobs.csv_to_orc", "--date", "2023-07-20"),
    ],
)
def test_every_command_reports_a_refused_connection(words: tuple[str, ...]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        place = f"hdfs://127.0.0.1:{bound.getsockname()[1]}"
        said = command(*words, "--dataset", "test", "--warehouse", f"{place}/x")
    assert said.returncode != 0
    assert said.stderr.splitlines()[-1].endswith(
        f"{place} cannot be reached (Connection refused); check host and port, and that the NameNode is running"
    )
    assert "Traceback" not in said.stderr


def test_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.hdfs._CONNECT_SECONDS", 0.5)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:  # with these before it, a connection is neither taken nor refused
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(StorageError, match=r"cannot be reached \(timed out\)"):
            Storage(f"hdfs://127.0.0.1:{full.getsockname()[1]}/x")
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("root", "says"),
    [
        ("hdfs://no-such-host.invalid:9000/x", "cannot be reached"),
        ("hdfs://namenode:port/x", "write hdfs://host:port/path"),
        ("hdfs://no-such-service/x", "write hdfs://host:port/path, or set HADOOP_CONF_DIR"),
        ("hdfs:///x", "write hdfs://host:port/path, or set HADOOP_CONF_DIR"),
    ],
)
def test_a_wrong_address_is_named(monkeypatch: pytest.MonkeyPatch, root: str, says: str) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    with pytest.raises(WarehouseError, match="^hdfs://.*" + says):
        Storage(root).exists("/x")


def test_blocks_without_a_datanode_are_reported(hdfs: Hdfs, storage: Storage) -> None:
    storage.write_text(storage.path("a"), "x")
    hdfs.kill_datanode()
    try:
        with pytest.raises(
            StorageError, match=f"^{hdfs.uri}: .*; check that the NameNode and the DataNodes are running$"
        ):
            storage.read_text(storage.path("a"))
    finally:
        hdfs.start_datanode()
    assert storage.read_text(storage.path("a")) == "x"
