"""Logging in: the conversations of `az login` and of the SDKs, step by step."""

from __future__ import annotations

from tests.service.served import SECRET, Served


def test_a_service_principal_logs_in_as_az_does(served: Served) -> None:
    client = served.client(None)
    found = client.get("/adfs/.well-known/openid-configuration").json()
    answer = client.post(
        found["token_endpoint"],
        data={
            "client_id": "automation",
            "client_secret": SECRET,
            "grant_type": "client_credentials",
            "scope": f"{served.url}//.default",
        },
    )
    assert answer.status_code == 200
    caller = served.parts.tokens.read(answer.json()["access_token"])
    assert caller.object_id == served.principal("automation").object_id
    assert caller.claims["aud"] == f"{served.url}/"
