# SPDX-License-Identifier: Apache-2.0
"""What a key's limits say to clients of every dialect, and what is left of a secret on the disk."""

import os
import re
import stat

from harness import http1
from harness.process import wait_until
from stand import Stand

MESSAGES = [{"role": "user", "content": "Hi"}]
DIALECTS = {  # path: body, where the code is
    "/v1/chat/completions": (
        {"model": "small", "max_tokens": 5, "messages": MESSAGES},
        lambda told: told["error"]["code"],
    ),
    "/v1/completions": (
        {"model": "small", "max_tokens": 5, "prompt": "Hi"},
        lambda told: told["error"]["code"],
    ),
    "/v1/responses": (
        {"model": "small", "max_output_tokens": 16, "input": "Hi"},
        lambda told: told["error"]["code"],
    ),
    "/v1/messages": (
        {"model": "small", "max_tokens": 5, "messages": MESSAGES},
        lambda told: told["error"]["code"],
    ),
    "/v1beta/models/small:generateContent": (
        {
            "contents": [{"parts": [{"text": "Hi"}]}],
            "generationConfig": {"maxOutputTokens": 5},
        },
        lambda told: told["error"]["details"][0]["reason"],
    ),
    "/api/chat": (
        {
            "model": "small",
            "stream": False,
            "messages": MESSAGES,
            "options": {"num_predict": 5},
        },
        lambda told: told["code"],
    ),
}
# limit: options, code, what the message names, whether it says when there is room again
LIMITS = {
    "requests": (("--rpm", "1"), "rate_limited", r"1 requests per minute", True),
    "tokens": (("--tpm", "60"), "rate_limited", r"60 tokens per minute", True),
    "parallel": (("--parallel", "0"), "parallel_limit", r"0 calls at the same time", False),
    "cap": (("--cap-usd", "0.0003", "--per", "day"), "cap_exceeded", r"\$0\.0003 a day", True),
    "total": (("--cap-usd", "0.0003"), "cap_exceeded", r"\$0\.0003 ", False),
    "request": (
        ("--max-request-usd", "0.000000001"),
        "call_cost_exceeded",
        r"\$0\.000000001 at most",
        False,
    ),
}
HEADERS = {
    "/v1/chat/completions": "x-ratelimit-{}-requests",
    "/v1/completions": "x-ratelimit-{}-requests",
    "/v1/responses": "x-ratelimit-{}-requests",
    "/v1/messages": "anthropic-ratelimit-requests-{}",
}


def refused_call(stand, path, secret):
    """The first answer that is none, after a few calls."""
    for _ in range(7):
        answer = stand.request(
            "POST",
            path,
            DIALECTS[path][0],
            {"Authorization": "Bearer " + secret, "Content-Type": "application/json"},
        )
        if answer.status != 200:
            break
    return answer


def check(points, stand, path, name):
    options, code, names, has_end = LIMITS[name]
    secret = stand.json("create", "--name", f"{name} {path}", *options)["key"]
    answer = refused_call(stand, path, secret)
    found = DIALECTS[path][1](answer.json()) if answer.status == 429 else ""
    waits = int(answer.headers.get("retry-after", "0"))
    points.point(
        (answer.status, found) == (429, code)
        and re.search(names, answer.body.decode())
        and (0 < waits <= 86400 if has_end else waits == 0)
        and (code == "rate_limited" or answer.headers.get("x-should-retry") == "false"),
        f"{path}: {name}",
        answer.status,
        answer.headers,
        answer.body[:500],
    )
    if name == "requests" and path in HEADERS:
        have = [answer.headers.get(HEADERS[path].format(what)) for what in ("limit", "remaining")]
        points.same(f"{path}: the headers say so", have, ["1", "0"])
    if name == "requests" and "generateContent" in path:
        points.point(b"RetryInfo" in answer.body, f"{path}: as Google's clients read it")


def per_model(points, stand):
    secret = stand.json("create", "--name", "by model")["key"]
    stand.json("limit", "key:by model", "--model", "small", "--rpm", "1")
    points.same(
        "a limit for a model binds that model",
        [stand.chat(secret, model).status for model in ("small", "small", "large", "large")],
        [200, 429, 200, 200],
    )


ROUTES = "  auto: { targets: [small, large] }\n  only: { targets: [small] }\n"
OF_TARGET = [  # what is asked for, and who answers where "small" is limited
    ({"model": "small"}, None),
    ({"model": "lab/small-1"}, None),
    ({"model": "small:floor"}, None),
    ({"model": "small:nitro"}, None),
    ({"models": ["zzz", "small"]}, None),
    ({"model": "only"}, None),
    ({"model": "only:floor"}, None),
    ({"models": ["small", "large"]}, "large"),
    ({"model": "both"}, "large"),
    ({"model": "auto"}, "large"),
    ({"model": ""}, "large"),
    ({}, "large"),
    ({"model": "large"}, "large"),
]
OF_ROUTE = [  # and where "auto" is
    ({"model": "auto"}, None),
    ({"model": "auto:floor"}, None),
    ({"model": "auto:nitro"}, None),
    ({"model": ""}, None),
    ({}, None),
    ({"model": "small"}, "small"),
    ({"model": "both"}, "small"),
]
GRANTED = {  # of create: who answers, None: nobody may
    ("--model", "small"): [
        ({"model": "small"}, "small"),
        ({"model": "small:floor"}, "small"),
        ({"model": "lab/small-1"}, None),
        ({"model": "large"}, None),
        ({"models": ["zzz", "large"]}, None),
        ({"model": "auto"}, None),
        ({"model": ""}, None),
        ({}, None),
    ],
    ("--route", "both"): [
        ({"model": "both"}, "small"),
        ({"model": "both:floor"}, "small"),
        ({"model": "auto"}, None),
        ({}, None),
        ({"model": "small"}, None),
        ({"model": "lab/small-1"}, None),
        ({"models": ["small", "large"]}, None),
    ],
    ("--target", "large"): [
        ({"model": "both"}, "large"),
        ({"model": "auto:floor"}, "large"),
        ({}, "large"),
        ({"model": "small"}, None),
        ({"model": "lab/small-1"}, None),
        ({"models": ["small", "large"]}, "large"),
    ],
}
NOTHING = {
    "cap": (("--cap-usd", "0"), "cap_exceeded"),
    "requests": (("--rpm", "0"), "rate_limited"),
    "tokens": (("--tpm", "0"), "rate_limited"),
    "parallel": (("--parallel", "0"), "parallel_limit"),
}


def asked(stand, secret, wish):
    """(status, code, who answered)"""
    body = {**wish, "max_tokens": 50, "messages": MESSAGES}
    headers = {"Authorization": "Bearer " + secret, "Content-Type": "application/json"}
    answer = stand.request("POST", "/v1/chat/completions", body, headers)
    return answer.status, answer.code, answer.headers.get("x-sluice-target", "")


def spellings(points, program, directory):
    """A limit for a route or a target holds however the request spells it."""
    stand = Stand(program, directory + "-spelled")
    stand.configure(routes=ROUTES)
    stand.sluice.start()
    secret = stand.json("create", "--name", "spelled")["key"]
    for model, table in (("small", OF_TARGET), ("lab/small-1", OF_TARGET), ("auto", OF_ROUTE)):
        for kind, (options, code) in NOTHING.items():
            stand.json("limit", "key:spelled", "--model", model, *options)
            for wish, who in table:
                have = asked(stand, secret, wish)
                want = (200, "", who) if who else (429, code, "")
                points.same(f"{kind} of {model}: {wish}", (*have[:2], have[2] if who else ""), want)
            stand.json("limit", "key:spelled", "--model", model, "--clear")
    stand.json("limit", "key:spelled", "--model", "small", "--parallel", "1", "--cap-usd", "1")
    have = [asked(stand, secret, {"model": "only"})[0] for _ in range(5)]
    points.same("what an attempt held of its target's limit comes back", have, [200] * 5)
    for grant, table in GRANTED.items():
        secret = stand.json("create", "--name", "may " + grant[1], *grant)["key"]
        for wish, who in table:
            status, _, have = asked(stand, secret, wish)
            want = (True, who) if who else (False, "")
            points.same(f"a key with {grant}: {wish}", (status == 200, have if who else ""), want)
    stand.sluice.stop()
    status, out, err = stand.sluice.run("ledger", "verify", "-c", stand.sluice.config)
    points.same("the ledger's books agree", (status, "sound" in out + err), (0, True))
    stand.sluice.close()
    stand.upstream.close()


def scopes(points, stand):
    """One cap above two keys: whoever comes second finds it used up, whatever its own limits."""
    for kind in ("user", "team", "org"):
        names = (f"--{kind}", f"of two {kind}")
        keys = [stand.json("create", "--name", f"{kind} {n}", *names)["key"] for n in (1, 2)]
        scope = {"org": "organisation"}.get(kind, kind)
        stand.json("limit", f"{kind}:of two {kind}", "--cap-usd", "0.0003", "--per", "total")
        first = [stand.chat(keys[0]).status for _ in range(5)]
        second = stand.chat(keys[1])
        points.point(
            first[0] == 200
            and first[-1] == 429
            and second.code == "cap_exceeded"
            and scope in second.body.decode(),
            f"a cap of the {scope} holds for all of its keys",
            first,
            second.body,
        )


def expiry_on_open_connections(points, stand):
    secret = stand.json("create", "--name", "short", "--expires", "2s")["key"]
    line = f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n\r\n"
    clients = [http1.connect(stand.sluice.port) for _ in range(8)]

    def ask(client):
        client.send(line.encode())
        return http1.read_answer(client).status

    points.same("a key with an end opens", {ask(client) for client in clients}, {200})
    wait_until(lambda: ask(clients[0]) == 401, 10, "the key ends")
    points.same("and ends on every connection", {ask(client) for client in clients}, {401})
    for client in clients:
        client.close()


def on_the_disk(points, stand):
    """A secret is shown once: no file has it, and what there is belongs to its owner alone."""
    secrets = [stand.json("create", "--name", f"secret {n}")["key"] for n in range(20)]
    secrets.append(stand.json("rotate", "secret 3", "--overlap", "1h")["key"])
    points.point(
        all(re.fullmatch(r"sk-sl-[0-9A-Za-z]{43}", secret) for secret in secrets)
        and len(set(secrets)) == len(secrets),
        "keys are 43 letters and digits, each another",
    )
    points.point(
        len({secret[6 + i] for secret in secrets for i in range(43)}) > 50,
        "drawn from all of them",
    )
    for secret in secrets:
        stand.chat(secret)
    stand.settled(len(secrets))
    found, wide = [], []
    for directory, _, files in os.walk(stand.directory):
        for name in files:
            path = os.path.join(directory, name)
            mode = os.stat(path).st_mode
            if (stat.S_ISSOCK(mode) or name.startswith("ledger.db")) and mode & 0o077:
                wide.append((name, oct(mode)))
            if stat.S_ISREG(mode):
                with open(path, "rb") as file:
                    data = file.read()
                found += [name for secret in secrets if secret.encode() in data]
    points.same("no file has a secret", found, [])
    points.same("the database and the socket are its owner's alone", wide, [])
    sockets = [name for name in os.listdir(stand.directory) if name.endswith(".sock")]
    points.same("there is a socket", len(sockets), 1)


def run(points, program, directory):
    stand = Stand(program, directory)
    stand.configure()
    stand.sluice.start()
    for path in DIALECTS:
        for name in LIMITS:
            check(points, stand, path, name)
    per_model(points, stand)
    scopes(points, stand)
    expiry_on_open_connections(points, stand)
    on_the_disk(points, stand)
    spellings(points, program, directory)
    points.same("the process ends with 0", stand.close(), 0)
