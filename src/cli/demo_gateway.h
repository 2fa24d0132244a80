/* SPDX-License-Identifier: Apache-2.0 */
/* A real gateway on a thread of its own, for the demo: configuration text in, port out, ledger in a
 * new directory below the system's temporary one that is removed afterwards. */
#ifndef SLUICE_CLI_DEMO_GATEWAY_H
#define SLUICE_CLI_DEMO_GATEWAY_H

#include "cli/demo_fleet.h"
#include "gateway/gateway.h"

struct demo_gateway {
    struct gateway gateway;
    struct snapshot *snapshot; /* of the run: a reference */
    char directory[64];
    char ledger[96];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready;
    bool over;
    bool ok;
    struct error error;
    uint16_t port;
};

/* A directory for the ledger. */
MUST_USE bool demo_gateway_directory(struct demo_gateway *demo, struct error *error);
MUST_USE bool demo_gateway_start(struct demo_gateway *demo, const struct demo_fleet *fleet,
                                 struct error *error);
/* Waits until the ledger has every record, drains, joins. */
void demo_gateway_stop(struct demo_gateway *demo);
/* Removes the directory. */
void demo_gateway_clean(struct demo_gateway *demo);

#endif
