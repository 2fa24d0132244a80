# SPDX-License-Identifier: Apache-2.0
"""The providers that stand behind the gateway in the tests of SDKs and agents, one row each.
Where `dialect` is not None the preset has several, and this is the one."""

import collections

# The account of src/sim/sigv4.h: its key is temporary, so that the session's token is signed too.
AWS = """region: eu-central-1, access_key_id: ASIAIOSFODNN7EXAMPLE,
    secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY,
    session_token: "IQoJb3JpZ2luX2VjEXAMPLE/token+of//a/session==\""""

Back = collections.namedtuple("Back", "name preset path dialect credential")
KEY = "api_key: sk-back"
BACKS = (
    Back("openai", "openai-compatible", "/v1", "openai-chat", KEY),
    Back("responses", "openai", "/v1", "openai-responses", KEY),
    Back("anthropic", "anthropic", "/v1", "anthropic", KEY),
    Back("ollama", "ollama", "", "ollama", KEY),
    Back("gemini", "gemini", "/v1beta", "gemini", KEY),
    Back("bedrock", "bedrock", "", None, AWS),
)
EMBEDDING = ("openai", "responses", "ollama", "gemini")  # those that make vectors


def providers(fake):
    """Lines of the section `providers`: back-NAME for each."""
    return "".join(
        f"  back-{back.name}: {{ preset: {back.preset}, {back.credential},\n"
        + (f"    dialect: {back.dialect},\n" if back.dialect else "")
        + f'    base_url: "http://127.0.0.1:{fake}{back.path}" }}\n'
        for back in BACKS
    )
