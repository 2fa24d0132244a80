# SPDX-License-Identifier: Apache-2.0
"""Rows of the keys' tables that another program changed: what they limit is not known, so nothing
below them opens, which is said, until the owner takes them as they are."""

import contextlib
import os
import sqlite3

from bad_input import TABLES, Office
from stand import Stand

# (what, how, whose calls are refused then, what the log names)
EDITS = (
    ("a limit that is gone", "DELETE FROM limits WHERE kind = 2", ["one"], "team:1 red"),
    ("a cap that is gone", "DELETE FROM caps WHERE kind = 0", ["one"], "key:1 one"),
    ("caps that are larger", "UPDATE caps SET amount_nd = amount_nd * 9", ["one"], "key:1 one"),
    ("a key that lives again", "UPDATE keys SET revoked_s = 0", ["gone"], "key:3 gone"),
    ("a key of no team", "UPDATE keys SET team = 0 WHERE id = 1", ["one"], "key:1 one"),
    ("a client who administers", "UPDATE keys SET role = 1 WHERE id = 2", ["two"], "key:2 two"),
    ("a grant that is gone", "DELETE FROM grants", ["two"], "key:2 two"),
    ("a team that is gone", "DELETE FROM scopes", ["one"], "key:1 one"),
    ("an end that is gone", "UPDATE keys SET expires_s = 0 WHERE id = 2", ["two"], "key:2 two"),
)


def edit(stand, sql):
    with contextlib.closing(sqlite3.connect(os.path.join(stand.directory, "ledger.db"))) as opened:
        opened.executescript(sql)
        opened.commit()


def keep(stand):
    """What the tables have: SQL that puts it back."""
    with contextlib.closing(sqlite3.connect(os.path.join(stand.directory, "ledger.db"))) as opened:
        lines = [f"DELETE FROM {table};" for table in TABLES]
        for table in TABLES:
            for row in opened.execute(f"SELECT * FROM {table}"):
                quoted = [opened.execute("SELECT quote(?)", (v,)).fetchone()[0] for v in row]
                values = ", ".join(quoted)
                lines.append(f"INSERT INTO {table} VALUES({values});")
        return "\n".join(lines)


def asked(stand, secrets):
    answers = {name: stand.chat(secret) for name, secret in secrets.items()}
    return {name: (answer.status, answer.code) for name, answer in answers.items()}


def one_edit(points, stand, secrets, case):
    what, sql, refused, named = case
    edit(stand, sql)
    status, out, err = stand.sluice.run("ledger", "verify", "-c", stand.sluice.config)
    found = status == 1 and "sluice ledger verify: " in err
    points.point(found, f"{what}: verify", status, out, err)
    stand.sluice.start()
    want = {"one": (200, ""), "two": (200, ""), "gone": (401, "key_revoked")}
    want.update({name: (403, "key_damaged") for name in refused})
    points.same(f"{what}: what is below it is refused", asked(stand, secrets), want)
    told = [line for line in stand.sluice.log().splitlines() if "keys_damaged" in line]
    points.point(told and named in told[-1], f"{what}: the log names it", told[-1:])
    ready = stand.request("GET", "/readyz")
    points.point(ready.status == 200 and b"damaged" in ready.body, f"{what}: /readyz", ready.body)
    states = {key["name"]: key["state"] for key in stand.json("list")["keys"]}
    points.same(
        f"{what}: the list of keys says so",
        sorted(name for name in secrets if states[name] == "damaged"),
        sorted(refused),
    )
    stand.sluice.stop()


def owner(points, stand, secrets):
    """Nobody but the owner takes them as they are; then they are in force at once."""
    edit(stand, "UPDATE caps SET amount_nd = amount_nd * 2 WHERE kind = 0")
    stand.sluice.start()
    office = Office(stand)
    administrator = secrets.pop("ops")
    points.same("it is refused", asked(stand, secrets)["one"], (403, "key_damaged"))
    points.same(
        "an administrator does not say what keys are",
        office.ask("admin", "POST", "/keys/reseal", {}, administrator),
        (403, "exceeds_creator"),
    )
    points.same(
        "nor does a client",
        office.ask("admin", "POST", "/keys/reseal", {}, secrets["two"]),
        (403, "client_key"),
    )
    status, _, err = stand.key("limit", "one", "--rpm", "900")
    points.same("a change of a limit goes on", (status, "error" in err), (0, False))
    points.same("and makes nothing right", asked(stand, secrets)["one"], (403, "key_damaged"))
    points.same("the owner does", stand.json("reseal"), {"resealed": "key 1", "damaged": ""})
    points.same("it is served at once", asked(stand, secrets)["one"], (200, ""))
    acts = [row[1:4] for row in stand.audit() if row[1] == "key.reseal"]
    points.same(
        "it is in the audit log",
        acts,
        [("key.reseal", "", "exceeds_creator"), ("key.reseal", "key 1", "ok")],
    )
    points.same("nothing is wrong now", stand.json("reseal"), {"resealed": "", "damaged": ""})
    points.same("/readyz says nothing", stand.request("GET", "/readyz").body, b"ok\n")


def run(points, program, directory):
    stand = Stand(program, directory)
    stand.configure(more="admin: { listen: '127.0.0.1:0' }\n")
    stand.sluice.start()
    secrets = {
        "one": stand.json(
            "create", "--name", "one", "--team", "red", "--cap-usd", "5", "--per", "total"
        )["key"],
        "two": stand.json(
            "create", "--name", "two", "--model", "sm*", "--expires", "30d", "--rpm", "1000"
        )["key"],
        "gone": stand.json("create", "--name", "gone")["key"],
    }
    status, _, err = stand.key("limit", "team:red", "--cap-usd", "50", "--per", "week")
    assert status == 0, err
    assert stand.key("revoke", "gone")[0] == 0
    points.same(
        "before anybody touches them",
        asked(stand, secrets),
        {"one": (200, ""), "two": (200, ""), "gone": (401, "key_revoked")},
    )
    administrator = stand.json("create", "--name", "ops", "--admin")["key"]
    stand.sluice.stop()
    kept = keep(stand)
    for case in EDITS:
        one_edit(points, stand, secrets, case)
        edit(stand, kept)
    owner(points, stand, {**secrets, "ops": administrator})
    points.same("the process ends with 0", stand.close(), 0)
