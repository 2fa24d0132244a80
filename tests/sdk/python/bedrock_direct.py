# SPDX-License-Identifier: Apache-2.0
"""botocore of PyPI, Amazon's own, against the simulated Bedrock: SIM. It signs what the simulated
provider must accept and reads its frames, which proves the two that the gateway is tested against:
the check of signatures and the framing. TAP on stdout."""

import os
import sys
import traceback

import botocore
import botocore.config
import botocore.eventstream
import botocore.exceptions
import botocore.session

# The account of src/sim/sigv4.h.
KEY, TEMPORARY = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE/token+of//a/session=="
CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-v1:0"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": CITY}}}]}

session = botocore.session.Session()


def client(key=KEY, secret=SECRET, token=None, region="eu-central-1"):
    return session.create_client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=os.environ["SIM"],
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


def asking(text, model=CLAUDE, **more):
    return {"modelId": model, "messages": [{"role": "user", "content": [{"text": text}]}], **more}


def words_of(answer):
    return "".join(part.get("text", "") for part in answer["output"]["message"]["content"])


def events_of(request):
    """[(name, event)] of a stream, and the error that ended it or None."""
    events = []
    try:
        for event in client().converse_stream(**request)["stream"]:
            events += event.items()
    except (botocore.exceptions.EventStreamError, botocore.eventstream.ParserError) as error:
        return events, error
    return events, None


def refused(wanted, request, **credentials):
    try:
        client(**credentials).converse(**request)
    except botocore.exceptions.ClientError as error:
        told, head = error.response["Error"], error.response["ResponseMetadata"]
        assert (told["Code"], head["HTTPStatusCode"]) == wanted, error.response
        return told["Message"]
    raise AssertionError(f"it was answered, not refused with {wanted}")


# --- the tests ------------------------------------------------------------------------------------


def signatures_are_accepted():
    for model in (CLAUDE, ARN, "amazon.nova-lite-v1:0"):
        assert words_of(client().converse(**asking("Grüße [[sim:echo]]", model))).startswith("Gr")
    answer = client(TEMPORARY, token=TOKEN, region="us-east-1").converse(**asking("a"))
    assert answer["stopReason"] == "end_turn", answer


def wrong_signatures_are_refused():
    request = asking("a")
    refused(("InvalidSignatureException", 403), request, secret=SECRET + "x")
    refused(("UnrecognizedClientException", 403), request, key="AKIAUNKNOWN")
    refused(("UnrecognizedClientException", 403), request, key=TEMPORARY)
    refused(("UnrecognizedClientException", 403), request, token=TOKEN)
    refused(("UnrecognizedClientException", 403), request, key=TEMPORARY, token=TOKEN + "x")


def streams_are_read():
    events, error = events_of(asking("Say [[sim:echo-usage-cached-3]] Grüße 日本"))
    assert error is None, error
    names = [name for name, _ in events]
    assert names[0] == "messageStart" and names[-2:] == ["messageStop", "metadata"], names
    text = "".join(e["delta"]["text"] for name, e in events if name == "contentBlockDelta")
    assert text.endswith("Grüße 日本"), text
    usage = events[-1][1]["usage"]
    assert usage["cacheReadInputTokens"] == 3 and usage["totalTokens"] == (
        usage["inputTokens"] + usage["outputTokens"] + 3
    ), usage


def calls_are_streamed_and_answered():
    request = asking("Both [[sim:tools-parallel-2-thinking]]", toolConfig=TOOLS)
    events, error = events_of(request)
    assert error is None, error
    starts = [e["start"]["toolUse"] for name, e in events if name == "contentBlockStart"]
    assert len({start["toolUseId"] for start in starts}) == 2, starts
    whole = client().converse(**request)["output"]["message"]
    calls = [part["toolUse"] for part in whole["content"] if "toolUse" in part]
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "20 [[sim:echo]]"}]}}
        for call in calls
    ]
    request["messages"] += [whole, {"role": "user", "content": results}]
    assert words_of(client().converse(**request)) == "20 [[sim:echo]]"
    request["messages"][-1]["content"] = results[:1]
    said = refused(("ValidationException", 400), request)
    assert "Expected toolResult blocks at messages.2.content" in said, said


def errors_are_amazons():
    for chain, wanted in (
        ("status-400", ("ValidationException", 400)),
        ("status-403", ("AccessDeniedException", 403)),
        ("status-404", ("ResourceNotFoundException", 404)),
        ("status-429", ("ThrottlingException", 429)),
        ("quota", ("ThrottlingException", 429)),
        ("status-500", ("InternalServerException", 500)),
        ("status-503", ("ServiceUnavailableException", 503)),
        ("context-length", ("ValidationException", 400)),
    ):
        refused(wanted, asking(f"x [[sim:{chain}]]"))


def streams_end_with_exceptions():
    events, error = events_of(asking("x [[sim:error-in-stream-2]]"))
    assert len(events) == 2 and "modelStreamErrorException" in str(error), (events, error)
    events, error = events_of(asking("x [[sim:error-openrouter-3]]"))
    assert len(events) == 3 and "throttlingException" in str(error), (events, error)


def broken_sums_are_seen():
    events, error = events_of(asking("x [[sim:malformed-event-3]]"))
    assert len(events) == 2, events
    assert isinstance(error, botocore.eventstream.ChecksumMismatch), error


def huge_events_are_whole():
    events, error = events_of(asking("x [[sim:huge-event-2]]"))
    assert error is None, error
    longest = max(len(e["delta"].get("text", "")) for n, e in events if n == "contentBlockDelta")
    assert longest > 2 << 20, longest


TESTS = [
    ("signatures are accepted", signatures_are_accepted),
    ("wrong signatures are refused", wrong_signatures_are_refused),
    ("streams are read", streams_are_read),
    ("calls are streamed and answered", calls_are_streamed_and_answered),
    ("errors are Amazon's", errors_are_amazons),
    ("streams end with exceptions", streams_end_with_exceptions),
    ("broken sums are seen", broken_sums_are_seen),
    ("huge events are whole", huge_events_are_whole),
]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, (says, test) in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} - python botocore {botocore.__version__}: {says}")
        except Exception:  # noqa: BLE001
            failed += 1
            print(f"not ok {number} - python botocore {botocore.__version__}: {says}")
            print("# " + traceback.format_exc().replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
