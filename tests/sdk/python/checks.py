# SPDX-License-Identifier: Apache-2.0
"""
The checks of node/checks.mjs for the SDKs of PyPI. A driver is a module that calls main() with an
object that has

  name; retries: does it try again by itself?; make(url, retries) -> client
  run(client, request) -> Result; stream(client, request): a generator of texts that returns a
    Result and aborts the request when it is closed; status(error) -> the HTTP status or None
  skips: {CHECK: why, or a function of the back that tells it}
  more: ((CHECK, function, backs or None), ...)

A request is a dict of model, turns, tools, schema, max_tokens; a turn one of {"user", "image"},
{"assistant": Result.turn}, {"results": [{"id", "name", "text"}]}. The environment: URL, SIM,
TARGETS. TAP on stdout.
"""

import dataclasses
import json
import os
import sys
import time
import traceback
import urllib.request

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
    "=="
)
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather in a city now",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    {
        "name": "get_time",
        "description": "The time in a zone",
        "schema": {
            "type": "object",
            "properties": {"zone": {"type": "string"}},
            "required": ["zone"],
        },
    },
]
SCHEMA = {
    "title": "answer",
    "description": "An answer and a count",
    "type": "object",
    "properties": {"answer": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["answer", "count"],
    "additionalProperties": False,
}
FINISHES = {
    "stop": "stop",
    "end_turn": "stop",
    "tool_calls": "tools",
    "tool_use": "tools",
    "length": "length",
    "max_tokens": "length",
}
ECHOED = 'Grüße an Zoë, 日本 \U0001f600 "quoted" \\ back [[sim:echo]]'


@dataclasses.dataclass
class Call:
    id: str
    name: str
    input: dict


@dataclasses.dataclass
class Result:
    text: str
    turn: object = None
    calls: list = dataclasses.field(default_factory=list)
    finish: str = ""
    input: int = 0  # tokens
    output: int = 0
    cached: int = 0
    pieces: list = dataclasses.field(default_factory=list)


class Tester:
    marks = 0

    def __init__(self, driver, target):
        self.driver = driver
        self.target = target
        self.client = driver.make(os.environ["URL"], 0)
        self.first = get("/sim/stats")["requests"]

    def mark(self):
        Tester.marks += 1
        return f"nonce-{os.getpid()}-{Tester.marks}-"

    def filled(self, turns, more):
        return {"model": self.target["model"], "turns": turns, **more}

    def run(self, turns, **more):
        return self.driver.run(self.client, self.filled(turns, more))

    def stream(self, turns, **more):
        return self.driver.stream(self.client, self.filled(turns, more))

    def drain(self, turns, **more):
        pieces = []
        stream = self.stream(turns, **more)
        while True:
            try:
                piece = next(stream)
            except StopIteration as end:
                return dataclasses.replace(end.value, pieces=pieces)
            if piece:
                pieces.append(piece)

    def received(self, text):
        """The newest request with this text that the provider got, or None."""
        requests = get(f"/sim/requests?from={self.first}")["requests"]
        found = [request for request in requests if text in request["body"]]
        return found[-1] if found else None


def get(path):
    with urllib.request.urlopen(os.environ["SIM"] + path, timeout=10) as response:
        return json.load(response)


def equal(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


def sound(result, finish):
    equal(result.finish, finish)
    assert result.input > 0, result
    assert result.output > 0, result


# --- the checks -----------------------------------------------------------------------------------


def chat(t):
    result = t.run([{"user": ECHOED}])
    equal(result.text, ECHOED)
    sound(result, "stop")


def streams(t):
    result = t.drain([{"user": ECHOED}])
    equal("".join(result.pieces), ECHOED)
    equal(result.text, ECHOED)
    assert len(result.pieces) > 3, result.pieces
    sound(result, "stop")


def goes_on(t):
    first = t.run([{"user": "One [[sim:tokens-5]]"}])
    turns = [{"user": "One"}, {"assistant": first.turn}, {"user": "Two [[sim:echo]]"}]
    equal(t.run(turns).text, "Two [[sim:echo]]")


def ends_by_length(t):
    turns = [{"user": "Tell me [[sim:tokens-60]]"}]
    sound(t.run(turns, max_tokens=16), "length")
    sound(t.drain(turns, max_tokens=16), "length")


def round_trip(t, user, result, ask):
    results = [
        {"id": call.id, "name": call.name, "text": f"result {i}"}
        for i, call in enumerate(result.calls)
    ]
    results[-1]["text"] += " [[sim:echo]]"
    turns = [{"user": user}, {"assistant": result.turn}, {"results": results}]
    last = ask(turns, tools=TOOLS)
    assert results[-1]["text"] in last.text, f"the model saw: {last.text}"
    sound(last, "stop")


def calls_a_tool(t):
    user = "Rome? [[sim:tools]]"
    result = t.run([{"user": user}], tools=TOOLS)
    equal([call.name for call in result.calls], ["get_weather"])
    assert isinstance(result.calls[0].input["city"], str), result.calls
    sound(result, "tools")
    round_trip(t, user, result, t.run)


def calls_tools_in_a_stream(t):
    user = "Both! [[sim:tools-parallel-2]]"
    result = t.drain([{"user": user}], tools=TOOLS)
    equal([call.name for call in result.calls], ["get_weather", "get_time"])
    assert isinstance(result.calls[0].input["city"], str), result.calls
    assert isinstance(result.calls[1].input["zone"], str), result.calls
    assert result.calls[0].id != result.calls[1].id, result.calls
    sound(result, "tools")
    round_trip(t, user, result, t.drain)


def speaks_before_a_call(t):
    result = t.drain([{"user": "x [[sim:tools-with-text]]"}], tools=TOOLS)
    assert result.text, result
    equal([call.name for call in result.calls], ["get_weather"])


def sends_an_image(t):
    mark = t.mark()
    assert t.run([{"user": f"What is it? {mark}", "image": PNG}]).text
    request = t.received(mark)
    assert request and PNG in request["body"], "the provider got no image"


def answers_by_schema(t):
    value = json.loads(t.run([{"user": "Count"}], schema=SCHEMA).text)
    assert isinstance(value["answer"], str) and isinstance(value["count"], int), value


def tells_of_the_cache(t):
    turns = [
        {"user": "A prompt that is long enough to have been cached [[sim:usage-cached-5]]"}
    ]
    told = 0 if t.target["back"] == "ollama" else 5  # Ollama tells none
    equal(t.run(turns).cached or 0, told)
    equal(t.drain(turns).cached or 0, told)


def raises(t, status, action):
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises
        equal(t.driver.status(error), status)
        return
    raise AssertionError("nothing was raised")


def raises_errors(t):
    raises(t, 400, lambda: t.run([{"user": "x [[sim:status-400]]"}]))
    raises(t, 400, lambda: t.drain([{"user": "x [[sim:context-length]]"}]))


def tries_again(t):
    request = {"model": t.target["flaky"], "turns": [{"user": "Again [[sim:echo]]"}]}
    if not t.driver.retries:
        raises(t, 503, lambda: t.driver.run(t.client, request))
    client = t.driver.make(os.environ["URL"], 3)
    assert t.driver.run(client, request).text


def raises_in_a_stream(t):
    try:
        t.drain([{"user": "x [[sim:tokens-50-error-in-stream-5]]"}])
    except Exception:  # noqa: BLE001
        return
    raise AssertionError("a stream that broke off ended as if it were whole")


def breaks_off(t):
    mark = t.mark()
    stream = t.stream([{"user": f"{mark} [[sim:event-20-tokens-2000]]"}], max_tokens=4000)
    seen = 0
    while seen < 3:
        seen += bool(next(stream))
    stream.close()
    end = time.monotonic() + 8
    while (t.received(mark) or {}).get("result") != "aborted":
        assert time.monotonic() < end, "the abort did not arrive"
        time.sleep(0.02)


CHECKS = (
    ("chat", chat),
    ("stream", streams),
    ("conversation", goes_on),
    ("length", ends_by_length),
    ("tool", calls_a_tool),
    ("tools in a stream", calls_tools_in_a_stream),
    ("text before a call", speaks_before_a_call),
    ("image", sends_an_image),
    ("schema", answers_by_schema),
    ("cached tokens", tells_of_the_cache),
    ("errors", raises_errors),
    ("retry", tries_again),
    ("error in a stream", raises_in_a_stream),
    ("abort", breaks_off),
)


# --- the run --------------------------------------------------------------------------------------


def why_not(driver, back, name):
    """Why a check does not apply to a target, or None."""
    skip = getattr(driver, "skips", {}).get(name)
    if callable(skip):
        skip = skip(back)
    return skip


def main(driver):
    number = failed = 0
    for target in json.loads(os.environ["TARGETS"]):
        tester = Tester(driver, target)
        back = target["back"]
        more = [row[:2] for row in getattr(driver, "more", ()) if row[2] is None or back in row[2]]
        for name, check in (*CHECKS, *more):
            number += 1
            says = f"{number} - {driver.name} -> {back}: {name}"
            reason = why_not(driver, back, name)
            if reason:
                print(f"ok {says} # SKIP {reason}", flush=True)
                continue
            try:
                check(tester)
                print(f"ok {says}", flush=True)
            except Exception:  # noqa: BLE001
                failed += 1
                text = traceback.format_exc()[-1500:].replace("\n", "\n# ")
                print(f"not ok {says}\n# {text}", flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)
