# SPDX-License-Identifier: Apache-2.0
"""Sessions and weights over restarts, reloads and time, and explanations of them."""

import contextlib
import json
import os
import signal

from harness import http1
from harness.process import wait_until
from live import ExplainAgrees, Live, request

PREMIUM = ["x-sluice-min-tier: premium"]


class SessionsSurvive(Live):
    says = "Sessions survive kill -9, a restart and a reload with targets in another order"
    cheap = """\
  cheap: { provider: lab, model: cheap-1, tier: budget, context_tokens: 32000,
    price: { input_per_mtok: 1, output_per_mtok: 2 } }
"""
    dear = """\
  dear: { provider: lab, model: dear-1, tier: premium, context_tokens: 32000,
    price: { input_per_mtok: 10, output_per_mtok: 20 } }
"""
    targets = cheap + dear + "routes: { auto: { session: { sticky: true } } }\n"

    def ask(self, session, headers=(), model="auto"):
        client = http1.connect(self.sluice.port)
        client.send(
            request(
                model, headers=[f"x-sluice-session: {session}", "x-sluice-task: chat", *headers]
            )
        )
        answer = http1.read_answer(client)
        client.close()
        return answer.header("x-sluice-target"), answer.header("x-sluice-session")

    def expect_ask(self, session, wanted, headers=(), model="auto"):
        got = self.ask(session, headers, model)
        self.expect(got == wanted, f"session {session} at {model}: {got}, not {wanted}")

    def written(self, count):
        def rows():
            with contextlib.closing(self.sluice.database()) as database:
                return database.execute("SELECT count(*) FROM sessions").fetchone()[0] == count

        wait_until(rows, 10, f"{count} sessions are in the database")

    def reload(self, targets):
        self.targets = targets
        self.sluice.configure(self.config())
        taken = self.sluice.log().count('"reloaded"')
        self.sluice.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: self.sluice.log().count('"reloaded"') > taken, 10, "the configuration is taken"
        )

    def known(self, session, model):
        data = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]})
        client = http1.connect(self.sluice.port)
        client.send(
            f"POST /sluice/v1/explain HTTP/1.1\r\nHost: localhost\r\n"
            f"x-sluice-session: {session}\r\nContent-Length: {len(data)}\r\n\r\n{data}".encode()
        )
        answer = http1.read_answer(client)
        client.close()
        return answer.status == 200 and "session" in json.loads(answer.body)

    def play(self):
        self.expect_ask("one", ("dear", "new"), PREMIUM)
        self.expect_ask("one", ("dear", "kept"))
        self.written(1)
        self.sluice.kill()
        self.sluice.start()
        self.expect_ask("one", ("dear", "kept"))
        self.expect_ask("two", ("dear", "new"), PREMIUM)
        self.expect(self.sluice.stop() == 0, "it did not stop well")
        self.sluice.start()
        self.expect_ask("two", ("dear", "kept"))
        status, text, _ = self.sluice.run("explain", "--session", "two", "--json", "Hi")
        told = json.loads(text)
        self.expect(
            status == 0 and told["session"]["target"] == "dear"
            and told["plan"][0]["reason"] == "session",
            f"sluice explain says {status} {text}",
        )
        sticky = "routes: { auto: { session: { sticky: true } },"
        brief = " brief: { session: { sticky: true, ttl: 1s } } }\n"
        self.reload(self.dear + self.cheap + sticky + brief)
        self.expect_ask("two", ("dear", "kept"))
        wait_until(
            lambda: self.ask("two", PREMIUM, model="brief") == ("dear", "kept"),
            10,
            "the workers have the new configuration",
        )
        self.expect(self.known("two", "brief"), "explain does not know the session")
        wait_until(lambda: not self.known("two", "brief"), 10, "the session's time is over")
        self.expect_ask("two", ("cheap", "new"), model="brief")
        self.reload(self.cheap + "routes: { auto: { session: { sticky: true } } }\n")

        def moved():
            got = self.ask("two")
            self.expect(got[0] == "cheap" or got[1] == "kept", f"session two: {got}")
            return got == ("cheap", "moved; reason=gone")

        wait_until(moved, 10, "the session moves")
        self.expect_ask("two", ("cheap", "kept"))
        with open(f"{self.sluice.directory}/{self.sluice.ledger}", "rb") as file:
            self.expect(b"session: two" not in file.read(), "a session's name is in the database")


class SessionsAgree(ExplainAgrees):
    says = "Explain and the real path decide the same for conversations"
    targets = ExplainAgrees.targets.replace(
        "  auto: {", "  auto: { session: { sticky: true },"
    ).replace("  thrifty: {", "  thrifty: { session: { sticky: true, opening: false },")
    requests = 2000

    def random_request(self, source):
        made = super().random_request(source)
        if source.random() < 0.7:
            header = f"x-sluice-session: {id(source)}-{source.randrange(6)}\r\n".encode()
            made = made.replace(b"Host: localhost\r\n", b"Host: localhost\r\n" + header, 1)
        return made


class WeightsChange(Live):
    says = "New weights are in force after SIGHUP; damaged, cut, foreign and missing ones are not"
    targets = """\
  cheap: { provider: lab, model: small, tier: budget, price: { input_per_mtok: 1,
    output_per_mtok: 2 } }
classifier: { weights: weights.bin }
"""

    def path(self, name):
        return os.path.join(self.sluice.directory, name)

    def train(self, good, name):
        """Of texts about tea the small model answers `good` in ten."""
        with open(self.path("rows.jsonl"), "w", encoding="utf-8") as file:
            for i in range(200):
                what = ["classify", "summarize"][i % 2]
                row = {"id": i, "prompt": f"{what} a text about tea, part {i % 7}"}
                row["category"] = ["classification", "summarization"][i % 2]
                row["scores"] = {"small": float(i * 7 % 10 < good)}
                file.write(json.dumps(row) + "\n")
        status, _, says = self.sluice.run("train", "rows.jsonl", "-o", name)
        self.expect(status == 0, f"train: {says}")
        with open(self.path(name), "rb") as file:
            return file.read()

    def put(self, data):
        """As a file that is copied there: never half of it."""
        with open(self.path("next.bin"), "wb") as file:
            file.write(data)
        os.replace(self.path("next.bin"), self.path("weights.bin"))

    def success(self):
        client = http1.connect(self.sluice.port)
        real = request(text="classify a text about tea, part 3")
        client.send(real.replace(b"/v1/chat/completions", b"/sluice/v1/explain", 1))
        told = json.loads(http1.read_answer(client).body)
        client.close()
        self.expect(told.get("weights", "").endswith("weights.bin"), f"no weights in {told}")
        return told["plan"][0]["success"]

    def hang_up(self, event):
        seen = self.sluice.log().count(f'"{event}"')
        self.sluice.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.sluice.log().count(f'"{event}"') > seen, 10, f"{event} is logged")

    def run(self):
        self.good = self.train(9, "good.bin")
        self.bad = self.train(1, "bad.bin")
        self.put(self.good)
        return super().run()

    def play(self):
        high = self.success()
        self.put(self.bad)
        self.expect(self.success() == high, "weights count before SIGHUP")
        self.hang_up("reloaded")
        low = self.success()
        self.expect(low + 0.3 < high, f"good weights say {high}, bad ones {low}")
        middle = len(self.good) // 2
        flipped = self.good[:middle] + bytes([self.good[middle] ^ 1]) + self.good[middle + 1 :]
        for damaged in (flipped, self.good[:-1], b"", b"GGUF" + bytes(5000)):
            self.put(damaged)
            self.hang_up("reload_failed")
            self.expect(self.success() == low, "damaged weights changed what is in force")
        self.expect("checksum does not fit" in self.sluice.log(), "the log does not say why")
        os.remove(self.path("weights.bin"))
        self.hang_up("reload_failed")
        self.expect(self.success() == low, "missing weights changed what is in force")
        self.put(self.good)
        self.hang_up("reloaded")
        self.expect(self.success() == high, "what was good is not taken any more")


CONVERSATIONS = {
    "sessions_survive": SessionsSurvive,
    "sessions_agree": SessionsAgree,
    "weights_change": WeightsChange,
}
