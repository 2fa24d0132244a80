/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be used without a configuration file: providers whose key is in the environment (or in
 * .env), and model servers on this machine. The result is a configuration text that goes through
 * the same loader as any file; keys stay references to their variables, so the text holds no secret
 * and may be saved as sluice.yaml.
 */
#ifndef SLUICE_CLI_DISCOVERY_H
#define SLUICE_CLI_DISCOVERY_H

#include "base/clock.h"
#include "cli/probe.h"
#include "config/config.h"

#define DISCOVERY_PROBE_MS 150 /* all probes together */

struct discovered {
    const struct provider_preset *preset;
    struct slice
        where; /* "env OPENAI_API_KEY", ".env OPENAI_API_KEY", "127.0.0.1:11434": for the banner */
    struct slice base_url; /* as it is written to the text; empty: the preset's own */
    struct known_model *models; /* of a local server; NULL: the curated targets of the preset */
    size_t model_count;
    size_t left_out; /* that it has besides: they can be asked for as provider/model */
};

struct discovery {
    struct arena arena;
    struct discovered items[PROBES_MAX * 2];
    size_t count;
    size_t target_count; /* of all items */
};

/* Looks at the variables of all presets; with a clock also asks the local servers. `process` (part
   of `environment`) only tells the process's own variables from those of .env. */
void discovery_find(struct discovery *discovery, const struct config_environment *environment,
                    const struct config_environment *process, const struct clock *clock);
void discovery_release(struct discovery *discovery);
/* The configuration text. `ledger_path` NULL: no ledger. */
void discovery_write(const struct discovery *discovery, const char *ledger_path, struct buf *out);

/* What asks the preset's server at this address (empty: the preset's own). False: it is not on
   loopback, or needs TLS, so it is not asked. */
bool discovery_probe(struct probe *probe, const struct provider_preset *preset,
                     struct slice base_url, struct arena *arena);

/* An address as OLLAMA_HOST has it ("127.0.0.1:11434", "localhost", ":11434", "http://host:1") as a
   base URL. A wildcard means this machine. Empty: it cannot be one. */
struct slice discovery_ollama_url(const char *host, struct arena *arena);

#endif
