# SPDX-License-Identifier: Apache-2.0
"""Two tenants, crossed over every endpoint there is: nothing of one is visible to the other, and
what is the other's is answered exactly as what nobody has.

The endpoints are read from the program's own table (src/gateway/endpoint.c): one that has no line
here fails the test."""

import json
import os
import re
import threading
import uuid

from bad_input import Office
from harness.process import wait_until
from stand import Stand

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARK = "q7f3a9z"  # in everything that the first tenant has, says and hears
PRIVATE = f"private-{MARK}"
TOOL_CALL = "call_of_both"  # names are chosen by providers: two tenants may get the same
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


# --- the stand ---


class Tenants(Stand):
    """The provider says again what it was told, and remembers it."""

    def __init__(self, program, directory):
        self.heard = []
        self.gate = threading.Event()
        super().__init__(program, directory)

    def _complete(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0"))).decode()
        with self.lock:
            self.asked += 1
            self.heard.append(body)
        if "please hold" in body:
            self.gate.wait(20)
        asked = json.loads(body)
        message = {"role": "assistant", "content": json.dumps(asked.get("messages"))}
        if "tools" in asked and "noon" not in body:
            call = {"id": TOOL_CALL, "type": "function"}
            call["function"] = {"name": "now", "arguments": "{}"}
            message = {"role": "assistant", "content": "", "tool_calls": [call]}
            message["reasoning_content"] = "thought of " + body[:2000]
        answer = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 20},
        }
        handler.answer(200, json.dumps(answer).encode())

    def ask(self, secret, method, path, body=None, headers=None):
        headers = {"Content-Type": "application/json", **(headers or {})}
        if secret is not None:
            headers["Authorization"] = "Bearer " + secret
        return self.request(method, path, body, headers)


def table():
    """(method, path) of every row, in the words of the table."""
    with open(os.path.join(ROOT, "src", "gateway", "endpoint.c"), encoding="utf-8") as file:
        source = file.read()
    source = source[source.index("endpoints[] = {") : source.index("endpoint_count =")]
    row = re.compile(
        r'GEMINI\("(?P<version>[^"]+)", "(?P<verb>[^"]+)"|\.name = SLICE_INIT\("(?P<name>[^"]+)"\)'
        r".*?\.method = HTTP_(?P<method>[A-Z]+)_METHOD",
        re.DOTALL,
    )
    found = []
    for match in row.finditer(source):
        if match["version"] is not None:
            found.append(("POST", match["version"] + "/models/{model}" + match["verb"]))
        else:
            found.append((match["method"], match["name"]))
    rows = source.count("GEMINI(") + source.count(".name =")
    assert len(found) == rows > 40, (len(found), rows)
    return found


class World:
    def __init__(self, stand):
        stand.configure(more="admin: { listen: '127.0.0.1:0' }\n")
        with open(stand.sluice.config, encoding="utf-8") as file:
            text = file.read()
        deep = f'{{ preset: deepseek, base_url: "http://127.0.0.1:{stand.upstream.port}/deep" }}'
        text = text.replace("targets:\n", f"  deep: {deep}\ntargets:\n", 1)
        text = text.replace(
            "routes:\n",
            "  thinker: { provider: deep, model: deep-1, tier: mid, context_tokens: 100000,\n"
            "    price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"
            f"routes:\n  {PRIVATE}: {{ targets: [small] }}\n",
        )
        stand.sluice.configure(text)
        stand.sluice.start()
        self.stand = stand
        self.office = Office(stand)
        make = self.make
        self.theirs = make(
            f"key-{MARK}",
            *("--org", f"org-{MARK}", "--user", f"ann-{MARK}", "--team", f"team-{MARK}"),
            *("--tag", f"tag-{MARK}", "--rpm", "1000", "--cap-usd", "12.345678", "--per", "month"),
        )
        self.sibling = make("sibling", "--org", f"org-{MARK}", "--user", f"ann-{MARK}")
        self.mine = make(
            "mine",
            *("--org", "other", "--user", "oscar", "--route", "both"),
            *("--target", "small", "--target", "thinker", "--target", "large", "--rpm", "900"),
        )
        # (what a key asks for is in its own calls: another one asks for what is not its tenant's)
        self.prober = make("prober", "--org", "other", "--route", "both", "--target", "small")[
            "key"
        ]
        self.admin = make("my-admin", "--admin", "--org", "other")["key"]
        make(f"admin-{MARK}", "--admin", "--org", f"org-{MARK}")
        self.live()

    def make(self, name, *options):
        return self.stand.json("create", "--name", name, *options)

    def live(self):
        """The first tenant calls: all that is kept of calls is there."""
        stand, secret = self.stand, self.theirs["key"]
        chat = {"model": "small", "max_tokens": 50}
        chat["messages"] = [{"role": "user", "content": f"what is {MARK}"}]
        self.chat = chat
        answers = [stand.ask(secret, "POST", "/v1/chat/completions", chat) for _ in range(3)]
        asked = {"model": PRIVATE, "input": f"remember {MARK}"}
        answers.append(stand.ask(secret, "POST", "/v1/responses", asked))
        self.response = answers[-1].json()["id"]
        self.tools = {"model": "thinker", "max_tokens": 50, "tools": [TOOL]}
        self.tools["messages"] = [{"role": "user", "content": f"time of {MARK}?"}]
        answers.append(stand.ask(secret, "POST", "/v1/chat/completions", self.tools))
        assert all(answer.status == 200 for answer in answers), [a.body for a in answers]
        self.calls = [answer.headers["x-sluice-call-id"] for answer in answers]
        stand.settled(len(self.calls))
        self.marks = [MARK, self.theirs["prefix"], secret, self.response, *self.calls]
        self.marks += [self.sibling["key"], self.sibling["prefix"], "12.345678"]

    def leaks(self, answer):
        text = answer.body.decode("utf-8", "replace") + json.dumps(answer.headers)
        return [mark for mark in self.marks if mark in text]


def level(answer, *words):
    """An answer without what differs between any two requests, nor what was asked for."""
    text = answer.body.decode()
    for word in words:
        text = text.replace(word, "ASKED")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"resp_\w+", "ID", text)
    return answer.status, sorted(set(answer.headers)), re.sub(r"\d{9,}", "N", text)


class Cross:
    """One line: a request of the second tenant's."""

    def __init__(self, points, world, method, path):
        self.points, self.world = points, world
        self.method, self.path = method, path

    def ask(self, path=None, body=None, secret=None):
        secret = self.world.mine["key"] if secret is None else secret
        return self.world.stand.ask(secret, self.method, path or self.path, body)

    def route(self, request):
        """`request(model)` is path and body: the other's route is a name that nobody has."""
        theirs, nobodys = (
            self.ask(*request(name), self.world.prober) for name in (PRIVATE, "nobodys-model")
        )
        self.same(theirs, nobodys, "the other's route", PRIVATE, "nobodys-model")

    def clean(self, answer, status=200, what=""):
        leaks = self.world.leaks(answer)
        self.points.point(
            not leaks and answer.status in (status if isinstance(status, tuple) else (status,)),
            f"{self.method} {self.path}{what}: nothing of the other tenant",
            leaks,
            answer.status,
            answer.body[:300],
        )
        return answer

    def same(self, theirs, nobodys, what, *words):
        have, want = level(theirs, *words), level(nobodys, *words)
        self.points.point(
            have == want and have[0] >= 400,
            f"{self.method} {self.path}: {what} is as if nobody had it",
            have,
            want,
        )


# --- what answers at once ---


def public(cross):
    cross.clean(cross.ask())
    cross.clean(cross.world.stand.ask(None, cross.method, cross.path), what=" without a key")


def lists(cross):
    answer = cross.clean(cross.ask())
    theirs = cross.ask(secret=cross.world.theirs["key"])
    cross.points.point(
        MARK in theirs.body.decode(), f"{cross.path}: its owner sees it", theirs.body
    )
    cross.points.point(b"both" in answer.body, f"{cross.path}: and a tenant its own", answer.body)


def one_model(cross):
    path = re.sub(r"\{.*\}", "", cross.path)
    cross.route(lambda name: (path + name, None))


def show(cross):
    cross.route(lambda name: (cross.path, {"model": name}))


def plain(cross):
    cross.clean(cross.ask())


# --- calls ---


def chats(model):
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def contents(_):
    return {"contents": [{"parts": [{"text": "Hi"}]}]}


BODIES = {
    "/v1/completions": lambda model: {"model": model, "max_tokens": 9, "prompt": "Hi"},
    "/v1/responses": lambda model: {"model": model, "input": "Hi"},
    "/v1/embeddings": lambda model: {"model": model, "input": "Hi"},
    "/api/generate": lambda model: {"model": model, "prompt": "Hi", "stream": False},
    "/api/embed": lambda model: {"model": model, "input": "Hi"},
    ":embedContent": lambda _: {"content": {"parts": [{"text": "Hi"}]}},
    ":batchEmbedContents": lambda _: {"requests": [{"content": {"parts": [{"text": "Hi"}]}}]},
}


def inference(cross):
    """The other's route is a name that nobody has; what others said is in no answer."""
    make = next(
        (body for end, body in BODIES.items() if cross.path.endswith(end)),
        contents if "{model}" in cross.path else chats,
    )

    def request(model):
        return cross.path.replace("{model}", model), make(model)

    cross.route(request)
    if "mbed" not in cross.path:  # (the provider of this stand has no vectors)
        cross.clean(cross.ask(*request("both")))


def chat(cross):
    inference(cross)
    world, stand = cross.world, cross.world.stand
    asked = stand.asked
    answer = cross.ask(body=world.chat)
    cross.points.same(
        "what the other has asked already is asked of the provider again",
        (answer.status, stand.asked),
        (200, asked + 1),
    )
    turns = [{"role": "user", "content": "time?"}]
    call = {"id": TOOL_CALL, "type": "function", "function": {"name": "now", "arguments": "{}"}}
    turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
    turns.append({"role": "tool", "tool_call_id": TOOL_CALL, "content": "noon"})
    cross.clean(cross.ask(body={**world.tools, "messages": turns}), what=" with its tool call")
    cross.points.point(
        "thought" not in stand.heard[-1],
        "what the other's model thought is not sent",
        stand.heard[-1],
    )
    cross.ask(body={**world.tools, "messages": turns}, secret=world.theirs["key"])
    cross.points.point(
        f"time of {MARK}" in stand.heard[-1], "it is for the other itself", stand.heard[-1]
    )


def responses(cross):
    inference(cross)
    world, stand = cross.world, cross.world.stand

    def follow(name, secret=None):
        body = {"model": "small", "input": "and?", "previous_response_id": name}
        return cross.ask(body=body, secret=secret)

    unknown = "resp_" + "0" * (len(world.response) - 5)
    asked = stand.asked
    theirs, nobodys = follow(world.response), follow(unknown)
    cross.same(theirs, nobodys, "the other's conversation", world.response, unknown)
    sibling = follow(world.response, world.sibling["key"])
    cross.same(sibling, nobodys, "that of another key of the same user", world.response, unknown)
    cross.points.same("and the provider is not asked", stand.asked, asked)
    own = follow(world.response, world.theirs["key"])
    cross.points.point(
        own.status == 200 and MARK in stand.heard[-1], "its owner goes on with it", own.body
    )


# --- what one may see of calls ---


def own_calls(cross):
    world, stand = cross.world, cross.world.stand
    first = stand.chat(world.mine["key"]).headers["x-sluice-call-id"]
    wait_until(lambda: first in cross.ask().body.decode(), 10, "the ledger has the call")
    listed = cross.clean(cross.ask()).json()["calls"]
    cross.points.point(
        listed and all(call["key"] == "mine" for call in listed), "only calls of this key", listed
    )
    for cursor in (*world.calls, str(uuid.UUID(int=2**128 - 1))):
        cross.clean(cross.ask(f"{cross.path}?before={cursor}"), what=" from the other's call on")
    page = cross.clean(cross.ask(f"{cross.path}?limit=1")).json()
    cross.clean(cross.ask(f"{cross.path}?limit=1&before={page['next']}"), what=", next page")
    for query, code in (
        ("limit=0", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("before=%27", "bad_cursor"),
        ("before=x' OR 1=1", None),
    ):
        answer = cross.ask(f"{cross.path}?{query}".replace(" ", "%20"))
        cross.points.point(
            answer.status == 400 and answer.code in (code or "bad_cursor",),
            f"{cross.path}?{query}: {code or 'bad_cursor'}",
            answer.body,
        )
    own = cross.ask(secret=world.theirs["key"]).json()["calls"]
    cross.points.point(
        set(world.calls) <= {call["id"] for call in own}, "the other sees its own", own
    )
    sibling = cross.ask(secret=world.sibling["key"]).json()["calls"]
    cross.points.point(
        not any(call["id"] in world.calls for call in sibling),
        "another key of the same user does not",
        sibling,
    )


def own_call(cross):
    world, path = cross.world, "/sluice/v1/calls/"
    nobodys = str(uuid.uuid4())
    for call in world.calls:
        cross.same(
            cross.ask(path + call), cross.ask(path + nobodys), "the other's call", call, nobodys
        )
    sibling = cross.ask(path + world.calls[0], secret=world.sibling["key"])
    cross.same(sibling, cross.ask(path + nobodys), "... for another key of its user", nobodys)
    own = cross.ask(path + world.calls[0], secret=world.theirs["key"])
    _, admins = world.office.ask("owner", "GET", "/calls/" + world.calls[0])
    cross.points.point(
        own.status == 200 and own.json() == admins and "savings" in admins,
        "its owner sees what the operator sees, with the arithmetic",
        own.body,
        admins,
    )
    for bad in ("x", "%00", nobodys + "0", "..%2Fkeys"):
        answer = cross.ask(path + bad)
        cross.points.point(
            (answer.status, answer.code) in ((400, "invalid_id"), (400, "bad_request_target")),
            f"{path}{bad}: a bad id",
            answer.status,
            answer.body,
        )


def feedback(cross):
    """What a call was worth is said by its own key."""
    world, nobodys = cross.world, str(uuid.uuid4())

    def give(call, secret=None):
        return cross.ask(body={"call_id": call, "score": 0.5, "label": "x"}, secret=secret)

    none = give(nobodys)
    for call in world.calls[:2]:
        cross.same(give(call), none, "the other's call", call, nobodys)
    sibling = give(world.calls[0], world.sibling["key"])
    cross.same(sibling, none, "... for another key of its user", world.calls[0], nobodys)
    own = give(world.calls[0], world.theirs["key"])
    cross.points.point(own.status in (200, 202), "its owner may say what it was worth", own.body)


def own_report(cross):
    world = cross.world
    mine = cross.ask("/sluice/v1/calls?limit=1000").json()["calls"]
    for by in ("day", "model"):
        wait_until(
            lambda b=by: cross.ask(f"{cross.path}?by={b}").json()["total"]["calls"] >= len(mine),
            10,
            "the sums are there",
        )
        report = cross.clean(cross.ask(f"{cross.path}?by={by}"), what=f"?by={by}").json()
        cross.points.same(f"by {by}: the calls of this key", report["total"]["calls"], len(mine))
    for by in (
        "task",
        "key",
        "provider",
        "target",
        "route",
        "user",
        "team",
        "organisation",
        "tag",
        "colour",
    ):
        answer = cross.clean(cross.ask(f"{cross.path}?by={by}"), 400, f"?by={by}")
        cross.points.same(f"by {by}: refused", answer.code, "invalid_query")
    theirs = cross.ask(f"{cross.path}?by=day", secret=world.theirs["key"]).json()
    cross.points.point(
        theirs["total"]["calls"] >= len(world.calls), "the other has its own sums", theirs
    )


def explain(cross):
    cross.route(lambda name: (cross.path, chats(name)))
    cross.clean(cross.ask(body=chats("both")))


# --- the administration ---


def office(cross, method, path, body=None):
    """The second tenant's administrator at the administrators' door, as an answer."""
    world = cross.world
    headers = {"Authorization": "Bearer " + world.admin, "Content-Type": "application/json"}
    return world.stand.request(method, path, body, headers, port=world.office.port)


def closed(cross, path=None, body=None):
    """In front it is closed to clients, whatever they ask about."""
    body = body if cross.method == "POST" else None
    answer = cross.clean(cross.ask(path, body), 403, " in front")
    cross.points.same(f"{cross.path} in front", answer.code, "admin_only")


def whole(cross):
    """Of everything, so not for the administrator of a part."""
    path = cross.path.replace("{name}", "small")
    closed(cross, path, {"on": False})
    answer = office(cross, cross.method, path, {"on": False} if cross.method == "POST" else None)
    cross.clean(answer, 403, " with the tenant's administrator")


def part(cross):
    closed(cross)
    cross.clean(office(cross, "GET", cross.path + "?limit=1000"), what=" with its administrator")


def one_key(cross):
    theirs, path = cross.world.theirs, "/sluice/v1/keys/"
    closed(cross, path + str(theirs["id"]))
    have, want = office(cross, "GET", path + str(theirs["id"])), office(cross, "GET", path + "9999")
    cross.same(have, want, "the other's key", str(theirs["id"]), "9999")


def which(cross):
    world = cross.world
    names = (str(world.theirs["id"]), f"key-{MARK}", world.theirs["prefix"], world.theirs["key"])
    closed(cross, body={"which": names[0]})
    want = office(cross, "POST", cross.path, {"which": "nobody"})
    for name in names:
        have = office(cross, "POST", cross.path, {"which": name})
        cross.same(have, want, f"the other's key ({name[:12]})", name, "nobody")


def limits(cross):
    closed(cross, body={"key": f"key-{MARK}", "clear": True})
    org = f"org-{MARK}"
    for scope in (
        {"key": f"key-{MARK}"},
        {"user": f"ann-{MARK}", "organisation": org},
        {"team": f"team-{MARK}", "organisation": org},
        {"organisation": org},
    ):
        change = {"requests_per_minute": 1}
        have = office(cross, "POST", cross.path, {**scope, **change})
        want = office(cross, "POST", cross.path, {**{kind: "nobody" for kind in scope}, **change})
        cross.same(have, want, f"the other's {list(scope)[0]}", *scope.values(), "nobody")


def creation(cross):
    closed(cross, body={"name": "x", "organisation": f"org-{MARK}"})
    for body in (
        {"organisation": f"org-{MARK}"},
        {"user": f"ann-{MARK}", "organisation": f"org-{MARK}"},
    ):
        have = office(cross, "POST", cross.path, {"name": "x", **body})
        want = office(cross, "POST", cross.path, {"name": "x", **{kind: "nobody" for kind in body}})
        cross.same(have, want, f"a key in the other's {list(body)}", *body.values(), "nobody")


LINES = {
    ("GET", "/"): public,
    ("GET", "/livez"): public,
    ("GET", "/readyz"): public,
    ("GET", "/metrics"): public,
    ("GET", "/v1/models"): lists,
    ("GET", "/v1beta/models"): lists,
    ("GET", "/api/tags"): lists,
    ("GET", "/v1/models/{id}"): one_model,
    ("GET", "/v1beta/models/{model}"): one_model,
    ("GET", "/api/ps"): plain,
    ("GET", "/api/version"): plain,
    ("POST", "/api/show"): show,
    ("POST", "/v1/chat/completions"): chat,
    ("POST", "/v1/responses"): responses,
    ("POST", "/v1/completions"): inference,
    ("POST", "/v1/messages"): inference,
    ("POST", "/v1/messages/count_tokens"): inference,
    ("POST", "/v1/embeddings"): inference,
    ("POST", "/api/chat"): inference,
    ("POST", "/api/generate"): inference,
    ("POST", "/api/embed"): inference,
    ("POST", "/sluice/v1/explain"): explain,
    ("GET", "/sluice/v1/prices"): plain,
    ("GET", "/sluice/v1/calls"): own_calls,
    ("GET", "/sluice/v1/calls/{id}"): own_call,
    ("POST", "/sluice/v1/feedback"): feedback,
    ("GET", "/sluice/v1/report"): own_report,
    ("GET", "/sluice/v1/calibration"): whole,
    ("GET", "/sluice/v1/targets"): whole,
    ("POST", "/sluice/v1/targets/{name}"): whole,
    ("GET", "/sluice/v1/audit"): whole,
    ("GET", "/sluice/v1/audit/verify"): whole,
    ("GET", "/sluice/v1/keys"): part,
    ("GET", "/sluice/v1/scopes"): part,
    ("GET", "/sluice/v1/keys/{id}"): one_key,
    ("POST", "/sluice/v1/keys"): creation,
    ("POST", "/sluice/v1/keys/revoke"): which,
    ("POST", "/sluice/v1/keys/rotate"): which,
    ("POST", "/sluice/v1/keys/acknowledge"): which,
    ("POST", "/sluice/v1/keys/reseal"): whole,
    ("POST", "/sluice/v1/limits"): limits,
}
for version in ("/v1beta", "/v1"):
    for verb in (
        "generateContent",
        "streamGenerateContent",
        "countTokens",
        "embedContent",
        "batchEmbedContents",
    ):
        LINES[("POST", version + "/models/{model}:" + verb)] = inference


# --- what is no endpoint ---


def slots(points, world):
    """What one has used up the other still has."""
    stand = world.stand
    for key in (f"key:key-{MARK}", "key:mine"):
        status, out, err = stand.key("limit", key, "--parallel", "1")
        assert status == 0, (out, err)
    body = {**chats("small"), "messages": [{"role": "user", "content": "please hold"}]}
    asked = stand.asked
    holder = threading.Thread(
        target=stand.ask, args=(world.theirs["key"], "POST", "/v1/chat/completions", body)
    )
    holder.start()
    wait_until(lambda: stand.asked > asked, 10, "the provider has the call")
    points.same("its only slot is taken", stand.chat(world.theirs["key"]).code, "parallel_limit")
    points.same("the other tenant's is free", stand.chat(world.mine["key"]).status, 200)
    stand.gate.set()
    holder.join()
    # (each call since the start of the minute was counted)
    answers = [stand.chat(world.theirs["key"]) for _ in range(3)]
    left = [int(answer.headers["x-ratelimit-remaining-requests"]) for answer in answers]
    mine = stand.chat(world.mine["key"])
    points.same(
        "headers tell of one's own limits",
        [a.headers["x-ratelimit-limit-requests"] for a in (answers[0], mine)],
        ["1000", "900"],
    )
    again = int(stand.chat(world.theirs["key"]).headers["x-ratelimit-remaining-requests"])
    points.same("and of one's own calls", again, left[-1] - 1)


def run(points, program, directory):
    world = World(Tenants(program, directory))
    stand = world.stand
    rows = table()
    points.same("every endpoint has a line", sorted(set(rows) - set(LINES)), [])
    before = world.office.state()
    for method, path in rows:
        if (method, path) in LINES:
            LINES[(method, path)](Cross(points, world, method, path))
    points.same("nothing was changed", world.office.state(), before)
    slots(points, world)
    points.same("the process ends with 0", stand.close(), 0)
