#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a running gateway has learned is there after it was restarted, by a signal and by kill -9:
where conversations and tool loops are, what answers and the checks' words were worth, how long and
how dear answers turned out. Each is compared with what the same program said before, and with what
it says with an empty ledger."""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import http1  # noqa: E402
from harness.process import Sluice, wait_until  # noqa: E402

WRONG_SUM = "2 + 2 = 5, and so it is 4."
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CONFIGURATION = """
server: {{ listen: 127.0.0.1:{port}, workers: 2 }}
ledger: {{ path: ledger.db }}
providers:
  fake: {{ preset: openai-compatible, base_url: 'http://127.0.0.1:{fake}/v1' }}
targets:
  weak: {{ provider: fake, model: weak, tier: budget, context_tokens: 16000,
    price: {{ input_per_mtok: 1, output_per_mtok: 1, cache_read_per_mtok: 0.1 }} }}
  strong: {{ provider: fake, model: strong, tier: premium, context_tokens: 16000,
    price: {{ input_per_mtok: 10, output_per_mtok: 10, cache_read_per_mtok: 1 }} }}
routes:
  auto: {{ session: {{ sticky: true }} }}
  plain: {{ targets: [weak, strong] }}
  sums: {{ targets: [weak, strong], conservative: 0, escalate: {{ when: arithmetic }} }}
"""


class Provider(threading.Thread):
    """Calls a tool for "look", else says what its model says; 900 tokens of output each."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.sock.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        connection = http1.Connection(client)
        try:
            while (request := http1.read_request(connection)) is not None:
                client.sendall(self.answer(json.loads(request.body)))
        except (OSError, http1.Broken):
            client.close()

    def answer(self, body):
        message = {"role": "assistant", "content": "It is 4."}
        if body["messages"][-1]["content"] == "look":
            call = {"id": "call_1", "type": "function"}
            call["function"] = {"name": "look", "arguments": "{}"}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        elif body["model"] == "weak":
            message["content"] = WRONG_SUM
        usage = {"prompt_tokens": 1500, "completion_tokens": 900}
        usage["prompt_tokens_details"] = {"cached_tokens": 1400}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        text = json.dumps({"id": "r", "choices": [choice], "usage": usage}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
        return head.encode() + b"\r\n\r\n" + text


class Client:
    def __init__(self, sluice):
        self.sluice = sluice

    def post(self, path, body, **headers):
        text = json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        lines += [f"x-sluice-{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(text)}", "", ""]
        connection = http1.connect(self.sluice.port)
        connection.sock.sendall("\r\n".join(lines).encode() + text)
        answer = http1.read_answer(connection)
        connection.sock.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]}")
        return answer

    def chat(self, model, messages, **headers):
        body = {"model": model, "messages": messages, "tools": TOOLS}
        return self.post("/v1/chat/completions", body, **headers)

    def explain(self, model, messages, **headers):
        body = {"model": model, "messages": messages, "tools": TOOLS}
        return json.loads(self.post("/sluice/v1/explain", body, **headers).body)


def user(text):
    return {"role": "user", "content": text}


def loop():
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "far"}
    return [user("look"), {"role": "assistant", "content": None, "tool_calls": [call]}, result]


def teach(client):
    """Conversations, feedback, outcomes of a check; what there is to learn from each."""
    client.chat("auto", [user("What is it?")], session="talk", min_tier="premium")
    client.chat("plain", [user("look")], min_tier="premium")
    for _ in range(20):
        client.chat("sums", [user("What is 2 + 2?")], task="math")
    for _ in range(10):
        answer = client.chat("plain", [user("Fix it.")], task="translation", tags="letters")
        said = {"call_id": answer.header("x-sluice-call-id"), "score": 0.1}
        client.post("/sluice/v1/feedback", said)


def entry(explained, name):
    return next(e for e in explained["plan"] if e["target"] == name)


def state(client):
    """What is known, as its decisions show it."""
    talk = client.explain("auto", [user("Thanks!")], session="talk")
    made = client.explain("plain", loop())
    told = client.explain("plain", [user("Fix it.")], task="translation", tags="letters")
    sums = client.explain("sums", [user("What is 2 + 2?")], task="math")
    asked = client.chat("sums", [user("What is 2 + 2?")], task="math")
    return {
        "conversation": talk.get("session", {}).get("target"),
        "warm tokens": talk.get("session", {}).get("warm_tokens"),
        "tool loop": made.get("session", {}).get("target"),
        "success": round(float(entry(told, told["plan"][0]["target"])["success"]), 2),
        "first of the tag": told["plan"][0]["target"],
        "output": entry(sums, "weak")["expected_output_tokens"],
        "wrong sums are": asked.header("x-sluice-target"),
    }


def printed(sluice):
    """What the command line says of the same requests, without a server."""
    asked = {
        "told": ("plain", "Fix it.", {"task": "translation", "tags": ["letters"]}),
        "sums": ("sums", "What is 2 + 2?", {"task": "math"}),
    }
    said = {}
    for name, (model, text, wishes) in asked.items():
        path = os.path.join(sluice.directory, f"{name}.json")
        body = {"model": model, "messages": [user(text)], "tools": TOOLS, "sluice": wishes}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(body, file)
        text = sluice.run("explain", "--json", "-d", path, "-c", sluice.config)[1]
        said[name] = json.loads(text)
    first = said["told"]["plan"][0]["target"]
    return {
        "success": round(float(entry(said["told"], first)["success"]), 2),
        "first of the tag": first,
        "output": entry(said["sums"], "weak")["expected_output_tokens"],
    }


def compare(what, found, wanted, alike):
    failures = 0
    for name, value in wanted.items():
        if name not in found:
            continue
        same = found[name] == value
        if name == "output":  # each look at it is an answer more
            same = abs(found[name] - value) <= value * 0.03
        good = same == alike
        failures += not good
        print(f"{'ok' if good else 'not ok'} - {what}: {name} is {found[name]}, was {value}")
    return failures


def check(program, directory, provider):
    sluice = Sluice(program, directory)
    client = Client(sluice)
    failures = 0
    try:
        sluice.configure(CONFIGURATION.format(port=sluice.port, fake=provider.port))
        sluice.start()
        empty = state(client)
        teach(client)
        wait_until(lambda: state(client)["wrong sums are"] == "weak", 20, "the sums are learned")
        learned = state(client)
        differs = {name: value for name, value in empty.items() if name != "first of the tag"}
        failures += compare("before and after learning", learned, differs, False)
        for way in ("a signal", "kill -9"):
            # journaled at once, but for conversations: these within half a second
            wait_until(lambda: stored(sluice) >= 2, 20, "the conversations are written")
            if way == "kill -9":
                sluice.kill()
            elif sluice.stop() != 0:
                raise RuntimeError("it did not end well")
            else:
                failures += compare("explain on the command line", printed(sluice), learned, True)
            sluice.start()
            failures += compare(f"after {way}", state(client), learned, True)
        sluice.stop()
    finally:
        sluice.close()
    return failures


def stored(sluice):
    database = sluice.database()
    count = database.execute("SELECT count(*) FROM sessions").fetchone()[0]
    database.close()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", required=True)
    directory = tempfile.mkdtemp(prefix="restart.")
    provider = Provider()
    provider.start()
    try:
        failures = check(parser.parse_args().program, directory, provider)
    finally:
        provider.sock.close()
    if failures == 0:
        shutil.rmtree(directory)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
