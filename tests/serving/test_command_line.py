"""What `python -m serving` accepts, and to whom it listens."""

import socket
from pathlib import Path

import pytest
import uvicorn

from local.processes.ports import free_ports
from serving.__main__ import main


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The addresses at which a server would have started. There is no token."""
    addresses: list[tuple] = []
    monkeypatch.delenv("ANTM2C_SERVING_TOKEN", raising=False)
    monkeypatch.setattr(uvicorn.Server, "run", lambda _, sockets: addresses.append(sockets[0].getsockname()[:2]))
    return addresses


@pytest.mark.parametrize(
    ("host", "shown", "address"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost", "127.0.0.1"),
        pytest.param("::1", "[::1]", "::1", marks=pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")),
    ],
)
def test_this_machine_may_ask_without_a_token(
    host: str, shown: str, address: str, tmp_path: Path, started: list[tuple], capsys: pytest.CaptureFixture[str]
) -> None:
    [port] = free_ports(1)
    main(["--warehouse", str(tmp_path), "--host", host, "--port", str(port)])
    assert started == [(address, port)]
    assert capsys.readouterr().err == f"answers at http://{shown}:{port}/score\n"


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"cannot listen at port {port} of 127.0.0.1, Address already in use"):
            main(["--warehouse", str(tmp_path), "--port", str(port)])


@pytest.mark.parametrize("port", ["65536", "99999", "0", "-1", "http"])
def test_a_port_is_a_number_that_there_is(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--port={port}"])
    assert f"'{port}' is not allowed: write a whole number from 1 to 65535" in capsys.readouterr().err


def test_other_machines_need_a_token() -> None:
    with pytest.raises(SystemExit, match="without a token, only this machine may ask"):
        main(["--host", "0.0.0.0"])


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1", "soon"])
def test_the_time_between_looks_is_above_0(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--look-every={seconds}"])
    assert f"'{seconds}' is not a number of seconds above 0" in capsys.readouterr().err


def test_a_dataset_with_another_number_of_scenes_than_this_process_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "raw_shop").mkdir()
    (tmp_path / "raw_shop" / "mapping.toml").write_text("scenes = 7")
    with pytest.raises(SystemExit, match=r"dataset shop in .* has 7 scenes"):
        main(["--warehouse", str(tmp_path), "--dataset", "shop"])
