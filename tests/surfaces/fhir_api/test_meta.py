"""$meta, $meta-add, $meta-delete."""

import json

from tests.surfaces.fhir_api.test_rest import create, patient, refusal

from yba.kernel.ids import new_id


def tags(*codes: str) -> str:
    meta = {"tag": [{"system": "urn:t", "code": code} for code in codes]}
    return json.dumps(
        {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
    )


def codes(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    meta = answer.json()["parameter"][0]["valueMeta"]
    return [tag["code"] for tag in meta.get("tag", ())]


async def test_tags_are_added_once_and_taken_away_again(client):
    id_ = await create(client, patient())

    assert codes(await client.post(f"/Patient/{id_}/$meta-add", content=tags("a", "b"))) == [
        "a",
        "b",
    ]
    assert codes(await client.post(f"/Patient/{id_}/$meta-add", content=tags("b"))) == ["a", "b"]
    assert (await client.get(f"/Patient/{id_}")).headers["etag"] == 'W/"2"'
    found = await client.get(f"/Patient?_tag=urn:t|a&_id={id_}")
    assert found.json()["total"] == 1
    assert codes(await client.post(f"/Patient/{id_}/$meta-delete", content=tags("a"))) == ["b"]
    assert codes(await client.get(f"/Patient/{id_}/$meta")) == ["b"]
    assert codes(await client.get(f"/Patient/{id_}/_history/2/$meta")) == ["a", "b"]


async def test_what_is_not_there_has_no_meta(client):
    id_ = await create(client, patient())
    await client.delete(f"/Patient/{id_}")

    assert (await client.get(f"/Patient/{new_id()}/$meta")).status_code == 404
    assert (await client.get(f"/Patient/{id_}/$meta")).status_code == 410
    assert (await client.post(f"/Patient/{id_}/$meta-add", content=tags("a"))).status_code == 410
    assert refusal(await client.post(f"/Patient/{id_}/$meta-add", content="{}"))[0] == 400
    assert (await client.get(f"/Patient/{id_}/$meta-add")).status_code == 405


async def test_a_type_and_the_base_tell_what_their_resources_bear(client):
    tag, profile = new_id(), f"urn:profile:{new_id()}"
    meta = {
        "profile": [f"{profile}|2"], "tag": [{"system": "urn:t", "code": tag}],
        "security": [{"system": "urn:l", "code": f"seen-{tag}"}],
    }  # fmt: skip
    id_ = await create(client, patient(meta=meta))
    await create(client, patient(meta={"tag": [{"code": tag}]}))

    async def told(path: str) -> tuple[bool, list[dict], bool]:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        found = answer.json()["parameter"][0].get("valueMeta", {})
        return (
            f"{profile}|2" in found.get("profile", ()),
            [t for t in found.get("tag", ()) if t["code"] == tag],
            {"system": "urn:l", "code": f"seen-{tag}"} in found.get("security", ()),
        )

    both = [{"code": tag}, {"system": "urn:t", "code": tag}]
    assert await told("/Patient/$meta") == await told("/$meta") == (True, both, True)
    assert await told("/Basic/$meta") == (False, [], False)
    reader = {"authorization": "Bearer doctor-of-k01"}
    hidden = await client.get("/Patient/$meta", headers=reader)
    assert tag not in hidden.text

    await client.delete(f"/Patient/{id_}")
    assert await told("/$meta") == (False, both[:1], False)
    assert (await client.get("/Patient/$meta?mode=x")).status_code == 400
    assert (await client.post("/Patient/$meta-add", content=tags("a"))).status_code == 405
