/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of a route want to know of a request before its text is read, and whom it stays
 * together with where a route draws by lot. Pure; slices point into the request or the arena.
 */
#ifndef SLUICE_GATEWAY_ASKER_H
#define SLUICE_GATEWAY_ASKER_H

#include "gateway/caller.h"
#include "model/chat.h"

struct asker {
    const struct caller *caller; /* NULL: nobody in particular */
    const struct chat *chat;
    const struct http_request *request; /* NULL: no headers */
    int64_t wall_ns;
    struct arena *arena;
};

/* Bits of the route's rules that may apply. */
uint64_t asker_rules(const struct asker *asker, const struct route *route);
/* The same for all requests that the route's `split` keeps together; a request that has no session,
 * user or key stands for itself (a hash of its bytes). Never the text itself. */
uint64_t asker_lot(const struct asker *asker, const struct route *route);

/* The same for a text that stands for the request. */
uint64_t asker_lot_of(const struct route *route, struct slice text);
/* Of the week, from Monday 0:00, in the process's time zone, which is that of the caps. */
unsigned asker_minute(int64_t wall_ns);

#endif
