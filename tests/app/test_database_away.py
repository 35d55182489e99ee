"""A database that goes away in the middle of the day: an honest answer, and work goes on after it."""

import httpx
from tests.app.people import signed_in

from yba.app.asgi import Shell
from yba.plumbing.database import Database


async def _cut_off(database: Database) -> None:
    """End every connection to the database but this one, as a restart of the server does."""
    async with database.borrow() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_away_is_told_as_such_and_what_comes_back_is_used_again(
    shell: Shell, database: Database, monkeypatch
):
    async with signed_in(shell, database, "receptionist") as desk:
        assert (await desk.get("/desk")).status_code == 200
        with monkeypatch.context() as gone:
            gone.setattr(shell.state.database, "dsn", "postgresql://yba@127.0.0.1:1/yba")
            await _cut_off(database)
            answers = [await desk.get("/desk") for _ in range(6)]
        away = [answer for answer in answers if answer.status_code == 503]
        assert away, [answer.status_code for answer in answers]
        for answer in away:
            assert answer.headers["retry-after"]
            assert "chưa lưu gì" in answer.text
        assert (await desk.get("/desk")).status_code == 200


async def test_a_lost_socket_is_away_too(tmp_path):
    import pytest

    from yba.plumbing.database import connect, is_away

    with pytest.raises(ConnectionError) as nowhere:
        await connect(f"postgresql://yba@/yba?host={tmp_path}")
    assert is_away(nowhere.value)
    assert not is_away(FileNotFoundError("a file of ours"))
    assert not is_away(httpx.ConnectError("another server"))
