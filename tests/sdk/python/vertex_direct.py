# SPDX-License-Identifier: Apache-2.0
"""google-genai of PyPI, Google's own, against the simulated Vertex AI: SIM; and the same through
the gateway in front of it: URL. Its requests are what the simulated provider must accept, which
proves the shapes that the gateway is tested against. TAP on stdout."""

import json
import os
import sys
import traceback
import urllib.request

from google import genai
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.genai import errors, types
from google.oauth2 import service_account

SIM = os.environ["SIM"]
FOUR = "a b c d [[sim:echo]]"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def account():
    with urllib.request.urlopen(f"{SIM}/sim/service-account", timeout=30) as response:
        return json.load(response)


def credentials(info, scopes=SCOPES):
    return service_account.Credentials.from_service_account_info(info, scopes=scopes)


client = genai.Client(
    vertexai=True,
    project="sim-project",
    location="europe-west4",
    credentials=credentials(account()),
    http_options={"base_url": SIM, "api_version": "v1"},
)
through = genai.Client(api_key="none", http_options={"base_url": os.environ["URL"]})


def refuses_tokens(info, scopes=SCOPES):
    try:
        credentials(info, scopes).refresh(Request())
    except exceptions.RefreshError as error:
        return str(error)
    raise AssertionError("a token was given")


# --- the tests ------------------------------------------------------------------------------------


def assertions_get_tokens():
    given = credentials(account())
    given.refresh(Request())
    assert given.token.startswith("ya29.") and given.valid, given.token


def wrong_assertions_do_not():
    good = account()
    other = genai_key()
    assert "invalid_grant" in refuses_tokens({**good, "private_key": other})
    assert "invalid_grant" in refuses_tokens({**good, "client_email": "x@example.com"})
    assert "invalid_scope" in refuses_tokens(good, ["https://www.googleapis.com/auth/drive"])


def genai_key():
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def without_a_token_nothing_is_answered():
    path = "v1/projects/p/locations/l/publishers/google/models/gemini-3:generateContent"
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "a"}]}]}).encode()
    for head in ({}, {"authorization": "Bearer ya29.x"}, {"x-goog-api-key": "k"}):
        request = urllib.request.Request(f"{SIM}/{path}", data=body, headers=head)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            assert error.code == 401 and b"UNAUTHENTICATED" in error.read(), error
        else:
            raise AssertionError(f"{head} was let in")


def chats_are_answered(client, model):
    answer = client.models.generate_content(model=model, contents="Grüße [[sim:echo]]")
    assert answer.text == "Grüße [[sim:echo]]", answer
    pieces = [
        chunk.text
        for chunk in client.models.generate_content_stream(model=model, contents=FOUR)
    ]
    assert "".join(piece or "" for piece in pieces) == FOUR, pieces


def tools_are_called(client, model):
    tool = types.Tool(
        function_declarations=[{"name": "get_weather", "parameters_json_schema": CITY}]
    )
    answer = client.models.generate_content(
        model=model,
        contents="Rome? [[sim:tools]]",
        config={"tools": [tool], "automatic_function_calling": {"disable": True}},
    )
    assert [call.name for call in answer.function_calls] == ["get_weather"], answer


def vectors_are_made(client, prefix):
    one = client.models.embed_content(model=prefix + "gemini-embedding-001", contents="a")
    newer = client.models.embed_content(
        model=prefix + "gemini-embedding-2", contents="a", config={"output_dimensionality": 8}
    )
    many = client.models.embed_content(
        model=prefix + "text-embedding-005",
        contents=["a", "b"],
        config={"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 8},
    )
    batch = client.models.embed_content(
        model=prefix + "gemini-embedding-2",
        contents=[types.Content(parts=[types.Part(text=text)]) for text in "ab"],
    )
    assert len(batch.embeddings) == 2, batch
    assert len(one.embeddings) == 1 and len(newer.embeddings[0].values) == 8, (one, newer)
    assert [len(vector.values) for vector in many.embeddings] == [8, 8], many
    assert many.embeddings[0].values != many.embeddings[1].values, many


def tokens_are_counted(client, model):
    assert client.models.count_tokens(model=model, contents="How many?").total_tokens > 2


def too_many_inputs_are_refused():
    try:
        through.models.embed_content(model="vertex/e5-maas", contents=["a", "b"])
    except errors.ClientError as error:
        assert error.code == 422, error
        return
    raise AssertionError("two inputs for a model that takes one")


def only_vertex_words_arrived():
    with urllib.request.urlopen(f"{SIM}/sim/requests", timeout=10) as response:
        targets = [request["target"] for request in json.load(response)["requests"]]
    mine = [t for t in targets if "/publishers/google/" in t]
    for method in (
        ":predict",
        ":embedContent",
        ":batchEmbedContents",
        ":countTokens",
        ":generateContent",
    ):
        assert any(t.endswith(method) for t in mine), (method, mine)


TESTS = [
    ("assertions get tokens", assertions_get_tokens),
    ("wrong assertions do not", wrong_assertions_do_not),
    ("without a token nothing is answered", without_a_token_nothing_is_answered),
    ("chats are answered", lambda: chats_are_answered(client, "gemini-3")),
    ("tools are called", lambda: tools_are_called(client, "gemini-3")),
    ("vectors are made", lambda: vectors_are_made(client, "")),
    ("tokens are counted", lambda: tokens_are_counted(client, "gemini-3")),
    ("chats go through", lambda: chats_are_answered(through, "vertex/gemini-3")),
    ("tools go through", lambda: tools_are_called(through, "vertex/gemini-3")),
    ("vectors go through", lambda: vectors_are_made(through, "vertex/")),
    ("counts go through", lambda: tokens_are_counted(through, "vertex/gemini-3")),
    ("too many inputs are refused", too_many_inputs_are_refused),
    ("only Vertex AI's words arrived", only_vertex_words_arrived),
]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, (says, test) in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} - python google-genai {genai.__version__}: {says}")
        except Exception:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - python google-genai {genai.__version__}: {says}")
            print("# " + traceback.format_exc().replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
