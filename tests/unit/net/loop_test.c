/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "tests/tap.h"

static struct net_loop loop;
static struct deadline deadline;
static int fired;
static int closed;

static void on_due(struct deadline *d)
{
    EXPECT(d == &deadline && d->owner == &fired);
    fired++;
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
    closed++;
}

static void open_loop(void)
{
    fired = 0;
    closed = 0;
    CHECK(net_loop_init(&loop, &clock_system));
    deadline_init(&deadline, &loop, on_due, &fired);
}

static void close_loop(void)
{
    deadline_close(&deadline, on_closed);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    EXPECT_INT(closed, 1);
    net_loop_release(&loop);
}

/* Runs until nothing is armed; how many ms of loop time that took. They are counted from the loop's
 * own time, as deadlines are: the clock may have gone on since. */
static int64_t run(void)
{
    uint64_t begun = uv_now(&loop.uv);

    uv_run(&loop.uv, UV_RUN_DEFAULT);
    return (int64_t)(uv_now(&loop.uv) - begun);
}

static void fires_once(void)
{
    open_loop();
    deadline_set(&deadline, 5);
    EXPECT(run() >= 5);
    EXPECT_INT(fired, 1);
    EXPECT(deadline.due_ns == 0 && deadline.armed_ns == 0);
    run();
    EXPECT_INT(fired, 1);
    deadline_set(&deadline, 0);
    run();
    EXPECT_INT(fired, 2);
    close_loop();
}

static void moves_later_without_touching_the_timer(void)
{
    open_loop();
    deadline_set(&deadline, 5);
    int64_t armed = deadline.armed_ns;
    for (int i = 0; i < 1000; i++) {
        deadline_set(&deadline, 20);
    }
    EXPECT_INT(deadline.armed_ns, armed);
    EXPECT(run() >= 20);
    EXPECT_INT(fired, 1);
    close_loop();
}

static void moves_earlier(void)
{
    open_loop();
    deadline_set(&deadline, 3600 * 1000);
    deadline_set(&deadline, 5);
    EXPECT(run() < 3600 * 1000);
    EXPECT_INT(fired, 1);
    close_loop();
}

static void does_not_fire_when_cleared(void)
{
    open_loop();
    deadline_set(&deadline, 5);
    deadline_clear(&deadline);
    run();
    EXPECT_INT(fired, 0);
    deadline_set(&deadline, 1);
    run();
    EXPECT_INT(fired, 1);
    close_loop();
}

static void does_not_fire_when_closed(void)
{
    open_loop();
    deadline_set(&deadline, 0);
    close_loop();
    EXPECT_INT(fired, 0);
}

static void takes_huge_times(void)
{
    open_loop();
    deadline_set(&deadline, UINT64_MAX);
    EXPECT(deadline.due_ns > 0);
    close_loop();
}

static void set_again(struct deadline *d)
{
    if (++fired < 3) {
        deadline_set(d, 1);
    }
}

static void may_be_set_when_it_fires(void)
{
    open_loop();
    deadline.on_due = set_again;
    deadline_set(&deadline, 1);
    run();
    EXPECT_INT(fired, 3);
    close_loop();
}

static int64_t wait_for_later(int64_t ns)
{
    int64_t now;

    do {
        now = clock_monotonic(&clock_system);
    } while (now <= ns);
    return now;
}

static void time_stands_still_within_an_event(void)
{
    open_loop();
    int64_t first = clock_monotonic(loop.clock);
    int64_t later = wait_for_later(first);
    EXPECT_INT(clock_monotonic(loop.clock), first);
    net_loop_event(&loop);
    EXPECT(clock_monotonic(loop.clock) >= later);
    int64_t apart = clock_wall(loop.clock) - clock_wall(&clock_system);
    EXPECT(apart > -NS_PER_S && apart < NS_PER_S);
    close_loop();
}

static int64_t seen;

static void see_time(struct deadline *d)
{
    (void)d;
    seen = clock_monotonic(loop.clock);
}

static void a_deadline_sees_the_time(void)
{
    open_loop();
    deadline.on_due = see_time;
    int64_t before = clock_monotonic(loop.clock);
    deadline_set(&deadline, 2);
    run();
    EXPECT(seen >= before + 2 * NS_PER_MS);
    uv_update_time(&loop.uv);
    uint64_t begun = uv_now(&loop.uv);
    before = clock_monotonic(loop.clock);
    while (uv_now(&loop.uv) == begun) {
        uv_update_time(&loop.uv);
    }
    EXPECT(clock_monotonic(loop.clock) > before); /* the loop has gone on: no event is as old */
    close_loop();
}

int main(void)
{
    TEST(fires_once, "fires once, not before its time");
    TEST(moves_later_without_touching_the_timer, "moving it later does not touch the timer");
    TEST(moves_earlier, "moving it earlier re-arms the timer");
    TEST(does_not_fire_when_cleared, "does not fire when cleared, and can be set again");
    TEST(does_not_fire_when_closed, "does not fire when closed");
    TEST(takes_huge_times, "takes any time without overflow");
    TEST(may_be_set_when_it_fires, "may be set again when it fires");
    TEST(time_stands_still_within_an_event, "time stands still until the next event");
    TEST(a_deadline_sees_the_time, "a deadline sees the time, and so does a later turn");
    return tap_done();
}
