/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What everything on one event loop shares: the libuv loop, the clock, one scratch buffer to read
 * into (so that idle connections own no read buffer), and deadlines. One thread per loop; nothing
 * here is locked.
 */
#ifndef SLUICE_NET_LOOP_H
#define SLUICE_NET_LOOP_H

#include "base/clock.h"
#include "base/slice.h"

#include <uv.h>

#define NET_SCRATCH_SIZE (64 * 1024)

/*
 * The machine's clocks as one event sees them: they are read once for an event of a stream or a
 * deadline, whose code asks for the time again and again. Elsewhere on the loop a reading may be as
 * old as the event before, and a millisecond.
 */
struct event_clock {
    struct clock clock;
    int64_t monotonic_ns; /* as read last; 0: to be read */
    int64_t wall_after;   /* the wall clock is ahead of the monotonic one by so many ns ... */
    uint64_t turn_ms;     /* ... at this time of the loop */
};

struct net_loop {
    uv_loop_t uv;
    const struct clock *clock; /* &event_clock.clock, or a test's */
    struct event_clock event_clock;
    char *scratch; /* NET_SCRATCH_SIZE bytes; valid until control returns to the loop */
};

/* Also ignores SIGPIPE for the process: a peer that left is an error code here, never a signal.
   `clock_system` is read once for an event, another clock each time. The loop must not move. */
MUST_USE bool net_loop_init(struct net_loop *loop, const struct clock *clock);
/* An event begins: the time is to be read again. */
static inline void net_loop_event(struct net_loop *loop)
{
    loop->event_clock.monotonic_ns = 0;
}
/* The loop must have no live handles. */
void net_loop_release(struct net_loop *loop);

/*
 * A deadline is a timer that is cheap to move: setting it later only stores the new time, and the
 * timer that is already armed re-arms itself when it fires early. Most deadlines of a proxy are
 * moved thousands of times and never fire.
 */
struct deadline {
    uv_timer_t timer;
    struct net_loop *loop;
    int64_t due_ns;   /* monotonic; 0: off */
    int64_t armed_ns; /* when the timer will fire; 0: not armed */
    void (*on_due)(struct deadline *deadline);
    void *owner;
};

void deadline_init(struct deadline *deadline, struct net_loop *loop,
                   void (*on_due)(struct deadline *), void *owner);
/* Fires on_due once, `ms` from now (loop time; at most DEADLINE_MS_MAX); replaces what was set. A
   cleared deadline may leave its timer armed, which keeps uv_run() going until deadline_close(). */
#define DEADLINE_MS_MAX (366ULL * 24 * 3600 * 1000)
void deadline_set(struct deadline *deadline, uint64_t ms);
void deadline_clear(struct deadline *deadline);
/* Closes the timer; `on_closed` (may be NULL) runs on a later turn, before it the memory must stay.
 */
void deadline_close(struct deadline *deadline, uv_close_cb on_closed);

#endif
