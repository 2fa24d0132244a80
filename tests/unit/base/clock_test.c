/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "tests/tap.h"

#include <time.h>

static void expect_text(int64_t wall_ns, const char *wanted)
{
    char text[CLOCK_TEXT_SIZE];
    EXPECT(clock_format(wall_ns, text) == text);
    if (strcmp(text, wanted) != 0) {
        printf("# %lld is %s, wanted %s\n", (long long)wall_ns, text, wanted);
    }
    EXPECT(strcmp(text, wanted) == 0);
}

static void test_formats_known_times(void)
{
    expect_text(0, "1970-01-01T00:00:00.000Z");
    expect_text(-1, "1969-12-31T23:59:59.999Z");
    expect_text(951782400 * NS_PER_S, "2000-02-29T00:00:00.000Z");
    expect_text(1700000000 * NS_PER_S + 123 * NS_PER_MS, "2023-11-14T22:13:20.123Z");
    expect_text(4107542400 * NS_PER_S, "2100-03-01T00:00:00.000Z");
    expect_text(4107542400 * NS_PER_S - 1, "2100-02-28T23:59:59.999Z");
    expect_text(INT64_MAX, "2262-04-11T23:47:16.854Z");
    expect_text(INT64_MIN, "1677-09-21T00:12:43.145Z");
}

/* Every day of 140 years agrees with the C library. */
static void test_agrees_with_gmtime(void)
{
    for (int64_t day = -365 * 30; day < 365 * 110; day++) {
        time_t seconds = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm parts;
        char wanted[32];
        char text[CLOCK_TEXT_SIZE];
        gmtime_r(&seconds, &parts);
        strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
        if (strcmp(clock_format((int64_t)seconds * NS_PER_S, text), wanted) != 0) {
            expect_text((int64_t)seconds * NS_PER_S, wanted);
            return;
        }
    }
}

static void test_manual_clock_turns_by_hand(void)
{
    struct clock_manual manual;
    clock_manual_init(&manual, 5, 1000);
    EXPECT_INT(clock_monotonic(&manual.clock), 5);
    EXPECT_INT(clock_wall(&manual.clock), 1000);
    clock_manual_advance(&manual, 20);
    EXPECT_INT(clock_monotonic(&manual.clock), 25);
    EXPECT_INT(clock_wall(&manual.clock), 1020);
}

static void test_system_clock_goes_forward(void)
{
    int64_t before = clock_monotonic(&clock_system);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic(&clock_system);
        EXPECT(now >= before);
        before = now;
    }
    int64_t wall = clock_wall(&clock_system);
    int64_t library = (int64_t)time(NULL) * NS_PER_S;
    EXPECT(wall > library - 5 * NS_PER_S && wall < library + 5 * NS_PER_S);
}

int main(void)
{
    TEST(test_formats_known_times, "times before 1970, leap days and the ends of the range");
    TEST(test_agrees_with_gmtime, "dates agree with the C library");
    TEST(test_manual_clock_turns_by_hand, "a manual clock moves only by hand");
    TEST(test_system_clock_goes_forward, "the machine's clocks are read");
    return tap_done();
}
