# SPDX-License-Identifier: Apache-2.0
"""litellm of PyPI as a client of an OpenAI-compatible endpoint."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched from elsewhere

import litellm  # noqa: E402
from checks import main  # noqa: E402
from openai_chat import body, result_of  # noqa: E402

litellm.telemetry = False
litellm.suppress_debug_info = True


class Driver:
    name = "python litellm"
    retries = True

    def make(self, url, retries):
        return {
            "api_base": url + "/v1",
            "api_key": "sk-test",
            "num_retries": retries,
            "max_retries": retries,
            "timeout": 15,
        }

    def asked(self, client, request):
        made = body(request)
        made["model"] = "openai/" + made["model"]
        return {**made, **client}

    def run(self, client, request):
        return result_of(litellm.completion(**self.asked(client, request)))

    def stream(self, client, request):
        chunks = []
        asked = self.asked(client, request)
        stream = litellm.completion(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        try:
            for chunk in stream:
                chunks.append(chunk)
                yield chunk.choices[0].delta.content if chunk.choices else None
        finally:
            stream.completion_stream.close()
        return result_of(litellm.stream_chunk_builder(chunks, messages=asked["messages"]))

    def status(self, error):
        return getattr(error, "status_code", None)


if __name__ == "__main__":
    main(Driver())
