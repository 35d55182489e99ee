"""`$reindex`: asking for what is stored to be filed again, and seeing how far it is."""

from yba.foundation.record import reindexing
from yba.kernel.clock import utc_now


def works(answer) -> list[dict[str, object]]:
    """Return each piece of work as a dictionary."""
    return [
        {
            part["name"]: next(value for name, value in part.items() if name != "name")
            for part in one["part"]
        }
        for one in answer.json().get("parameter", [])
    ]


async def test_a_type_is_filed_again_and_its_progress_is_shown(client, database):
    asked = await client.post("/Basic/$reindex")
    for _ in range(3):
        await reindexing.run_waiting(database, clock=utc_now)
    shown = await client.get("/Basic/$reindex-status")

    assert (asked.status_code, shown.status_code) == (202, 200)
    [work] = [work for work in works(shown) if "finished" in work]
    assert (work["type"], work["done"]) == ("Basic", work["total"])


async def test_it_is_a_command_and_takes_no_parameters(client):
    assert (await client.get("/$reindex")).status_code == 405
    assert (await client.post("/$reindex?type=Patient")).status_code == 400


async def test_a_reader_may_not_ask_for_it(client):
    answer = await client.post("/$reindex", headers={"authorization": "Bearer reader"})

    assert answer.status_code == 403
