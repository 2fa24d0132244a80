# SPDX-License-Identifier: Apache-2.0
"""Tenants that say the very same words: what is kept of one is not for another, wherever it is.
At one node, in memory and from the ledger after a restart; then at two nodes with a real PostgreSQL
and a real Redis, where each asks what the other node has kept.

Answers of the exact cache, conversations by every name that they can have, calls of tools, stored
responses and their items, calls with what may be said and seen of them."""

import json
import os
import re
import threading
import uuid

from harness.postgres import Postgres
from harness.process import wait_until
from harness.redis import Redis
from stand import Stand
from tenants import level

MORE = """\
cache: {{ exact: {{ ttl: 1h }} }}
{cluster}"""
ROUTES = """\
routes:
  auto: {{ targets: [small, large], session: {{ sticky: true }} }}
  free: {{ targets: [small, large] }}
"""
PREMIUM = {"x-sluice-min-tier": "premium"}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
TOOL_CALL = {"id": "call_of_all", "type": "function"}
TOOL_CALL["function"] = {"name": "now", "arguments": "{}"}
TRIES = 10  # Redis is told behind an answer and asked for milliseconds: a busy machine is late


# --- the stand ---


class Counting(Stand):
    """The provider says no answer twice: each has a number of its own."""

    numbers = iter(range(100000, 10**9))
    counting = threading.Lock()

    def _complete(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length", "0"))))
        with self.counting:
            self.asked += 1
            text = f"answer-{next(self.numbers)}"
        message = {"role": "assistant", "content": text}
        if "tools" in body and body["messages"][-1]["role"] != "tool":
            message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
        usage = {"prompt_tokens": 10, "completion_tokens": 20}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            handler.answer(200, json.dumps({"choices": [choice], "usage": usage}).encode())
            return
        frames = [
            {"choices": [{"index": 0, "delta": message}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage},
        ]
        lines = [f"data: {json.dumps(frame)}\n\n" for frame in frames] + ["data: [DONE]\n\n"]
        handler.answer(200, "".join(lines).encode(), "text/event-stream")


class World:
    def __init__(self, points, program, directory, postgres=None, redis=None):
        self.points, self.redis = points, redis
        names = ("n1",) if postgres is None else ("n1", "n2")
        self.stands = [Counting(program, os.path.join(directory, name)) for name in names]
        for name, stand in zip(names, self.stands):
            cluster = ""
            if postgres is not None:
                cluster = f'cluster: {{ node: "{name}", postgres: "{postgres.url()}",'
                cluster += f' redis: "{redis.url()}" }}\n'
            required = "false" if postgres is None else "true"
            stand.configure(required=required, more=MORE.format(cluster=cluster))
            with open(stand.sluice.config, encoding="utf-8") as file:
                text = file.read()
            stand.sluice.configure(text.replace("routes:\n", ROUTES.format(), 1))
            stand.sluice.start()
        self.secrets = {}
        wait_until(lambda: self.make("one", "--org", "acme", "--user", "ann"), 30, "a key is made")
        self.make("sibling", "--org", "acme", "--user", "ann")
        self.make("two", "--org", "other", "--user", "oscar")
        if redis is not None:
            wait_until(self.connected, 30, "all nodes have Redis")
        else:
            self.secrets["nobody"] = None
        self.owned = {who: set() for who in self.secrets}

    def make(self, name, *options):
        status, out, _ = self.stands[0].key("create", "--name", name, *options, "--json")
        if status != 0:
            return False
        self.secrets[name] = json.loads(out)["key"]
        for stand in self.stands:
            wait_until(
                lambda s=stand: s.chat(self.secrets[name]).status == 200, 20, "the key opens"
            )
        return True

    def connected(self):
        return all(stand.sluice.metrics().get("sluice_redis_up") == 1 for stand in self.stands)

    @property
    def others(self):
        return [who for who in self.secrets if who != "one"]

    @property
    def asked(self):
        return sum(stand.asked for stand in self.stands)

    def ask(self, who, node, path, body=None, headers=None, method="POST"):
        headers = {"Content-Type": "application/json", **(headers or {})}
        if self.secrets[who] is not None:
            headers["Authorization"] = "Bearer " + self.secrets[who]
        return self.stands[node % len(self.stands)].request(method, path, body, headers)

    def close(self):
        return [stand.close() for stand in self.stands]


# --- the exact cache ---


def turns(text):
    return [{"role": "user", "content": text}]


REQUESTS = {
    "/v1/chat/completions": lambda t: {"model": "small", "messages": turns(t)},
    "/v1/chat/completions?": lambda t: {"model": "small", "messages": turns(t), "stream": True},
    "/v1/completions": lambda t: {"model": "small", "prompt": t},
    "/v1/responses": lambda t: {"model": "small", "input": t, "store": False},
    "/v1/messages": lambda t: {"model": "small", "max_tokens": 9, "messages": turns(t)},
    "/v1beta/models/small:generateContent": lambda t: {"contents": [{"parts": [{"text": t}]}]},
    "/api/chat": lambda t: {"model": "small", "messages": turns(t), "stream": False},
}


class Asking:
    """One request, whose bytes are the same whoever sends it; `wrong` is what was another's."""

    def __init__(self, world, path, text):
        self.world, self.path, self.body = world, path, REQUESTS[path](text)
        self.wrong = []

    def __call__(self, who, node, **headers):
        headers = {f"x-sluice-{name}": value for name, value in headers.items()}
        answer = self.world.ask(who, node, self.path, self.body, headers)
        state = answer.headers.get("x-sluice-cache")
        found = re.findall(rb"answer-\d+", answer.body)
        owned = self.world.owned
        if answer.status != 200 or len(set(found)) != 1:
            self.wrong.append((who, node, answer.status, answer.body[:200]))
        elif state == "hit" and found[0] not in owned[who]:
            self.wrong.append((who, node, "has another's answer", found[0]))
        elif state != "hit" and any(found[0] in those for those in owned.values()):
            self.wrong.append((who, node, "no hit has what was said before", found[0]))
        else:
            owned[who].add(found[0])
        return state


def cached_once(world, path, text):
    """(what went wrong, did the owner have hits at all nodes)"""
    ask = Asking(world, path, text)
    nodes = range(len(world.stands))
    ask("one", 0)
    hits = [ask("one", 0)]
    if world.redis is not None:
        wait_until(lambda: world.redis.ask("KEYS", "*cache:*"), 10, "Redis has answers")
    for who in world.others:
        states = [ask(who, node) for node in (*reversed(nodes), *nodes)]
        if states[0] != "miss":
            ask.wrong.append((who, states))
    hits += [ask("one", node) for node in nodes]
    for who in world.others:  # what one puts in the place of its own is not in another's
        ask(who, 0, cache="refresh")
    hits += [ask("one", node) for node in nodes]
    return ask.wrong, all(state == "hit" for state in hits)


def cache(world):
    for path in REQUESTS:
        wrong, hits = [], False
        for turn in range(TRIES if world.redis else 1):
            found, hits = cached_once(world, path, f"The same question, {turn}?")
            wrong += found
            if hits or wrong:
                break
        world.points.same(f"{path}: nobody has what another was answered", wrong, [])
        world.points.point(hits, f"{path}: its owner has it, at all nodes")


# --- conversations ---


def claude(name):
    return {"metadata": {"user_id": f"user_{'0' * 64}_account__session_{name}"}}


NAMES = {
    "x-sluice-session": lambda name: ({"x-sluice-session": name}, {}),
    "sluice.session": lambda name: ({}, {"sluice": {"session": name}}),
    "session_id": lambda name: ({}, {"session_id": name}),
    "x-session-id": lambda name: ({"x-session-id": name}, {}),
    "prompt_cache_key": lambda name: ({}, {"prompt_cache_key": name}),
    "metadata.user_id": lambda name: ({}, claude(name)),
    "x-claude-code-session-id": lambda name: ({"x-claude-code-session-id": name}, {}),
    "the opening": lambda name: ({}, {}),
}


def turn(world, who, node, what, name, begins=False):
    """Target and state of one turn of the conversation."""
    headers, members = NAMES[what](name)
    said = turns(f"Please design {name}.")
    if not begins:
        said += [{"role": "assistant", "content": "Done."}, *turns("Thanks!")]
    headers = {"x-sluice-cache": "off", "x-sluice-task": "chat", **headers}
    headers.update(PREMIUM if begins else {})
    claudes = what in ("metadata.user_id", "x-claude-code-session-id")
    path = "/v1/messages" if claudes else "/v1/chat/completions"
    body = {"model": "auto", "max_tokens": 50, "messages": said, **members}
    answer = world.ask(who, node, path, body, headers)
    return answer.headers.get("x-sluice-target"), answer.headers.get("x-sluice-session")


def conversation(world, what, name):
    """(what the others had, what the owner had)"""
    begun = turn(world, "one", 0, what, name, begins=True)
    theirs = [turn(world, who, 1, what, name) for who in world.others]
    own = [begun] + [turn(world, "one", node, what, name) for node in (1, 0)]
    theirs += [turn(world, who, 1, what, name) for who in world.others]
    return theirs, own


def sessions(world):
    others = len(world.others)
    kept = {}
    for what in NAMES:
        for number in range(TRIES):
            name = kept[what] = f"{what}-{number}-{uuid.UUID(int=number)}"
            theirs, own = conversation(world, what, name)
            strange = theirs != [("small", "new")] * others + [("small", "kept")] * others
            good = own == [("large", "new"), ("large", "kept"), ("large", "kept")]
            if good or strange:
                break
        world.points.point(not strange, f"{what}: for others it is another conversation", theirs)
        world.points.point(good, f"{what}: it is its owner's, at all nodes", own)
    return kept


def explained(world, kept):
    """What would be done says nothing of another's conversation, only of one's own of that name."""
    body = {"model": "auto", "max_tokens": 50, "messages": turns("Thanks!")}

    def ask(who, name):
        headers = {"x-sluice-session": name, "x-sluice-task": "chat"}
        node = 0 if who == "one" else 1  # which has talked to it, and so has it by itself
        answer = world.ask(who, node, "/sluice/v1/explain", body, headers)
        return json.dumps(answer.json().get("session"))

    name = kept["x-sluice-session"]
    for who in world.secrets:
        mine, foreign = ("large", "small") if who == "one" else ("small", "large")
        have = ask(who, name)
        world.points.point(
            mine in have and foreign not in have and ask(who, "nobodys") == "null",
            f"explain: {who} is told of its own conversation alone",
            have,
        )


def restarted(world, kept):
    """Conversations come back from the ledger, to their owners."""
    world.make("late", "--org", "other", "--user", "oscar")
    stand = world.stands[0]
    world.points.same("the process ends with 0", stand.sluice.stop(), 0)
    stand.sluice.start()
    for what, name in kept.items():
        states = {who: turn(world, who, 0, what, name) for who in world.secrets}
        want = {who: ("small", "kept") for who in world.others}
        want.update(one=("large", "kept"), late=("small", "new"))
        world.points.same(f"{what}: after a restart it is still whose it was", states, want)
    del world.secrets["late"]


def tools(world):
    """The result of a tool goes to who called it, of the same key."""
    for number in range(TRIES):
        begin = {"model": "free", "max_tokens": 50, "tools": [TOOL]}
        begin["messages"] = turns(f"What time is it in {number}?")
        end = {**begin, "messages": [*begin["messages"]]}
        end["messages"].append({"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]})
        end["messages"].append({"role": "tool", "tool_call_id": TOOL_CALL["id"], "content": "noon"})
        off = {"x-sluice-cache": "off", "x-sluice-task": "chat"}

        def send(who, node, body, **more):
            headers = world.ask(who, node, "/v1/chat/completions", body, {**off, **more}).headers
            return headers.get("x-sluice-target"), headers.get("x-sluice-session")

        send("one", 0, begin, **PREMIUM)
        theirs = [send(who, node, end) for who in world.others for node in (0, 1)]
        own = [send("one", node, end) for node in (0, 1)]
        strange = [got for got in theirs if got[0] != "small" or "tool" in (got[1] or "")]
        if strange or own == [("large", "kept; reason=tool-loop")] * 2:
            break
    world.points.same("calls of tools: for others they are nobody's", strange, [])
    world.points.same(
        "calls of tools: they are their owner's", own, [("large", "kept; reason=tool-loop")] * 2
    )


# --- stored responses ---


def stored(world):
    path = "/v1/responses"
    made = world.ask("one", 0, path, {"model": "small", "input": "remember this"}).json()
    name, item = made["id"], made["output"][0]["id"]
    call = name.removeprefix("resp_")
    nobodys = str(uuid.uuid4())
    asked = world.asked

    def build(who, node, members):
        return world.ask(who, node, path, {"model": "small", "input": "and?", **members})

    def reference(which):
        return {"input": [*turns("and?"), {"type": "item_reference", "id": which}]}

    def refusal(answer, identifier):
        """Without what is only an estimate by the request's bytes."""
        error = answer.json()["error"] or {}
        words = [
            str(error.get(name)).replace(identifier, "ID") for name in ("message", "code", "param")
        ]
        return answer.status, words, sorted(answer.headers)

    def cross(what, theirs, none):
        for who in [who for who in world.others if world.secrets[who] is not None]:
            for node in range(len(world.stands)):
                have = build(who, node, theirs)
                want = build(who, node, none)
                world.points.point(
                    refusal(have, call) == refusal(want, nobodys) and have.status >= 400,
                    f"{what}: for {who} at node {node} as if nobody had it",
                    have.body,
                    want.body,
                )

    assert call in item, (call, item)
    cross("a response", {"previous_response_id": name}, {"previous_response_id": "resp_" + nobodys})
    cross("an item of it", reference(item), reference(item.replace(call, nobodys)))
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        for who in world.secrets:
            have, want = (
                world.ask(who, 0, f"{path}/{i}{rest}", method=method)
                for i in (name, "resp_" + nobodys)
            )
            world.points.point(
                level(have, call) == level(want, nobodys) and have.status == 404,
                f"{method} {path}/ID{rest}: for {who} as if nobody had it",
                have.status,
                have.body,
            )
    world.points.same("and the provider is not asked", world.asked, asked)
    own = [
        build("one", 0, members) for members in ({"previous_response_id": name}, reference(item))
    ]
    world.points.same("its owner builds on both", [answer.status for answer in own], [200, 200])


# --- calls ---


def listed(world, who, node):
    """Its calls and their sum; calls of a moment ago may come between the two questions."""
    found = {}

    def agree():
        rows = world.ask(who, node, "/sluice/v1/calls?limit=1000", method="GET").json()["calls"]
        report = world.ask(who, node, "/sluice/v1/report?by=day", method="GET").json()
        found.update(rows=rows, total=report["total"]["calls"])
        return found["total"] == len(rows)

    wait_until(agree, 10, f"the sum of {who}'s calls is that of its list")
    return found["rows"], found["total"]


def calls(world):
    """At whichever node they are asked for. (Where keys are not required everybody sees all.)"""
    path = "/sluice/v1/calls"
    answer = world.ask("one", 0, "/v1/chat/completions", REQUESTS["/v1/chat/completions"]("Mine"))
    call, nobodys = answer.headers["x-sluice-call-id"], str(uuid.uuid4())
    for node in range(len(world.stands)):
        wait_until(
            lambda n=node: world.ask("one", n, f"{path}/{call}", method="GET").status == 200,
            20,
            "its owner sees it",
        )
        for who in [who for who in world.others if world.secrets[who] is not None]:
            have, want = (
                world.ask(who, node, f"{path}/{i}", method="GET") for i in (call, nobodys)
            )
            told = [
                world.ask(who, node, "/sluice/v1/feedback", {"call_id": i, "score": 0})
                for i in (call, nobodys)
            ]
            rows, total = listed(world, who, node)
            ids = {row["id"] for row in rows}
            world.points.point(
                level(have, call) == level(want, nobodys)
                and have.status == 404
                and level(told[0], call) == level(told[1], nobodys)
                and told[0].status == 404,
                f"a call: for {who} at node {node} as if nobody had it",
                *(a.body for a in (have, want, *told)),
            )
            world.points.point(
                rows and call not in ids and all(row["key"] == who for row in rows),
                f"calls: {who} sees its own at node {node}",
                rows[:3],
            )
            world.points.same(
                f"report: {who} has the sums of its own at node {node}", total, len(rows)
            )
        own = world.ask("one", node, "/sluice/v1/feedback", {"call_id": call, "score": 1})
        world.points.point(
            own.status in (200, 202), f"its owner says of it at node {node}", own.body
        )


def everything(world):
    cache(world)
    kept = sessions(world)
    explained(world, kept)
    tools(world)
    stored(world)
    if None not in world.secrets.values():
        calls(world)
    return kept


def run(points, program, directory):
    alone = World(points, program, os.path.join(directory, "alone"))
    restarted(alone, everything(alone))
    points.same("the process ends with 0", alone.close(), [0])
    with Postgres() as postgres:
        redis = Redis(os.path.join(directory, "redis"))
        redis.start()
        try:
            world = World(points, program, os.path.join(directory, "nodes"), postgres, redis)
            everything(world)
            points.same("the processes end with 0", world.close(), [0, 0])
        finally:
            redis.kill()
