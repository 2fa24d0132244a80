/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_keep.h"

#include "gateway/call_new.h"

#include <malloc.h>

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static struct call *unlink_first(struct call_keep *keep)
{
    struct call *call = keep->first;
    keep->first = call->next;
    keep->count--;
    return call;
}

static void trim(uv_work_t *work)
{
    (void)work;
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

static void trimmed(uv_work_t *work, int status)
{
    struct call_keep *keep = CONTAINER_OF(work, struct call_keep, trim);
    (void)status;
    keep->trimming = false;
}

static void trim_begin(struct call_keep *keep)
{
    if (!keep->trimming) {
        keep->trimming = uv_queue_work(keep->tick.timer.loop, &keep->trim, trim, trimmed) == 0;
    }
}

static void tick_set(struct call_keep *keep)
{
    keep->ticking = true;
    deadline_set(&keep->tick, CALLS_KEPT_TICK_MS);
}

static void on_tick(struct deadline *deadline)
{
    struct call_keep *keep = deadline->owner;
    unsigned needed = larger(keep->peak, keep->peak_before);
    unsigned wanted = larger(needed - keep->live, CALLS_KEPT_LEAST);
    while (keep->count > wanted) {
        call_destroy(unlink_first(keep));
    }
    keep->base = larger(keep->base, needed);
    if (keep->base >= CALLS_TRIM_LEAST && needed < keep->base / 2) {
        keep->base = needed;
        trim_begin(keep);
    }
    keep->peak_before = keep->peak;
    keep->peak = keep->live;
    keep->ticking = false;
    if (larger(larger(keep->live, needed), larger(keep->count, keep->base)) > CALLS_KEPT_LEAST) {
        tick_set(keep);
    }
}

void call_keep_init(struct call_keep *keep, struct net_loop *loop)
{
    *keep = (struct call_keep){.first = NULL};
    deadline_init(&keep->tick, loop, on_tick, keep);
}

void call_keep_close(struct call_keep *keep)
{
    keep->ticking = true; /* never again */
    deadline_close(&keep->tick, NULL);
}

struct call *call_keep_take(struct call_keep *keep)
{
    if (++keep->live > keep->peak) {
        keep->peak = keep->live;
        if (keep->live > CALLS_KEPT_LEAST && !keep->ticking) {
            tick_set(keep);
        }
    }
    return keep->first == NULL ? NULL : unlink_first(keep);
}

bool call_keep_give(struct call_keep *keep, struct call *call)
{
    keep->live--;
    if (keep->count >= CALLS_KEPT_MOST) {
        return false;
    }
    call->next = keep->first;
    keep->first = call;
    keep->count++;
    return true;
}

void call_keep_release(struct call_keep *keep)
{
    while (keep->first != NULL) {
        call_destroy(unlink_first(keep));
    }
}
