# SPDX-License-Identifier: Apache-2.0
"""Every endpoint of the administration with every method, by whoever has no business there; every
kind of thing that a creator may have, given away in a larger size; every parameter of a question
and every name with SQL, wildcards and line ends in it. The tables are the same before and after."""

import json
import urllib.parse

from bad_input import API, Office
from harness import http1
from stand import Stand
from tenants import table

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
# What a client's key asks in front, of its own.
OWN = ("/explain", "/prices", "/calls", "/calls/{id}", "/feedback", "/report")

PAYLOADS = (
    "' OR '1'='1",
    "1; DROP TABLE keys; --",
    "1 UNION SELECT digest FROM keys",
    "%",
    "_",
    "*",
    "1\r\nX-Injected: yes",
    "1\nX-Injected: yes",
    "a\0b",
    "-1",
    "1e309",
    "0x10",
    "NaN",
    "99999999999999999999999999",
    "\u202e\U0001f511",
    "9" * 2000,
)
QUESTIONS = {
    "/calls": ("limit", "before"),
    "/report": ("by", "days"),
    "/calibration": ("days",),
    "/keys": ("after", "limit"),
    "/audit": ("before", "limit"),
    "/audit/verify": ("expect",),
}
# Not a mistake: a day or two is as good as the whole, and no hash is asked for.
STATUS = (200, 400, 404, 414)


def exchange(office, door, method, path, body, secret):
    """(status, code, head) of any method, on a connection of its own."""
    text = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {API}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    if secret is not None:
        head += f"Authorization: Bearer {secret}\r\n"
    connection = http1.connect(office.port if door == "admin" else office.stand.sluice.port)
    connection.send(head.encode() + b"\r\n" + text)
    message = http1.read_answer(connection, head_request=method == "HEAD")
    connection.close()
    try:
        code = json.loads(message.body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        code = ""
    return message.status, code


def doors(points, office, secrets):
    """Nothing is done or shown, whatever the method, to those who do not administer."""
    paths = sorted({path[len(API) :] for _, path in table() if path.startswith(API + "/")})
    rows = {(method, path[len(API) :]) for method, path in table() if path.startswith(API + "/")}
    before = office.state()
    callers = {
        "nobody": (None, {"admin": (401, "invalid_api_key"), "front": (403, "admin_only")}),
        "a client": (
            secrets["client"],
            {"admin": (403, "client_key"), "front": (403, "admin_only")},
        ),
        "who was revoked": (
            secrets["revoked"],
            {"admin": (401, "key_revoked"), "front": (403, "admin_only")},
        ),
        "an administrator": (secrets["admin"], {"front": (403, "admin_only")}),
    }
    # (later ones are a flood, of which the audit log takes a part)
    for name, code in (("client", "client_key"), ("revoked", "key_revoked")):
        entries = len(office.stand.audit())
        exchange(office, "admin", "GET", "/audit", None, secrets[name])
        entry = office.newest(code, entries)
        points.point(name in entry[-1][0] + entry[-1][2], f"{name} knocks: audited", entry)
    for path in paths:
        real = path.replace("{id}", "1").replace("{name}", "small")
        for who, (secret, doors_of) in callers.items():
            for door, want in doors_of.items():
                if door == "front" and path in OWN:
                    continue
                problems = []
                for method in METHODS:
                    body = {"which": "client"} if method in ("POST", "PUT", "PATCH") else None
                    have = exchange(office, door, method, real, body, secret)
                    told = (want[0], "") if method == "HEAD" else want
                    row = ("GET" if method == "HEAD" else method, path) in rows
                    good = have == told or (not row and have[0] in (404, 405))
                    problems += [] if good else [(method, have)]
                points.same(f"{path} by {who}, {door}", problems, [])
    points.same("no row of the keys is different", office.state(), before)


# --- what a creator has ---

HAS = {
    "name": "less",
    "team": "red",
    "caps": [{"usd": "10", "per": "month"}],
    "requests_per_minute": 60,
    "tokens_per_minute": 1000,
    "parallel": 2,
    "max_request_usd": "1",
    "routes": ["both"],
    "targets": ["small"],
    "models": ["sm*"],
    "origins": ["https://app.example"],
    "expires_in": "1d",
}


def larger():
    """(what, the member, its value or None for none): more than the creator has."""
    yield "a cap", "caps", [{"usd": "10.000000001", "per": "month"}]
    yield "no cap", "caps", None
    for member, value in (
        ("requests_per_minute", 61),
        ("tokens_per_minute", 1001),
        ("parallel", 3),
        ("max_request_usd", "1.000000001"),
    ):
        yield f"more {member}", member, value
        yield f"no {member}", member, None
    for member, value in (
        ("routes", ["both", "auto"]),
        ("targets", ["small", "large"]),
        ("models", ["sm*", "*"]),
        ("models", ["s*"]),
        ("origins", ["https://app.example", "https://evil.example"]),
    ):
        yield f"{member} {value}", member, value
        yield f"every one of {member}", member, None
    yield "a later end", "expires_in", "31d"
    yield "no end", "expires_in", None
    yield "another team", "team", "blue"
    yield "another organisation", "organisation", "other"
    yield "administration", "admin", True


def creators(points, office, secrets):
    def entries():
        return [row for row in office.stand.audit() if row[3] == "exceeds_creator"]

    def ask(path, body):
        return exchange(office, "admin", "POST", path, body, secrets["admin"])

    for what, member, value in larger():
        body = {**HAS, member: value}
        if value is None:
            del body[member]
        before, count = office.state(), len(entries())
        points.same(f"giving {what}", ask("/keys", body), (403, "exceeds_creator"))
        points.same(f"giving {what}: audited", len(entries()), count + 1)
        points.same(f"giving {what}: nothing changed", office.state(), before)
    points.same("as much as it has", ask("/keys", HAS)[0], 200)
    for what, wish in (
        ("a higher cap", {"caps": [{"usd": "11", "per": "month"}]}),
        ("no cap", {"caps": [{"usd": None, "per": "month"}]}),
        ("no limit at all", {"clear": True}),
        ("more requests", {"requests_per_minute": 61}),
        ("tokens without a limit", {"tokens_per_minute": None}),
    ):
        before, count = office.state(), len(entries())
        have = ask("/limits", {"key": "less", **wish})
        points.same(f"changing to {what}", have, (403, "exceeds_creator"))
        points.same(f"changing to {what}: audited", len(entries()), count + 1)
        points.same(f"changing to {what}: nothing changed", office.state(), before)
    office.ask("owner", "POST", "/limits", {"key": "less", "requests_per_minute": 900})
    before = office.state()
    points.same(
        "a new secret of a key that has more",
        ask("/keys/rotate", {"which": "less"}),
        (403, "exceeds_creator"),
    )
    points.same("and it keeps the old one", office.state(), before)


# --- what is asked ---


def questions(points, office, _):
    """Parameters are values: no SQL, no pattern, no header."""
    before = office.state()
    for path, names in QUESTIONS.items():
        for name in names:
            problems = []
            for payload in PAYLOADS:
                query = f"{path}?{name}={urllib.parse.quote(payload, safe='')}"
                head = f"GET {API}{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                status, text = http1.ask_unix(office.socket, head.encode())
                parsed = json.loads(text)
                code = parsed["error"]["code"] if "error" in parsed else ""
                good = status in STATUS and (status == 200) == (code == "")
                good = good and b"X-Injected: yes" not in text.replace(b"\\r\\n", b"")
                problems += [] if good else [(payload[:40], status, text[:200])]
            points.same(f"{path}?{name}=", problems, [])
    points.same("no question changed anything", office.state(), before)


NAMES = (
    "'; DROP TABLE keys; --",
    "%",
    "_",
    '"><script>alert(1)</script>',
    "name\\x27 OR 1=1",
    "${jndi ldap//x}",
    "=cmd|' /C calc'!A0",
)


def names(points, office, _):
    """A name, tag or user may be anything printable, and is only ever that."""
    for name in NAMES:
        status, made = office.ask(
            "owner", "POST", "/keys", {"name": name, "user": name, "tags": [name]}
        )
        points.same(f"a key named {name}", (status, made["name"]), (200, name))
        stand = office.stand
        points.same(f"{name}: it opens", stand.chat(made["key"]).status, 200)
        before = {row[0] for row in stand.rows("SELECT id FROM keys WHERE revoked_s = 0")}
        status, _ = office.ask("owner", "POST", "/keys/revoke", {"which": name})
        after = {row[0] for row in stand.rows("SELECT id FROM keys WHERE revoked_s = 0")}
        points.same(f"{name}: it alone is revoked", (status, before - after), (200, {made["id"]}))
    office.stand.settled(len(NAMES))
    for by in ("key", "user", "tag"):
        rows = office.ask("owner", "GET", f"/report?by={by}")[1]["rows"]
        have = {row["name"] for row in rows}
        points.point(set(NAMES) <= have, f"the report by {by} has them as they are", have)


def prepare(stand):
    stand.configure(more="admin: { listen: '127.0.0.1:0' }\n")
    stand.sluice.start()
    office = Office(stand)
    status, admin = office.ask(
        "owner",
        "POST",
        "/keys",
        {**HAS, "name": "admin", "organisation": "acme", "expires_in": "30d", "admin": True},
    )
    assert status == 200, admin
    secrets = {
        "admin": admin["key"],
        "client": stand.json("create", "--name", "client", "--org", "acme")["key"],
        "revoked": stand.json("create", "--name", "revoked", "--org", "acme")["key"],
    }
    stand.json("revoke", "revoked")
    return office, secrets


def run(points, program, directory):
    for part in (doors, creators, questions, names):
        stand = Stand(program, directory)
        office, secrets = prepare(stand)
        part(points, office, secrets)
        for words in (("audit", "verify"), ("ledger", "verify")):
            status, out, err = stand.sluice.run(*words, "-c", stand.sluice.config)
            points.same(f"{part.__name__}: {' '.join(words)}", (status, err * status), (0, ""))
        points.same(f"{part.__name__}: the process ends with 0", stand.close(), 0)
