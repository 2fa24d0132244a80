# SPDX-License-Identifier: Apache-2.0
"""Web pages that call: the question that a browser asks first, and what it may read afterwards."""

import signal

from harness.process import wait_until
from stand import Stand

PAGE, LISTED, FOREIGN = "https://app.example", "https://shop.example:8443", "https://evil.example"
CHAT = "/v1/chat/completions"


def ask(stand, origin, path=CHAT, method="POST", names="authorization,content-type", **more):
    headers = {"Access-Control-Request-Method": method}
    if origin is not None:
        headers["Origin"] = origin
    if names is not None:
        headers["Access-Control-Request-Headers"] = names
    headers.update(more)
    return stand.request("OPTIONS", path, None, headers)


def may(answer):
    return answer.headers.get("access-control-allow-origin")


def preflights(points, stand):
    for origin in (PAGE, LISTED, PAGE.upper()):
        answer = ask(stand, origin)
        points.same(
            f"a page of {origin} may call",
            (answer.status, may(answer), answer.headers.get("vary"), answer.body),
            (204, origin, "Origin", b""),
        )
        points.same(
            "with the headers that it asked for, for a while",
            [answer.headers.get("access-control-" + name) for name in ("allow-headers", "max-age")],
            ["authorization,content-type", "600"],
        )
    for origin in (FOREIGN, "null", PAGE + ".evil.example", PAGE + "/", "https://app.exampl", "*"):
        answer = ask(stand, origin)
        points.same(
            f"one of {origin} may not",
            (answer.status, answer.code, may(answer)),
            (403, "origin_not_allowed", None),
        )
    answer = ask(stand, PAGE, **{"Access-Control-Request-Private-Network": "true"})
    points.same(
        "a page of the internet may ask this machine",
        answer.headers.get("access-control-allow-private-network"),
        "true",
    )
    answer = ask(stand, PAGE, names="x\x01y")
    points.point(answer.status == 400, "names that are none", answer.status)
    answer = ask(stand, PAGE, names="a" * 1025)
    points.same(
        "names beyond the ceiling", answer.headers.get("access-control-allow-headers"), None
    )
    points.same("without an origin it is no question", ask(stand, None).status, 405)
    points.same("nobody is asked for paths that are not there", ask(stand, PAGE, "/x").status, 404)
    for path in ("/sluice/v1/keys", "/sluice/v1/calls", "/metrics"):
        answer = ask(stand, PAGE, path)
        points.same(f"never for {path}", (answer.status, may(answer)), (405, None))
    answer = ask(stand, PAGE, "/v1/models", "GET")
    points.same("the list of models is for pages, too", may(answer), PAGE)


def calls(points, stand, secrets):
    answer = stand.chat(secrets["open"], headers={"Origin": PAGE})
    points.same("its script may read the answer", (answer.status, may(answer)), (200, PAGE))
    points.same("and all of its headers", answer.headers.get("access-control-expose-headers"), "*")
    answer = stand.chat("sk-sl-wrong", headers={"Origin": PAGE})
    points.same("and an error", (answer.status, may(answer)), (401, PAGE))
    answer = stand.chat(secrets["listed"], headers={"Origin": LISTED})
    points.same("the page that its key lists", (answer.status, may(answer)), (200, LISTED))
    asked = stand.asked
    answer = stand.chat(secrets["listed"], headers={"Origin": PAGE})
    points.same(
        "another page with that key", (answer.status, answer.code), (403, "origin_not_allowed")
    )
    points.same("is not served", stand.asked, asked)
    answer = stand.chat(secrets["open"], headers={"Origin": FOREIGN})
    points.same("a script of a foreign page may not read", may(answer), None)
    answer = stand.chat(secrets["open"])
    points.same(
        "who is no page gets none of it", (may(answer), answer.headers.get("vary")), (None, None)
    )
    body = {"model": "small", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Authorization": "Bearer " + secrets["open"], "Origin": PAGE}
    answer = stand.request("POST", CHAT, body, {**headers, "Content-Type": "application/json"})
    points.same("a stream may be read as well", may(answer), PAGE)


def run(points, program, directory):
    stand = Stand(program, directory)
    stand.configure(server=f', cors: {{ origins: ["{PAGE}"] }}')
    stand.sluice.start()
    secrets = {
        "open": stand.json("create", "--name", "open")["key"],
        "listed": stand.json("create", "--name", "listed", "--origin", LISTED)["key"],
    }
    preflights(points, stand)
    calls(points, stand, secrets)
    stand.json("revoke", "listed")
    points.same("the origin of a revoked key is nobody's", ask(stand, LISTED).status, 403)
    stand.configure(server=', cors: { origins: ["*"], max_age: 1h }')
    stand.sluice.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ask(stand, FOREIGN).status == 204, 10, "every page may call")
    points.same(
        "for as long as is configured",
        ask(stand, FOREIGN).headers.get("access-control-max-age"),
        "3600",
    )
    stand.configure(required="false", server=f', cors: {{ origins: ["{PAGE}"] }}')
    stand.sluice.process.send_signal(signal.SIGHUP)
    wait_until(lambda: stand.chat().status == 200, 10, "no key is required")
    points.same("also where no key is required", ask(stand, PAGE).status, 204)
    points.same("others still may not", ask(stand, FOREIGN).status, 403)
    answer = ask(stand, PAGE, Host="evil.example")
    points.same("a name that was bound to this address", (answer.status, may(answer)), (405, None))
    points.same("the process ends with 0", stand.close(), 0)
