/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are over are kept, with a bounded part of their memory, for those that come, so that a
 * steady load allocates nothing for them, however many are under way at once. As many are kept as
 * that load needs: what was not under way within the last second is freed, but for a few. When far
 * fewer calls are under way than before, the heap gives its free pages back to the system too, on a
 * thread of the pool. One worker's; its thread.
 */
#ifndef SLUICE_GATEWAY_CALL_KEEP_H
#define SLUICE_GATEWAY_CALL_KEEP_H

#include "net/loop.h"

struct call;

#define CALLS_KEPT_LEAST 64u  /* however few are under way */
#define CALLS_KEPT_MOST 8192u /* however many */
#define CALLS_TRIM_LEAST 128u /* fewer are not worth a trim of the heap */
#define CALLS_KEPT_TICK_MS 500

struct call_keep {
    struct call *first;
    unsigned count;
    unsigned live;        /* under way */
    unsigned peak;        /* of these since the last tick */
    unsigned peak_before; /* and in the tick before it */
    unsigned base;        /* most that were under way at once since the last trim */
    struct deadline tick; /* while more than a few are live or kept */
    bool ticking;
    uv_work_t trim;
    bool trimming;
};

void call_keep_init(struct call_keep *keep, struct net_loop *loop);
/* Closes the handle, with the loop still running; calls may still be taken and given back. */
void call_keep_close(struct call_keep *keep);
/* A call begins: one that is kept, or NULL when there is none. */
struct call *call_keep_take(struct call_keep *keep);
/* A call is over. False: it must be destroyed. */
bool call_keep_give(struct call_keep *keep, struct call *call);
/* Really frees what is kept. */
void call_keep_release(struct call_keep *keep);

#endif
