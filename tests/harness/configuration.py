# SPDX-License-Identifier: Apache-2.0
"""The configuration of a server whose money is watched: keys, one provider with one priced target,
a ledger that is written often."""

INPUT_ND, OUTPUT_ND = 1000, 2000  # a token, of the target "small"

TEXT = """\
server: {{ listen: "{listen}", workers: {workers}{server} }}
log: {{ format: json, level: info, access: false }}
keys: {{ required: true }}
providers:
  lab: {{ preset: openai-compatible, base_url: "http://{upstream}/v1" }}
targets:
  small: {{ provider: lab, model: small-1, tier: premium, context_tokens: 100000,
    price: {{ input_per_mtok: 1, output_per_mtok: 2 }} }}
ledger: {{ path: ledger.db, segment_bytes: 1MB, sync: 20ms }}
"""


def configuration(listen, upstream, workers=2, server="", more=""):
    """`listen` and `upstream`: "host:port", or the port on the loopback; `server`: more of its
    section, as ", name: value"; `more`: more sections."""
    places = [p if isinstance(p, str) else f"127.0.0.1:{p}" for p in (listen, upstream)]
    text = TEXT.format(listen=places[0], upstream=places[1], workers=workers, server=server)
    return text + more


def cluster_section(node, postgres, more=""):
    """The section of a node; `more` as ", name: value"."""
    return f'cluster: {{ node: {node}, postgres: "{postgres}"{more} }}\n'
