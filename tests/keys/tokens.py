# SPDX-License-Identifier: Apache-2.0
"""Tokens of an identity provider, made and judged by PyJWT: those of every algorithm open, a matrix
of broken ones does not, and where PyJWT refuses nothing opens."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from harness import http1
from harness.process import wait_until
from stand import COST_ND, Server, Stand

ISSUER, AUDIENCE = "https://id.example", "sluice"
SETTINGS = (
    ", jwt: {{ issuer: '" + ISSUER + "', audience: " + AUDIENCE + ", {source}, leeway: 5s,"
    " max_age: 2h, claims: {{ {claims} }} }}"
)
EC_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class Issuer:
    """An identity provider: its keys by id, and what it publishes."""

    def __init__(self):
        one = rsa.generate_private_key(65537, 2048)
        self.keys = {
            "RS256": one, "RS384": one, "RS512": one, "PS256": one, "PS384": one, "PS512": one,
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "ES384": ec.generate_private_key(ec.SECP384R1()),
            "ES512": ec.generate_private_key(ec.SECP521R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
            "Ed448": ed448.Ed448PrivateKey.generate(),
        }  # fmt: skip

    def kid(self, name):
        return "rsa" if name[1] == "S" and name[0] in "RP" else name.lower()

    def jwk(self, name):
        algorithm = "EdDSA" if name.startswith("Ed") else name
        text = get_default_algorithms()[algorithm].to_jwk(self.keys[name].public_key())
        key = text if isinstance(text, dict) else json.loads(text)
        key = {member: value for member, value in key.items() if member != "key_ops"}
        return {**key, "kid": self.kid(name), "use": "sig"}

    def jwks(self, names=None):
        published = {self.kid(name): self.jwk(name) for name in names or self.keys}
        oct_key = {
            "kty": "oct",
            "kid": "shared",
            "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ",
        }
        return json.dumps({"keys": [*published.values(), oct_key]})

    def claims(self, **changes):
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now - 10, "nbf": now - 10,
            "exp": now + 600, "team": "red", "org": "acme",
        }  # fmt: skip
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, name="ES256", headers=None, **changes):
        algorithm = "EdDSA" if name.startswith("Ed") else name
        head = {"kid": self.kid(name), **(headers or {})}
        return jwt.encode(self.claims(**changes), self.keys[name], algorithm, head)


def encode(part):
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_mac(head, claims, secret):
    text = f"{encode(head)}.{encode(claims)}"
    return f"{text}.{encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def raw(issuer, head, claims):
    """Signed as ES256 should be, whatever head and claims (bytes) say."""
    text = f"{encode(head)}.{encode(claims)}"
    key = issuer.keys["ES256"]
    signature = get_default_algorithms()["ES256"].sign(text.encode(), key)
    return f"{text}.{encode(signature)}"


def flipped(token, part):
    pieces = token.split(".")
    letters = list(pieces[part])
    at = len(letters) // 2
    letters[at] = "A" if letters[at] != "A" else "B"
    pieces[part] = "".join(letters)
    return ".".join(pieces)


def broken_tokens(issuer):
    """(what, token, status, code)"""
    now = int(time.time())
    good = issuer.token()
    head, body, signature = good.split(".")
    public = issuer.keys["RS256"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    foreign = Issuer()
    es, claims = {"alg": "ES256", "kid": "es256"}, issuer.claims()
    plain = json.dumps(claims)[:-1]
    yield "no signature", f"{head}.{body}.", 401, "invalid_api_key"
    yield "none", f"{encode({'alg': 'none'})}.{body}.{signature}", 401, "token_algorithm"
    yield "None", f"{encode({'alg': 'NoNe', 'kid': 'es256'})}.{body}.AA", 401, "token_algorithm"
    yield (
        "the public key as a shared secret",
        with_mac({"alg": "HS256", "kid": "rsa"}, claims, pem), 401, "token_algorithm",
    )  # fmt: skip
    yield (
        "a shared key of the set",
        with_mac({"alg": "HS256", "kid": "shared"}, claims, b"secret-secret-secret-secret-1234"),
        401, "token_algorithm",
    )  # fmt: skip
    yield "another's key under a known id", foreign.token(), 401, "token_signature"
    yield "an unknown id", issuer.token(headers={"kid": "x"}), 401, "token_key_unknown"
    yield (
        "a key in the head",
        foreign.token(headers={"jwk": foreign.jwk("ES256"), "jku": "http://127.0.0.1:1/"}),
        401, "token_signature",
    )  # fmt: skip
    yield "RS256 read as PS256", flip_algorithm(issuer, "RS256", "PS256"), 401, "token_signature"
    yield "an extension", raw(
        issuer, {**es, "crit": ["b64"], "b64": False}, claims
    ), 401, "token_algorithm"
    yield "a logout token", raw(issuer, {**es, "typ": "logout+jwt"}, claims), 401, "token_algorithm"
    yield "a changed head", flipped(good, 0), 401, None
    yield "changed claims", flipped(good, 1), 401, "token_signature"
    yield "a changed signature", flipped(good, 2), 401, "token_signature"
    yield "padding", good + "=", 401, "token_malformed"
    yield "four parts", good + ".AAAA", 401, "invalid_api_key"
    yield "another issuer", issuer.token(iss=ISSUER + "/"), 401, "token_issuer"
    yield "no issuer", issuer.token(iss=None), 401, "token_issuer"
    yield "another audience", issuer.token(aud="other"), 401, "token_audience"
    yield "audiences without ours", issuer.token(aud=["a", "b"]), 401, "token_audience"
    yield "no audience", issuer.token(aud=None), 401, "token_audience"
    yield "expired", issuer.token(exp=now - 6), 401, "token_expired"
    yield "no end", issuer.token(exp=None), 403, "token_claims"
    yield "an end in words", raw(issuer, es, {**claims, "exp": str(now + 600)}), 403, "token_claims"
    yield "not yet", issuer.token(nbf=now + 60), 401, "token_not_yet_valid"
    yield "issued tomorrow", issuer.token(iat=now + 86400), 401, "token_not_yet_valid"
    yield "issued long ago", issuer.token(iat=now - 8000), 401, "token_too_old"
    yield "no time of issue", issuer.token(iat=None), 403, "token_claims"
    yield "no subject", issuer.token(sub=None), 403, "token_claims"
    yield "a subject that is a number", raw(issuer, es, {**claims, "sub": 7}), 403, "token_claims"
    yield "no team", issuer.token(team=None), 403, "token_claims"
    yield "two teams", issuer.token(team=["red", "blue"]), 403, "token_claims"
    yield "a team with a colon", issuer.token(team="red:blue"), 403, "token_claims"
    yield "a team with a line end", issuer.token(team="red\r\nx: y"), 403, "token_claims"
    yield "an organisation of 64", issuer.token(org="x" * 64), 403, "token_claims"
    yield "a claim twice", raw(
        issuer, es, f'{plain},"sub":"bob"}}'.encode()
    ), 401, "token_malformed"
    yield "an escaped claim twice", raw(
        issuer, es, f'{plain},"s\\u0075b":"bob"}}'.encode()
    ), 401, "token_malformed"
    yield "claims that end too late", raw(
        issuer, es, f"{plain}}} ,".encode()
    ), 401, "token_malformed"
    yield "claims that are a list", raw(issuer, es, [claims]), 401, "token_malformed"
    yield "claims of 9 KB", issuer.token(pad="x" * 9000), 401, "token_malformed"


def flip_algorithm(issuer, have, want):
    _, body, _ = issuer.token(have).split(".")
    text = f"{encode({'alg': want, 'kid': 'rsa'})}.{body}"
    signature = get_default_algorithms()[have].sign(text.encode(), issuer.keys[have])
    return f"{text}.{encode(signature)}"


def oracle_accepts(issuer, token):
    try:
        name = jwt.get_unverified_header(token)["kid"]
        keys = jwt.PyJWKSet.from_json(issuer.jwks())
        if name == "ed448":  # which PyJWT verifies, but does not find in a set
            key = issuer.keys["Ed448"].public_key()
        else:
            key = next(k for k in keys.keys if k.key_id == name and k.key_type != "oct").key
        allowed = list(EC_OF) + ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
        jwt.decode(token, key, allowed, audience=AUDIENCE, issuer=ISSUER, leeway=5)
    except (jwt.PyJWTError, KeyError, StopIteration, ValueError, TypeError):
        return False
    return True


CLAIMS = "team: team, organisation: org"


def matrix(points, stand, issuer):
    for name in issuer.keys:
        token = issuer.token(name)
        answer = stand.chat(token)
        points.point(
            answer.status == 200 and oracle_accepts(issuer, token),
            f"a token signed with {name} opens", answer.status, answer.body,
        )  # fmt: skip
    asked = stand.asked
    for what, token, status, code in broken_tokens(issuer):
        answer = stand.chat(token)
        good = answer.status == status and code in (None, answer.code)
        points.point(
            good, f"a token with this fault is refused: {what}", answer.status, answer.body
        )
        if status == 401 and oracle_accepts(issuer, token):
            print(f"# PyJWT takes it: {what}")
    points.same("of the refused ones none reached the provider", stand.asked, asked)
    listed = stand.request("GET", "/v1/models", None, {"Authorization": "Bearer " + issuer.token()})
    points.same("a token opens the list of models", listed.status, 200)
    for header in ("x-api-key", "x-goog-api-key"):
        answer = stand.chat(None, headers={header: issuer.token()})
        points.same(f"a token opens in {header}", answer.status, 200)


def spending(points, stand, issuer):
    """Of a subject, its team and organisation."""
    stand.json("limit", "team:blue", "--org", "acme", "--cap-usd", "0.00033", "--per", "total")
    used = [stand.chat(issuer.token(sub="bob", team="blue")).status for _ in range(2)]
    other = stand.chat(issuer.token(sub="cid", team="blue"))
    refused = stand.chat(issuer.token(sub="cid", team="blue"))
    points.same("a team's cap holds for its members", used + [other.status], [200, 200, 200])
    points.same("and refuses the next of another member", refused.code, "cap_exceeded")
    answer = stand.chat(issuer.token(sub="bob", team="red"))
    points.same("the same subject spends for the team of its token", answer.status, 200)
    stand.settled(len(issuer.keys) + 6)
    spent = dict(
        stand.rows(
            "SELECT name, sum(cost_nd) FROM calls JOIN names ON names.id = key_name"
            " WHERE name IN ('jwt:bob', 'jwt:cid') AND status = 200 GROUP BY 1"
        )
    )
    points.same("the ledger has it by subject", spent, {"jwt:bob": 3 * COST_ND, "jwt:cid": COST_ND})
    keys = [key["name"] for key in stand.json("list")["keys"]]
    points.point(
        sorted(name for name in keys if name.startswith("jwt:"))
        == ["jwt:ann", "jwt:bob", "jwt:cid"],
        "each subject has one key, whatever its tokens say else", keys,
    )  # fmt: skip
    long_one = issuer.token(sub="auth0|" + "x" * 200)
    odd_one = issuer.token(sub="line\r\nend'; DROP TABLE keys; --")
    points.same(
        "subjects that are no names",
        [stand.chat(t).status for t in (long_one, odd_one)],
        [200, 200],
    )
    made = [row for row in stand.audit() if row[1] == "key.subject"]
    points.same("the audit log has each new subject", len(made), 5)
    stand.json("limit", "key:jwt:ann", "--rpm", "0")
    points.same("a subject has limits as any key", stand.chat(issuer.token()).code, "rate_limited")
    stand.json("limit", "key:jwt:ann", "--rpm", "none")


def revoking(points, stand, issuer):
    token = issuer.token(sub="dora")
    points.same("a subject before it is revoked", stand.chat(token).status, 200)
    status, out, err = stand.key("rotate", "jwt:dora")
    points.point(
        status != 0 and "no secret" in err + out, "a subject's key is not rotated", out, err
    )
    status, out, err = stand.key("create", "--name", "jwt:eve")
    points.point(status != 0, "no key is named like a subject", out, err)
    stand.json("revoke", "jwt:dora")
    answers = [stand.chat(t).code for t in (token, issuer.token(sub="dora", team="blue"))]
    points.same("no token opens for a revoked subject", answers, ["key_revoked"] * 2)
    tampered = token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)
    points.same("a digest is of the whole token", stand.chat(tampered).code, "token_signature")


def revoking_between(points, stand, issuer):
    """While the body of its request is on its way."""
    token = issuer.token(sub="gwen", jti="of-gwen")
    points.same("a token before its request", stand.chat(token).status, 200)
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    asked = stand.asked
    with contextlib.closing(http1.connect(stand.sluice.port, 20)) as connection:
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer " + token.encode() + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body[:20]
        )
        time.sleep(0.2)
        stand.json("revoke", "--token", "of-gwen", "--expires", "1h")
        connection.send(body[20:])
        answer = http1.read_answer(connection)
    points.point(
        answer.status == 401 and b"token_revoked" in answer.body,
        "a token that is revoked while its request is received is refused",
        answer.start,
        answer.body,
    )
    points.same("and asks no provider", stand.asked, asked)


def revoking_one(points, stand, issuer):
    """One token by its id; others of its subject open on."""
    one, two = (issuer.token(sub="finn", jti=name) for name in ("of-finn-1", "of-finn-2"))
    points.same("both open", [stand.chat(t).status for t in (one, two)], [200, 200])
    told = stand.json("revoke", "--token", "of-finn-1", "--expires", "1h")
    points.same("its id is told", (told["token"], told["revoked"]), ("of-finn-1", True))
    codes = [stand.chat(one).code for _ in range(8)]  # (of all workers)
    points.same("it opens nothing any more", codes, ["token_revoked"] * 8)
    again = issuer.token(sub="finn", jti="of-finn-1", nonce="x")
    points.same("nor does another with its id", stand.chat(again).code, "token_revoked")
    points.same("another one of the subject does", stand.chat(two).status, 200)
    points.same("one without an id does", stand.chat(issuer.token(sub="finn")).status, 200)
    status, out, err = stand.key("revoke", "--token", two)  # a whole one knows its id and its end
    points.point(status == 0 and two not in out + err, "by the whole token", out, err)
    points.same("by the whole token it is over, too", stand.chat(two).code, "token_revoked")
    ends = [row[0] for row in stand.rows("SELECT ends_s FROM revoked_tokens ORDER BY revoked_s")]
    now = time.time()
    points.point(
        all(now + 500 < end - 86400 < now + 4000 for end in ends), "kept until they end", ends, now
    )
    before = stand.rows("SELECT * FROM revoked_tokens")
    mistakes = (
        ((), "name a key"),
        (("ann", "--token", "x"), "name a key"),
        (("--token", ""), "invalid_body"),
        (("--token", "a\nb"), "bad_token_id"),
        (("--token", "x" * 256), "bad_token_id"),
        (("--token", issuer.token()), "no id (jti)"),
        (("--token", "x", "--expires", "-1h"), "bad_duration"),
        (("--token", "x", "--expires", "11y"), "bad_duration"),
    )
    for arguments, code in mistakes:
        status, out, err = stand.key("revoke", *arguments)
        points.point(
            status != 0
            and code in out + err
            and stand.rows("SELECT * FROM revoked_tokens") == before,
            f"revoking {str(arguments)[:40]}: {code}",
            status,
            out,
            err,
        )
    log = [row for row in stand.audit() if row[1] == "token.revoke"]
    points.same(
        "the audit log names them", [row[2] for row in log], ["token:of-finn-1", "token:of-finn-2"]
    )
    points.point(two not in json.dumps(stand.audit()), "and has no token in it")
    stand.sluice.stop()
    stand.sluice.start()
    points.same("it holds over a restart", stand.chat(one).code, "token_revoked")


def grants(points, stand, issuer):
    stand.configure(keys=SETTINGS.format(source="jwks_file: keys.json", claims="models: allowed"))
    stand.sluice.process.send_signal(1)

    def of(allowed):
        return issuer.token(sub="gus", allowed=allowed)

    wait_until(lambda: stand.chat(of([])).status == 403, 10, "the new claims are in force")
    points.same(
        "a list opens what it holds", stand.chat(of(["small", "large"]), "large").status, 200
    )
    points.same("and nothing else", stand.chat(of(["small"]), "large").code, "model_not_found")
    points.same("words in one string", stand.chat(of("sm* x"), "small").status, 200)
    points.same(
        "words in one string, and no others",
        stand.chat(of("sm* x"), "large").code,
        "model_not_found",
    )
    listed = stand.request("GET", "/v1/models", None, {"Authorization": "Bearer " + of(["small"])})
    names = [model["id"] for model in listed.json()["data"]]
    points.same("the list of models is that of the token", names, ["small"])
    for allowed in (None, [], "", [7], {"small": True}):
        answer = stand.chat(of(allowed))
        points.same(f"a claim that says nothing: {allowed!r}", answer.code, "token_claims")


def file_rotation(points, stand, issuer):
    other = Issuer()
    stand.write("keys.json", other.jwks())
    stand.sluice.process.send_signal(1)
    wait_until(lambda: stand.chat(other.token(allowed="*")).status == 200, 10, "new keys are read")
    points.same(
        "a token of the old keys", stand.chat(issuer.token(allowed="*")).code, "token_signature"
    )
    stand.write("keys.json", "{}")
    stand.sluice.process.send_signal(1)
    wait_until(lambda: "reload_failed" in stand.sluice.log(), 10, "the reload is refused")
    points.same(
        "after keys that are none the old ones stay",
        stand.chat(other.token(allowed="*")).status,
        200,
    )


def published(points, stand, issuer):
    """Keys at a URL: before they are there, when they change, and when the place is down."""
    state = {"status": 503, "body": "", "asked": 0}

    def publish(handler):
        state["asked"] += 1
        handler.answer(state["status"], state["body"].encode())

    server = Server(publish)
    url = f"jwks_url: 'http://127.0.0.1:{server.port}/jwks?a=b', jwks_refresh: 1s"
    stand.configure(keys=SETTINGS.format(source=url, claims=CLAIMS))
    stand.sluice.process.send_signal(1)
    wait_until(
        lambda: stand.chat(issuer.token()).code == "jwks_unavailable", 10, "there are no keys yet"
    )
    wait_until(lambda: state["asked"] > 0, 10, "the keys are asked for")
    state.update(status=200, body=issuer.jwks())
    wait_until(lambda: stand.chat(issuer.token()).status == 200, 20, "the keys came")
    points.point(True, "keys that come late are taken")
    other = Issuer()
    broken = json.loads(issuer.jwks())
    broken["keys"].insert(0, {"kty": "AKP", "kid": "of-tomorrow", "alg": "ML-DSA-44"})
    broken["keys"].insert(1, {"kty": "EC", "crv": "P-256", "kid": "cut-off", "x": "AQAB"})
    broken["keys"].insert(2, 7)
    state.update(body=json.dumps(broken))
    for kid in ("of-tomorrow", "cut-off"):
        wait_until(
            lambda k=kid: re.search(f'jwks_key_skipped.*{k}', stand.sluice.log()), 10,
            f"{kid} is warned of",
        )  # fmt: skip
    points.same("beside broken keys the good ones serve", stand.chat(issuer.token()).status, 200)
    state.update(body=other.jwks())
    wait_until(lambda: stand.chat(other.token()).status == 200, 20, "the new keys came")
    points.same("a token of keys that are gone", stand.chat(issuer.token()).code, "token_signature")
    state.update(status=200, body='{"keys": []}')
    before = state["asked"]
    wait_until(lambda: state["asked"] > before + 1, 20, "the broken keys were asked for twice")
    points.same("the last good keys stay in force", stand.chat(other.token()).status, 200)
    server.close()
    points.same("also when nobody answers", stand.chat(other.token()).status, 200)


def optional(points, stand, issuer):
    stand.configure(
        required="false", keys=SETTINGS.format(source="jwks_file: keys.json", claims=CLAIMS)
    )
    stand.write("keys.json", issuer.jwks())
    stand.sluice.process.send_signal(1)
    wait_until(lambda: stand.chat().status == 200, 10, "no key is required")
    points.same(
        "where keys are optional a foreign token is nobody's",
        stand.chat(Issuer().token()).status,
        200,
    )
    points.same(
        "an expired one of the issuer is refused",
        stand.chat(issuer.token(exp=int(time.time()) - 9)).code,
        "token_expired",
    )
    points.same("and one in force is somebody's", stand.chat(issuer.token(sub="ida")).status, 200)
    wait_until(
        lambda: stand.rows(
            "SELECT 1 FROM calls JOIN names ON names.id = key_name WHERE name = 'jwt:ida'"
        ),
        10,
        "the call is settled",
    )


def run(points, program, directory):
    issuer = Issuer()
    stand = Stand(program, directory)
    stand.write("keys.json", issuer.jwks())
    stand.configure(keys=SETTINGS.format(source="jwks_file: keys.json", claims=CLAIMS))
    stand.sluice.start()
    matrix(points, stand, issuer)
    spending(points, stand, issuer)
    revoking(points, stand, issuer)
    revoking_one(points, stand, issuer)
    revoking_between(points, stand, issuer)
    grants(points, stand, issuer)
    file_rotation(points, stand, issuer)
    published(points, stand, issuer)
    optional(points, stand, issuer)
    refused = {row[3] for row in stand.audit() if row[1] == "access"}
    points.point(
        {"token_signature", "token_expired", "key_revoked"} <= refused,
        "refusals are audited",
        refused,
    )
    log = stand.sluice.log()
    points.point("eyJ" not in log, "no token is in the log")
    points.same("the process ends with 0", stand.close(), 0)
