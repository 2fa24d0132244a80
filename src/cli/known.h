/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the servers of one's own that a configuration names what their models are and can do
 * (config/known_model.h): those on loopback, without TLS, all within DISCOVERY_PROBE_MS. For a
 * provider without targets its list is asked for, else what is told of the models that targets
 * name. Blocks as a probe does; opens no connection where there is no such provider.
 */
#ifndef SLUICE_CLI_KNOWN_H
#define SLUICE_CLI_KNOWN_H

#include "cli/discovery.h"

struct known_server {
    struct slice provider;
    bool answered;
    bool listed;     /* its list is what was asked for: its models become targets */
    size_t models;   /* of them, those that do */
    size_t left_out; /* and those that are too many */
};

struct known {
    struct arena arena;
    struct known_models models;
    struct known_server servers[PROBES_MAX];
    size_t server_count;
};

/* True: somebody was asked. *ret_known is to be released in any case. */
bool known_ask(const struct snapshot *snapshot, const struct clock *clock, struct known *ret_known);
void known_release(struct known *known);

#endif
