# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with a key or with what administrators ask: refused with a stable code, in the
audit log, and nothing changed. Two tenants: neither sees or changes anything of the other's."""

import glob
import json
import os
import re
import socket

from harness import http1
from harness.process import wait_until
from stand import Stand

TABLES = ("keys", "old_secrets", "scopes", "grants", "limits", "caps", "revoked_tokens")
API = "/sluice/v1"


class Office:
    """The administration of a stand: its doors, its audit log, what the database holds."""

    def __init__(self, stand):
        self.stand = stand
        pattern = r"administrators' keys administer on port (\d+)"
        found = wait_until(lambda: re.findall(pattern, stand.sluice.log()), 10, "the admin port")
        self.port = int(found[-1])  # of the last start
        self.socket = glob.glob(os.path.join(stand.directory, "*.sock"))[0]

    def state(self):
        return {
            table: self.stand.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES
        }

    def ask(self, door, method, path, body=None, secret=None):
        """(status, code or JSON): through the socket of the owner, the administrators' port, or in
        front."""
        text = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        head = f"{method} {API}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        if secret is not None:
            head += f"Authorization: Bearer {secret}\r\n"
        data = head.encode() + b"\r\n" + text
        if door == "owner":
            status, answer = http1.ask_unix(self.socket, data)
        else:
            connection = http1.connect(self.port if door == "admin" else self.stand.sluice.port)
            connection.send(data)
            message = http1.read_answer(connection)
            connection.close()
            status, answer = message.status, message.body
        try:
            parsed = json.loads(answer)
        except ValueError:
            return status, answer
        error = parsed.get("error") if isinstance(parsed, dict) else None
        return status, error["code"] if isinstance(error, dict) else parsed

    def newest(self, outcome, before):
        """Waits for an entry with this outcome behind the first `before` ones."""

        def present():
            return [row for row in self.stand.audit()[before:] if row[3] == outcome]

        return wait_until(present, 10, f"the audit log has {outcome}")


def refused(points, office, name, request, want, audited=True):
    """One bad request: the answer, the entry, and that nothing else happened."""
    before, entries = office.state(), len(office.stand.audit())
    have = request()
    points.same(f"{name}: refused", have, want)
    if audited:
        try:
            entry = office.newest(want[1], entries)
        except TimeoutError as error:
            entry = None
            print(f"# {error}: {office.stand.audit()[entries:]}")
        points.point(entry is not None, f"{name}: in the audit log")
    points.same(f"{name}: nothing changed", office.state(), before)


# --- keys that do not open ---


def malformed():
    yield "an empty key", ""
    yield "a key that is cut", "sk-sl-short"
    yield "a key of other letters", "sk-sl-" + "!" * 43
    yield "a key that nobody has", "sk-sl-" + "A" * 43
    yield "a key that is too long", "sk-sl-" + "A" * 5000
    yield "a key with SQL in it", "sk-sl-' OR '1'='1"
    yield "a key with LIKE's wildcards", "sk-sl-" + "_" * 43
    yield "a per cent sign", "%"
    yield "a prefix of a key", "sk-sl-"


def bad_keys(points, office, secrets):
    stand = office.stand

    def chat(secret):
        answer = stand.chat(secret)
        return answer.status, answer.code

    asked = stand.asked
    for name, secret in malformed():
        given = secret.strip() != ""
        refused(points, office, name, lambda s=secret: chat(s), (401, "invalid_api_key"), given)
    for name in ("revoked", "expired"):
        want = (401, "key_" + name)
        refused(points, office, f"a key that is {name}", lambda n=name: chat(secrets[n]), want)
    refused(
        points,
        office,
        "a secret that was rotated away",
        lambda: chat(secrets["rotated"]),
        (401, "key_rotated"),
    )
    refused(
        points,
        office,
        "an administrator's key",
        lambda: chat(secrets["acme-admin"]),
        (403, "admin_key"),
    )
    points.same("none of them reached the provider", stand.asked, asked)
    control = smuggled(office, secrets["acme"])
    points.same("a line end in a key ends no header", control, 400)
    for header in ("x-api-key", "x-goog-api-key"):
        answer = stand.chat(None, headers={header: "sk-sl-" + "B" * 43})
        points.same(
            f"a wrong key in {header}", (answer.status, answer.code), (401, "invalid_api_key")
        )


def smuggled(office, secret):
    """The status for a bare line feed within the credential."""
    sock = socket.create_connection(("127.0.0.1", office.stand.sluice.port), timeout=10)
    connection = http1.Connection(sock)
    connection.send(
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\nX-Api-Key: "
        + secret.encode()
        + b"\r\n\r\n"
    )
    status = http1.read_answer(connection).status
    connection.close()
    return status


# --- what is asked of the administration ---

BAD_AMOUNTS = (
    '"-1"',
    '"NaN"',
    '"nan"',
    '"Infinity"',
    '"1e3"',
    '"0x10"',
    '"1,5"',
    '""',
    '" 1"',
    '"1 "',
    '"99999999999999999999"',
    '"9223372036.854775808"',
    '"0.0000000001"',
    "-1",
    "1e400",
    "true",
    "[]",
)
BAD_COUNTS = ("-1", "1.5", "1e99", "9223372036854775808", '"10"', "true", "[]", "{}")


def bad_bodies():
    """(what, path, body, code)"""
    for amount in BAD_AMOUNTS:
        cap = f'[{{"usd":{amount},"per":"day"}}]'
        yield f"a cap of {amount}", "/keys", f'{{"name":"x","caps":{cap}}}', "bad_amount"
        yield f"a new cap of {amount}", "/limits", f'{{"key":"acme","caps":{cap}}}', "bad_amount"
        most = f'{{"name":"x","max_request_usd":{amount}}}'
        yield f"at most {amount} a request", "/keys", most, "bad_amount"
    for count in BAD_COUNTS:
        for member in ("requests_per_minute", "tokens_per_minute", "parallel"):
            yield f"{member} {count}", "/keys", f'{{"name":"x","{member}":{count}}}', "bad_limit"
            yield (
                f"a new {member} {count}",
                "/limits",
                f'{{"organisation":"acme","{member}":{count}}}',
                "bad_limit",
            )
    for word in ("0x10", "NaN", "Infinity", "-", "+1", "01", ".5"):
        body = f'{{"name":"x","caps":[{{"usd":{word},"per":"day"}}]}}'
        yield f"a cap of the word {word}", "/keys", body, "invalid_json"
    for caps, code in (
        ('[{"per":"day"}]', "bad_limit"),
        ('[{"usd":"1"}]', "bad_limit"),
        ("{}", "invalid_body"),
        ("[1]", "invalid_body"),
        ('[{"usd":"1","per":"rolling","window":"1e9h"}]', "bad_duration"),
        ('[{"usd":"1","per":"rolling","window":"-1h"}]', "bad_duration"),
    ):
        yield f"the caps {caps}", "/keys", f'{{"name":"x","caps":{caps}}}', code
    for body, code in (
        ("[]", "invalid_body"),
        ("null", "invalid_body"),
        ("", "invalid_json"),
        ('{"name":"x","routes":[""]}', "bad_grant"),
        ('{"name":"x","routes":["a\\u0000b"]}', "bad_grant"),
        ('{"name":"x","targets":["a\\nb"]}', "bad_grant"),
        (json.dumps({"name": "x", "models": ["m" * 256]}), "bad_grant"),
        ('{"name":"x","organisation":"a\\r\\nb"}', "bad_scope_name"),
        ('{"name":"x","team":"a,b"}', "bad_scope_name"),
        ('{"name":"x","expires_in":"1e9d"}', "bad_duration"),
        ('{"name":"x","expires_in":"-1d"}', "bad_duration"),
    ):
        yield f"the order {body[:40]}", "/keys", body, code
    for body, code in (
        ("{}", "invalid_body"),
        ('{"key":"acme"}', "invalid_body"),
        ('{"key":"acme","user":"ann","parallel":1}', "invalid_body"),
        ('{"key":"acme","model":"a\\nb","parallel":1}', "bad_limit"),
        ('{"user":"a:b","parallel":1}', "bad_scope_name"),
    ):
        yield f"the limits {body}", "/limits", body, code
    yield "a name to take as it is", "/keys/reseal", '{"which":"acme"}', "unknown_member"
    cap = '{"usd":"1","per":"day"}'
    yearly = '{"usd":"1","per":"year"}'
    yield "a cap of no known period", "/keys", f'{{"name":"x","caps":[{yearly}]}}', "bad_limit"
    yield "two caps of one period", "/keys", f'{{"name":"twice","caps":[{cap},{cap}]}}', "bad_limit"
    yield (
        "limits with two caps of one period",
        "/limits",
        f'{{"key":"acme","caps":[{cap},{cap}]}}',
        "bad_limit",
    )
    rolling = '{"usd":"1","per":"rolling","window":"0s"}'
    yield "a window of no length", "/keys", f'{{"name":"x","caps":[{rolling}]}}', "bad_limit"
    yield "a member twice", "/keys", '{"name":"x","name":"y"}', "duplicate_member"
    yield "a member twice, escaped", "/keys", '{"name":"x","n\\u0061me":"y"}', "duplicate_member"
    yield "a member that is not known", "/keys", '{"name":"x","admn":true}', "unknown_member"
    yield "a name with a line end", "/keys", '{"name":"a\\r\\nSet-Cookie: x=1"}', "bad_key_name"
    yield "a name with a zero byte", "/keys", '{"name":"a\\u0000b"}', "bad_key_name"
    yield "a name of 64", "/keys", json.dumps({"name": "x" * 64}), "bad_key_name"
    yield "the name of a token's subject", "/keys", '{"name":"jwt:ann"}', "bad_key_name"
    yield "a user with a colon", "/keys", '{"name":"x","user":"a:b"}', "bad_scope_name"
    yield "a tag with a line end", "/keys", '{"name":"x","tags":["a\\nb"]}', "bad_grant"
    for origin in ("app.example", "https://", "://x", "*", "https://*.example", "https://x/"):
        body = json.dumps({"name": "x", "origins": [origin]})
        yield f"the origin {origin}", "/keys", body, "bad_grant"
    yield "an end that is over", "/keys", '{"name":"x","expires_at":1}', "bad_duration"
    yield "half a body", "/keys", '{"name":', "invalid_json"
    yield "a name that a key has", "/keys", '{"name":"acme"}', "key_exists"
    for which in (
        "%",
        "_",
        "acm%",
        "' OR '1'='1",
        "acme'; DROP TABLE keys; --",
        "*",
        "sk-sl-",
        "0",
        "-1",
    ):
        yield f"revoking {which}", "/keys/revoke", json.dumps({"which": which}), "key_not_found"
    for team in ("%", "re%", "' OR 1=1 --"):
        body = json.dumps({"key": team, "requests_per_minute": 1})
        yield f"limits of the key {team}", "/limits", body, "key_not_found"
    overlap = '{"which":"acme","overlap":"-1h"}'
    yield "an overlap of minus one", "/keys/rotate", overlap, "bad_duration"
    yield "acknowledging without need", "/keys/acknowledge", '{"which":"acme"}', "key_not_blocked"


AT_ONCE = 90  # of a process: the audit log takes no flood (refusals.h)


def owner_mistakes(points, office, bodies):
    """The owner may do everything, but not nonsense."""

    def acts():
        return [row for row in office.stand.audit() if row[1] != "access"]

    for what, path, body, code in bodies:
        before, entries = office.state(), len(acts())
        status, have = office.ask("owner", "POST", path, body.encode())
        good = status in (400, 404) and have == code
        points.point(good, f"{what}: refused", status, have)
        wait_until(lambda e=entries: len(acts()) > e, 10, f"{what} is audited")
        points.same(
            f"{what}: in the audit log, and nothing changed",
            (acts()[entries][3], office.state()),
            (have, before),
        )


def exceeding():
    """What the administrator of acme (100 dollars a month, route both, 60 a minute, 30 days) must
    not give."""
    base = {"name": "more", "caps": [{"usd": "10", "per": "month"}], "requests_per_minute": 10}
    base.update({"expires_in": "1d", "routes": ["both"]})
    yield "a higher cap", {**base, "caps": [{"usd": "100.000000001", "per": "month"}]}
    yield "no cap", {**base, "caps": []}
    yield "a soft cap only", {**base, "caps": [{"usd": "10", "per": "month", "soft": True}]}
    yield "a cap of another period", {**base, "caps": [{"usd": "10", "per": "day"}]}
    yield "more requests", {**base, "requests_per_minute": 61}
    yield "requests without a limit", {k: v for k, v in base.items() if k != "requests_per_minute"}
    yield "targets by name", {**base, "targets": ["large"]}
    yield "every name", {**base, "models": ["*"]}
    yield "another route", {**base, "routes": ["both", "auto"]}
    yield "every route", {k: v for k, v in base.items() if k != "routes"}
    yield "a later end", {**base, "expires_in": "31d"}
    yield "no end", {k: v for k, v in base.items() if k != "expires_in"}
    yield "an administrator", {**base, "admin": True}
    yield "another organisation", {**base, "organisation": "other"}
    yield "a user of another organisation", {**base, "user": "oscar", "organisation": "other"}


def creators(points, office, secrets):
    def make(body):
        return office.ask("admin", "POST", "/keys", body, secrets["acme-admin"])

    for what, body in exceeding():
        refused(
            points, office, f"giving {what}", lambda b=body: make(b)[1], "exceeds_creator", False
        )  # the code alone: 403 for all
        rows = [r for r in office.stand.audit() if r[3] == "exceeds_creator"]
        points.point(
            rows and "acme-admin" in rows[-1][0], f"giving {what}: in the audit log", rows[-1:]
        )
    status, made = make(
        {
            "name": "less",
            "caps": [{"usd": "100", "per": "month"}],
            "requests_per_minute": 60,
            "expires_in": "1d",
            "routes": ["both"],
        }
    )
    points.point(status in (200, 201), "what it has it may give", status, made)


def other_tenants(points, office, secrets):
    """Nothing of the other tenant is there: to be seen, changed or guessed."""
    mine, admin = secrets["acme-admin"], "admin"
    theirs = next(k for k in office.stand.json("list")["keys"] if k["name"] == "other")
    for which in ("other", str(theirs["id"]), theirs["prefix"], secrets["other"], "other-admin"):
        for operation in ("revoke", "rotate", "acknowledge"):
            by = "its secret" if which == secrets["other"] else which
            what = f"{operation} of another tenant's key by {by}"
            refused(
                points,
                office,
                what,
                lambda o=operation, w=which: office.ask(
                    admin, "POST", f"/keys/{o}", {"which": w}, mine
                ),
                (404, "key_not_found"),
            )
    refused(
        points,
        office,
        "its key by id",
        lambda: office.ask(admin, "GET", f"/keys/{theirs['id']}", None, mine),
        (404, "key_not_found"),
        False,
    )
    for body in (
        {"organisation": "other"},
        {"user": "oscar", "organisation": "other"},
        {"key": "other"},
        {"organisation": "acme"},
    ):
        status, code = office.ask(
            admin, "POST", "/limits", {**body, "requests_per_minute": 1000}, mine
        )
        points.point(
            status in (403, 404)
            and code in ("exceeds_creator", "key_not_found", "scope_not_found"),
            f"limits of {body}",
            status,
            code,
        )
    seen = json.dumps(
        [office.ask(admin, "GET", path, None, mine)[1] for path in ("/keys", "/scopes")]
    )
    points.point("oscar" not in seen and '"other' not in seen, "lists show nothing of it", seen)
    points.point("ann" in seen and '"acme"' in seen, "and all of its own", seen)
    for path in ("/calls", "/report?by=key", "/targets", "/audit", "/audit/verify"):
        refused(
            points,
            office,
            f"{path} by an administrator of a part",
            lambda p=path: office.ask(admin, "GET", p, None, mine),
            (403, "admin_scope"),
        )


def clients(points, office, secrets):
    """A client's key administers nothing, wherever it knocks; and sees nothing where administrators
    do."""
    orders = (
        ("GET", "/keys", None),
        ("GET", "/scopes", None),
        ("GET", "/audit", None),
        ("GET", "/targets", None),
        ("POST", "/keys", {"name": "mine", "admin": True}),
        ("POST", "/keys/revoke", {"which": "other"}),
        ("POST", "/keys/rotate", {"which": "acme"}),
        ("POST", "/limits", {"key": "acme", "clear": True}),
    )
    for method, path, body in orders:
        for door, code in (("admin", "client_key"), ("front", "admin_only")):
            refused(
                points,
                office,
                f"{method} {path} with a client's key, {door}",
                lambda d=door, m=method, p=path, b=body: office.ask(d, m, p, b, secrets["acme"]),
                (403, code),
            )
    for path in ("/calls", "/report", "/calls/01a20099-3365-7316-8bc1-24a206f20e74"):
        refused(
            points,
            office,
            f"GET {path} with a client's key, admin",
            lambda p=path: office.ask("admin", "GET", p, None, secrets["acme"]),
            (403, "client_key"),
        )
        for name, code in (("", "invalid_api_key"), ("revoked", "key_revoked")):
            refused(
                points,
                office,
                f"GET {path} in front with {name or 'no'} key",
                lambda p=path, n=name: office.ask("front", "GET", p, None, secrets.get(n)),
                (401, code),
                name != "",
            )


def prepare(stand):
    stand.configure(more="admin: { listen: '127.0.0.1:0' }\n")
    stand.sluice.start()
    cap = ("--cap-usd", "100", "--per", "month")
    secrets = {
        "acme-admin": stand.json(
            "create",
            "--name",
            "acme-admin",
            "--admin",
            "--org",
            "acme",
            *cap,
            "--rpm",
            "60",
            "--route",
            "both",
            "--expires",
            "30d",
        )["key"],
        "other-admin": stand.json("create", "--name", "other-admin", "--admin", "--org", "other")[
            "key"
        ],
        "acme": stand.json("create", "--name", "acme", "--org", "acme", "--user", "ann")["key"],
        "other": stand.json("create", "--name", "other", "--org", "other", "--user", "oscar")[
            "key"
        ],
        "revoked": stand.json("create", "--name", "revoked", "--org", "acme")["key"],
        "expired": stand.json("create", "--name", "expired", "--expires", "1s")["key"],
        "rotated": stand.json("create", "--name", "rotated", "--org", "acme")["key"],
    }
    stand.json("revoke", "revoked")
    stand.json("rotate", "rotated", "--overlap", "0s")
    wait_until(lambda: stand.chat(secrets["expired"]).code == "key_expired", 10, "the key expired")
    return secrets


def run(points, program, directory):
    bodies = list(bad_bodies())
    mistakes = [bodies[at : at + AT_ONCE] for at in range(0, len(bodies), AT_ONCE)]
    for part in (bad_keys, *(owner_mistakes for _ in mistakes), creators, other_tenants, clients):
        stand = Stand(program, directory)
        secrets = prepare(stand)
        office = Office(stand)
        if part is owner_mistakes:
            part(points, office, mistakes.pop())
        else:
            part(points, office, secrets)
        status, out, err = stand.sluice.run("audit", "verify", "-c", stand.sluice.config)
        points.point(
            status == 0 and "is whole" in out + err,
            f"{part.__name__}: the audit log is whole",
            out,
            err,
        )
        log = stand.sluice.log()
        points.point(
            not any(s in log for s in secrets.values()), f"{part.__name__}: no secret is in the log"
        )
        recorded = json.dumps(stand.audit())
        points.point(
            not any(s in recorded for s in secrets.values()),
            f"{part.__name__}: nor in the audit log",
        )
        points.same(f"{part.__name__}: the process ends with 0", stand.close(), 0)
