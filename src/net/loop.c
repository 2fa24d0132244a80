/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "base/check.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

/* --- the clock of events --- */

static struct net_loop *loop_of(const struct clock *clock)
{
    const struct event_clock *own = (const struct event_clock *)(const void *)clock;
    return (struct net_loop *)((uintptr_t)own - offsetof(struct net_loop, event_clock));
}

_Static_assert(offsetof(struct event_clock, clock) == 0, "an event_clock begins with its clock");

static int64_t event_monotonic(const struct clock *clock)
{
    struct net_loop *loop = loop_of(clock);
    struct event_clock *own = &loop->event_clock;
    uint64_t turn_ms = uv_now(&loop->uv);

    if (own->monotonic_ns == 0 || own->turn_ms != turn_ms) {
        own->monotonic_ns = clock_monotonic(&clock_system);
    }
    if (own->turn_ms != turn_ms) {
        own->turn_ms = turn_ms;
        own->wall_after = clock_wall(&clock_system) - own->monotonic_ns;
    }
    return own->monotonic_ns;
}

static int64_t event_wall(const struct clock *clock)
{
    int64_t monotonic_ns = event_monotonic(clock);
    return monotonic_ns + loop_of(clock)->event_clock.wall_after;
}

bool net_loop_init(struct net_loop *loop, const struct clock *clock)
{
    loop->event_clock = (struct event_clock){
        .clock = {.monotonic = event_monotonic, .wall = event_wall},
    };
    loop->clock = clock == &clock_system ? &loop->event_clock.clock : clock;
    loop->scratch = malloc(NET_SCRATCH_SIZE);
    if (loop->scratch == NULL) {
        return false;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop->scratch);
        loop->scratch = NULL;
        return false;
    }
    /* For who writes with write(2), which has no MSG_NOSIGNAL. */
    signal(SIGPIPE, SIG_IGN);
    return true;
}

void net_loop_release(struct net_loop *loop)
{
    CHECK(uv_loop_close(&loop->uv) == 0);
    free(loop->scratch);
    loop->scratch = NULL;
}

/* --- deadlines --- */

static int64_t loop_now(const struct net_loop *loop)
{
    return (int64_t)uv_now(&loop->uv) * NS_PER_MS;
}

static void deadline_arm(struct deadline *deadline, int64_t now_ns);

static void deadline_fired(uv_timer_t *timer)
{
    struct deadline *deadline = timer->data;
    int64_t now = loop_now(deadline->loop);

    net_loop_event(deadline->loop);
    deadline->armed_ns = 0;
    if (deadline->due_ns == 0) {
        return;
    }
    if (deadline->due_ns > now) {
        deadline_arm(deadline, now);
        return;
    }
    deadline->due_ns = 0;
    deadline->on_due(deadline);
}

static void deadline_arm(struct deadline *deadline, int64_t now_ns)
{
    deadline->armed_ns = deadline->due_ns;
    uint64_t ms = (uint64_t)((deadline->due_ns - now_ns) / NS_PER_MS);
    /* Fails only on a handle that is closing or without a callback: neither is input. */
    CHECK(uv_timer_start(&deadline->timer, deadline_fired, ms, 0) == 0);
}

void deadline_init(struct deadline *deadline, struct net_loop *loop,
                   void (*on_due)(struct deadline *), void *owner)
{
    CHECK(uv_timer_init(&loop->uv, &deadline->timer) == 0);
    deadline->timer.data = deadline;
    deadline->loop = loop;
    deadline->due_ns = 0;
    deadline->armed_ns = 0;
    deadline->on_due = on_due;
    deadline->owner = owner;
}

void deadline_set(struct deadline *deadline, uint64_t ms)
{
    int64_t now = loop_now(deadline->loop);

    if (ms > DEADLINE_MS_MAX) {
        ms = DEADLINE_MS_MAX;
    }
    deadline->due_ns = now + (int64_t)ms * NS_PER_MS;
    if (deadline->due_ns == 0) {
        deadline->due_ns = 1; /* 0 means off */
    }
    if (deadline->armed_ns == 0 || deadline->due_ns < deadline->armed_ns) {
        deadline_arm(deadline, now);
    }
}

void deadline_clear(struct deadline *deadline)
{
    deadline->due_ns = 0;
}

void deadline_close(struct deadline *deadline, uv_close_cb on_closed)
{
    deadline->due_ns = 0;
    uv_close((uv_handle_t *)&deadline->timer, on_closed);
}
