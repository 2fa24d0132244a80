# SPDX-License-Identifier: Apache-2.0
"""Each check of an answer, whole, in a held stream and in one that may begin early: what fails it
is asked of the stronger target, what passes it is delivered; headers, the call's row of the ledger,
`sluice report --explain` and the metrics say the same. Then what stops it: the call's time and
its price."""

import json
import os
import time
from decimal import Decimal

import arithmetic
import compare
from harness import http1
from live import Live, chunk

EARLY_BYTES = 160
SEA = "The sea is wide and deep, and it is never the same, although it is always there. "
LONG = SEA * 3
REFUSAL = "I'm sorry, but I can't help with that. " + "It is not for me to talk about the sea. " * 4
TIDES = (
    "Tell me in a few words what the tides of the sea are and why they come, so that a child can "
    "follow what you say, and with that which you have read of it."
)
GERMAN = (
    "Die Gezeiten sind das Steigen und das Sinken des Meeres, und sie kommen mit dem Mond, der "
    "nicht weit von der Erde ist und das Wasser auf sich zieht, wie es in den Büchern steht, und "
    "auch die Sonne ist mit dabei."
)
ENGLISH = (
    "They are the rise and the fall of the sea, and they come from the moon, which is not far "
    "from the earth, with all that you have read, and so does the sun, as it is in the books."
)
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
JSON_WANTED = {"response_format": {"type": "json_object"}}
SCHEMA_WANTED = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
}


class Says:
    """What a model answers: its text, or a call of the tool with these arguments."""

    def __init__(self, text="", arguments=None, finish="stop", logprob=None):
        self.text, self.arguments, self.logprob = text, arguments, logprob
        self.finish = "tool_calls" if arguments else finish

    def calls(self):
        function = {"name": "look", "arguments": self.arguments}
        return [{"index": 0, "id": "c1", "type": "function", "function": function}]

    def logprobs(self, text):
        scored = {"content": [{"token": text, "logprob": self.logprob}]}
        return {} if self.logprob is None else {"logprobs": scored}

    def is_judged_early(self):
        return self.arguments is not None or len(self.text.encode()) >= EARLY_BYTES

    def whole(self, usage):
        message = {"role": "assistant", "content": self.text}
        if self.arguments is not None:
            message = {"role": "assistant", "content": None, "tool_calls": self.calls()}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        return json.dumps(
            {"choices": [{**choice, **self.logprobs(self.text)}], "usage": usage}
        ).encode()

    def deltas(self):
        if self.arguments is not None:
            yield {"delta": {"tool_calls": self.calls()}}
        middle = len(self.text) // 2
        for text in (self.text[:middle], self.text[middle:]):
            if text:
                yield {"delta": {"content": text}, **self.logprobs(text)}
        yield {"delta": {}, "finish_reason": self.finish}

    def events(self, usage):
        frames = [{"choices": [{"index": 0, "finish_reason": None, **d}]} for d in self.deltas()]
        frames.append({"choices": [], "usage": usage})
        return [b"data: " + json.dumps(f).encode() + b"\n\n" for f in frames] + [
            b"data: [DONE]\n\n"
        ]


class Check:
    """A row: the check, what its route says besides, the call, a poor and a good answer."""

    def __init__(self, name, poor, good, settings="", text="What is it?", extra=None):
        self.name, self.poor, self.good, self.settings = name, poor, good, settings
        self.text, self.extra = text, extra or {}


CHECKS = [
    Check("empty", Says(" " * 200), Says("Something.")),
    Check("refusal", Says(REFUSAL), Says(LONG)),
    Check("truncated", Says("It is", finish="length"), Says("It is 7.")),
    Check("wrong_language", Says(GERMAN), Says(ENGLISH), text=TIDES),
    Check("repetition", Says("It is " + "and so on, " * 60), Says("It is 7.")),
    Check("invalid_json", Says("Sure: {}"), Says("{}"), extra=JSON_WANTED),
    Check("invalid_schema", Says('{"n":"7"}'), Says('{"n":7}'), extra=SCHEMA_WANTED),
    Check("pattern", Says("7"), Says("#### 7"), ', pattern: "^#### [0-9]+"'),
    Check("choice", Says("It depends."), Says("B."), ", choices: [A, B]"),
    Check(
        "tool_arguments",
        Says(arguments='{"town":"Oslo"}'),
        Says(arguments='{"city":"Oslo"}'),
        extra={"tools": [TOOL]},
    ),
    Check("arithmetic", Says("3 * 4 = 13"), Says("3 * 4 = 12")),
    Check("code", Says('```json\n{"a": [1, 2}\n```'), Says('```json\n{"a": [1, 2]}\n```')),
    Check(
        "low_confidence",
        Says("Oslo", logprob=-3.0),
        Says("Oslo", logprob=-0.1),
        extra={"logprobs": True},
    ),
    Check(
        "judge",
        Says("Somewhere."),
        Says("Oslo."),
        ', judge: { target: grader, rubric: "It names a city.", threshold: 0.6 }',
    ),
    Check(
        "learned",
        Says("I am not sure, it may be some. Perhaps many?"),
        Says("They are 11.\n#### 11"),
        ", weights: weights.bin",
        text="How many are 7 and 4? Part 3",
    ),
]
SPEAK_EARLY = ("empty", "refusal", "wrong_language")
PYTHON = Check("code", Says("```python\ndef f(:\n```"), Says("```python\ndef f():\n    pass\n```"))
if os.path.exists("build/grammars/complete"):
    CHECKS.append(PYTHON)

MODES = ("whole", "buffered", "early")
USAGE = {"prompt_tokens": 100, "completion_tokens": 10}
SCORE = {"prompt_tokens": 100, "completion_tokens": 1}
WEAK, STRONG, JUDGE = Decimal("0.00011"), Decimal("0.0011"), Decimal("0.000202")
CAN = "[streaming, tools, json, json_schema, logprobs]"


class Checked(Live):
    """A weak and a strong target, and one that grades."""

    latency = {}
    more = ()

    def __init__(self, workers, program, directory):
        self.says = {}  # model: Says
        self.asked = []  # (model, body without it)
        self.usage = {"weak": USAGE, "strong": USAGE}
        self.pause = 0
        self.hangs = False  # the strong one, until the gateway leaves
        self.rows = []  # what the ledger has to say, asked when all calls are through
        super().__init__(workers, program, directory)

    def config(self):
        rows = (("weak", "budget", 1), ("strong", "premium", 10), *self.more)
        self.targets = "".join(
            f"  {name}: {{ provider: lab, model: {name}-1, tier: {tier}, context_tokens: 16000,"
            f"{self.latency.get(name, '')} capabilities: {CAN},"
            f" price: {{ input_per_mtok: {usd}, output_per_mtok: {usd} }} }}\n"
            for name, tier, usd in rows
        )
        self.targets += (
            "  grader: { provider: lab, model: grader-1, tier: mid, context_tokens: 16000,"
            " price: { input_per_mtok: 2, output_per_mtok: 2 } }\n"
        )
        return super().config() + "routes:\n" + self.routes()

    def answer(self, connection, got):
        body = json.loads(got.body)
        model = body.pop("model").removesuffix("-1")
        if model == "grader":
            poor = "Somewhere" in body["messages"][-1]["content"]
            self.send_whole(connection, Says("2" if poor else "9").whole(SCORE))
            return
        self.asked.append((model, body))
        if model == "strong" and self.hangs:
            while connection.more():
                pass
            return
        if model == "weak" and self.pause:
            time.sleep(self.pause)
        says = self.says[model]
        if not body.get("stream"):
            self.send_whole(connection, says.whole(self.usage[model]))
            return
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for event in says.events(self.usage[model]):
            connection.send(chunk(event))
        connection.send(b"0\r\n\r\n")

    def send_whole(self, connection, body):
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    def ask(self, client, model, check, stream, headers=()):
        body = {"model": model, "messages": [{"role": "user", "content": check.text}]}
        body.update(check.extra)
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        data = json.dumps(body).encode()
        head = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", "x-sluice-meta: true"]
        head += [*headers, "Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.asked = []
        before = self.sluice.metrics()
        client.send("\r\n".join([*head, "", ""]).encode() + data)
        answer = http1.read_answer(client)
        after = self.sluice.metrics()
        counted = {
            name.removeprefix("sluice_"): int(after[name] - before.get(name, 0))
            for name in after
            if name.startswith(("sluice_verdicts", "sluice_escalations", "sluice_checks_failed"))
        }
        return answer, {name: count for name, count in counted.items() if count}

    def same(self, what, wanted, got):
        self.expect(wanted == got, f"{what}: wanted {wanted}\n  got {got}")

    def check_body(self, what, answer, target, stream, cost):
        """It is what that target said; the price of the call is in its header, or its comment."""
        says, usage = self.says[target], self.usage[target]
        if not stream:
            self.same(f"{what}: the body", says.whole(usage), answer.body)
            self.same(f"{what}: the cost", str(cost), answer.header("x-sluice-cost-usd"))
            return
        events = answer.body.split(b"\n\n")
        comments = [e for e in events if e.startswith(b":")]
        body = b"\n\n".join(e for e in events if not e.startswith(b":"))
        self.same(f"{what}: the body", b"".join(says.events(usage)), body)
        told = [c.split()[2].decode() for c in comments if b"x-sluice-cost-usd" in c]
        self.same(f"{what}: the cost", [str(cost)], told)

    def check_headers(self, what, answer, target, verdict, escalated):
        wanted = ("200", target, verdict, escalated)
        names = ("x-sluice-target", "x-sluice-verdict", "x-sluice-escalated")
        got = (str(answer.status), *(answer.header(name) for name in names))
        self.same(f"{what}: the headers", wanted, got)

    def check_rows(self):
        for what, answer, *wanted in self.rows:
            self.check_row(what, answer, *wanted)
            reasons = [check for _, _, _, check, _ in wanted[-1] if check]
            if reasons:
                self.check_explained(what, answer, reasons)

    def check_row(self, what, answer, target, cost, attempts):
        """Of the ledger: `attempts` are (target, purpose, verdict, check, cost)."""
        call = self.sluice.call(answer.header("x-sluice-call-id"))
        row = compare.decode(json.dumps(call))
        got = [
            (a["target"], a["purpose"], a.get("verdict"), a.get("check"), a["cost_usd"])
            for a in row["attempts"]
        ]
        self.same(f"{what}: the ledger's attempts", attempts, got)
        self.same(f"{what}: the ledger", (target, cost), (row["target"], row["cost_usd"]))
        arithmetic.check(what, row, self.problems)

    def check_explained(self, what, answer, reasons):
        status, out, err = self.sluice.run(
            "report", "-c", self.sluice.config, "--explain", answer.header("x-sluice-call-id")
        )
        mark = "failed the check "
        told = [line.split(mark)[1].strip() for line in out.split("\n") if mark in line]
        self.same(f"{what}: report --explain", (0, reasons), (status, told or err or []))


class EachCheck(Checked):
    says = "Each check, in each mode: headers, ledger, explanation, metrics and both prices agree"

    def routes(self):
        return "".join(
            f"  r{number}-{stream}: {{ targets: [weak, strong], conservative: 0,"
            f" escalate: {{ when: {check.name}, stream: {stream}{check.settings} }} }}\n"
            for number, check in enumerate(CHECKS)
            for stream in ("buffered", "early")
        )

    def run(self):
        self.train()
        return super().run()

    def train(self):
        """Of the weak target's answers those that doubt are wrong, the strong one's all right."""
        with open(os.path.join(self.sluice.directory, "rows.jsonl"), "w", encoding="utf-8") as file:
            for i in range(200):
                total = f"{3 + i % 9 + i % 7}.\n#### {3 + i % 9 + i % 7}"
                good = i * 7 % 10 < 5
                said = f"They are {total}" if good else "I am not sure, it may be some. Perhaps?"
                row = {"id": i, "prompt": f"How many are {3 + i % 9} and {i % 7}? Part {i % 11}"}
                row["scores"] = {"weak": float(good), "strong": 1.0}
                row["answers"] = {"weak": said, "strong": f"They are {total}"}
                file.write(json.dumps(row) + "\n")
        status, _, says = self.sluice.run("train", "rows.jsonl", "-o", "weights.bin")
        self.expect(status == 0, f"train: {says}")

    def rejected(self, what, check, stream, got, verdict):
        answer, counted = got
        judged = check.name == "judge"
        cost = WEAK + STRONG + (2 * JUDGE if judged else 0)
        grading = [("grader", "judge", None, None, JUDGE)] if judged else []
        attempts = [
            ("weak", "escalation", "escalate", check.name, WEAK),
            *grading,
            ("strong", "answer", None, None, STRONG),
            *grading,
        ]
        self.check_headers(what, answer, "strong", verdict, f"weak: {check.name}")
        self.check_body(what, answer, "strong", stream, cost)
        self.rows.append((what, answer, "strong", cost, attempts))
        wanted = {
            f'verdicts_total{{verdict="{verdict}"}}': 1,
            'verdicts_total{verdict="escalate"}': 1,
            "escalations_total": 1,
            f'checks_failed_total{{check="{check.name}"}}': 1,
        }
        self.same(f"{what}: the metrics", wanted, counted)
        self.same(f"{what}: who was asked", ["weak", "strong"], [model for model, _ in self.asked])
        self.same(f"{what}: the chat", self.asked[0][1], self.asked[-1][1])

    def delivered(self, what, check, stream, got, verdict):
        answer, counted = got
        judged = check.name == "judge" and verdict == "accept"
        cost = WEAK + (JUDGE if judged else 0)
        attempts = [("weak", "answer", None, None, WEAK)]
        attempts += [("grader", "judge", None, None, JUDGE)] if judged else []
        self.check_headers(what, answer, "weak", verdict, None)
        self.check_body(what, answer, "weak", stream, cost)
        self.rows.append((what, answer, "weak", cost, attempts))
        self.same(f"{what}: the metrics", {f'verdicts_total{{verdict="{verdict}"}}': 1}, counted)

    def one(self, client, number, check, mode):
        stream = mode != "whole"
        model = f"r{number}-{'early' if mode == 'early' else 'buffered'}"
        for poor in (True, False):
            says = check.poor if poor else check.good
            what = f"{check.name} {number}, {mode}, {'poor' if poor else 'good'}"
            self.says = {"weak": says, "strong": check.good}
            got = self.ask(client, model, check, stream)
            begins = mode == "early" and says.is_judged_early()
            if poor and not (begins and check.name not in SPEAK_EARLY):
                begins = mode == "early" and check.good.is_judged_early()
                self.rejected(what, check, stream, got, "early" if begins else "accept")
            else:
                self.delivered(what, check, stream, got, "early" if begins else "accept")

    def play(self):
        client = http1.connect(self.sluice.port)
        for number, check in enumerate(CHECKS):
            for mode in MODES:
                self.one(client, number, check, mode)
        client.close()
        self.check_rows()


SUM = Check("arithmetic", Says("3 * 4 = 13"), Says("3 * 4 = 12"))


class CheckLimits(Checked):
    """`kept`: the first answer is delivered and says what is wrong with it."""

    cost = WEAK

    def routes(self):
        return (
            "  auto: { targets: [weak, strong], conservative: 0,"
            " escalate: { when: [empty, arithmetic] } }\n"
        )

    def kept(self, what, got, stream, purpose, counted_too):
        answer, counted = got
        self.check_headers(what, answer, "weak", "escalate; arithmetic", None)
        self.check_body(what, answer, "weak", stream, self.cost)
        attempt = ("weak", purpose, "escalate", "arithmetic", self.cost)
        self.rows.append((what, answer, "weak", self.cost, [attempt]))
        wanted = {
            'verdicts_total{verdict="escalate"}': 1,
            'checks_failed_total{check="arithmetic"}': 1,
            **counted_too,
        }
        self.same(f"{what}: the metrics", wanted, counted)
        self.same(f"{what}: who was asked", ["weak"], [model for model, _ in self.asked])

    def escalates(self, what, got):
        self.check_headers(what, got[0], "strong", "accept", "weak: arithmetic")

    def play(self):
        client = http1.connect(self.sluice.port)
        self.says = {"weak": SUM.poor, "strong": SUM.good}
        for stream in (False, True):
            self.limits(client, stream)
        client.close()
        self.check_rows()


class CheckDeadline(CheckLimits):
    says = "No time left for a stronger target: the first answer is kept, and says so"

    def limits(self, client, stream):
        what = f"deadline, {'stream' if stream else 'whole'}"
        self.pause = 0.05
        got = self.ask(client, "auto", SUM, stream, ["x-sluice-max-latency-ms: 20"])
        self.kept(what, got, stream, "answer", {})
        got = self.ask(client, "auto", SUM, stream, ["x-sluice-max-latency-ms: 60000"])
        self.escalates(f"{what}, enough left", got)


class CheckDeadlineForeseen(CheckLimits):
    says = "A stronger target that takes longer than what is left of the call's time is not asked"
    latency = {"weak": " latency_ms: 100,", "strong": " latency_ms: 10000,"}

    def limits(self, client, stream):
        what = f"foreseen, {'stream' if stream else 'whole'}"
        got = self.ask(client, "auto", SUM, stream, ["x-sluice-max-latency-ms: 10000"])
        self.kept(what, got, stream, "answer", {})
        got = self.ask(client, "auto", SUM, stream, ["x-sluice-max-latency-ms: 60000"])
        self.escalates(f"{what}, enough left", got)


class CheckHangs(CheckLimits):
    says = "A better answer is waited for as long as the call may take, then the first is delivered"
    more = (("spare", "premium", 20),)  # is not tried after the strong one: there is no time left
    hung = {  # as often as would take the target out of service, if it were its fault
        False: [("auto", "total_timeout")] * 3,
        True: [("auto", "total_timeout"), ("early", "first_byte_timeout")],
    }

    def routes(self):
        return "".join(
            f"  {name}: {{ targets: [weak, strong, spare], conservative: 0,"
            f" escalate: {{ when: [empty, arithmetic], stream: {stream} }} }}\n"
            for name, stream in (("auto", "buffered"), ("early", "early"))
        )

    def gives_up(self, what, client, stream, model, error):
        answer, _ = self.ask(client, model, SUM, stream, ["x-sluice-max-latency-ms: 800"])
        self.check_headers(what, answer, "weak", "escalate; arithmetic", "weak: arithmetic")
        row = self.sluice.call(answer.header("x-sluice-call-id"))
        last = row["attempts"][-1]
        got = (row["status"], row["target"], last["target"], last["outcome"], last["error"])
        asked = [model for model, _ in self.asked]
        self.same(f"{what}: who was asked", ["weak", "strong"], asked)
        self.same(f"{what}: the ledger", (200, "weak", "strong", "failed", error), got)
        arithmetic.check(what, compare.decode(json.dumps(row)), self.problems)

    def limits(self, client, stream):
        what = f"hangs, {'stream' if stream else 'whole'}"
        self.hangs = True
        for model, error in self.hung[stream]:
            self.gives_up(f"{what}, {model}", client, stream, model, error)
        self.hangs = False
        got = self.ask(client, "auto", SUM, stream, ["x-sluice-max-latency-ms: 60000"])
        self.escalates(f"{what}, enough left", got)


class CheckCost(CheckLimits):
    says = "No money left for a stronger target: the first answer is kept, and says so"

    cost = Decimal("0.00031")

    def limits(self, client, stream):
        what = f"cost, {'stream' if stream else 'whole'}"
        self.usage["weak"] = {"prompt_tokens": 300, "completion_tokens": 10}  # more than foreseen
        check = Check("arithmetic", SUM.poor, SUM.good, extra={"max_tokens": 5})
        got = self.ask(client, "auto", check, stream, ["x-sluice-max-cost-usd: 0.0003"])
        self.kept(what, got, stream, "escalation", {"escalations_total": 1})
        got = self.ask(client, "auto", check, stream, ["x-sluice-max-cost-usd: 0.01"])
        self.escalates(f"{what}, enough left", got)


CHECKED = {
    "check_each_mode": EachCheck,
    "check_deadline": CheckDeadline,
    "check_deadline_foreseen": CheckDeadlineForeseen,
    "check_hangs": CheckHangs,
    "check_cost": CheckCost,
}
