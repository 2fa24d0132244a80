/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test Anything Protocol in a header: a test program calls TEST() for each behaviour and returns
 * tap_done(). Names say the behaviour. A failing expectation prints where and what, and the test
 * point becomes "not ok".
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count;
static int tap_failures;
static bool tap_point_failed;

static inline void tap_begin(void)
{
    tap_point_failed = false;
}

static inline void tap_end(const char *name)
{
    tap_count++;
    if (tap_point_failed) {
        tap_failures++;
    }
    printf("%sok %d - %s\n", tap_point_failed ? "not " : "", tap_count, name);
    fflush(stdout);
}

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failures == 0 ? 0 : 1;
}

/* Runs a `static void function(void)` as one test point named after the behaviour. */
#define TEST(function, name)                                                                       \
    do {                                                                                           \
        tap_begin();                                                                               \
        function();                                                                                \
        tap_end(name);                                                                             \
    } while (0)

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            tap_point_failed = true;                                                               \
            printf("# %s:%d: expected %s\n", __FILE__, __LINE__, #condition);                      \
        }                                                                                          \
    } while (0)

#define EXPECT_INT(actual, wanted)                                                                 \
    do {                                                                                           \
        long long tap_a = (long long)(actual);                                                     \
        long long tap_w = (long long)(wanted);                                                     \
        if (tap_a != tap_w) {                                                                      \
            tap_point_failed = true;                                                               \
            printf("# %s:%d: %s is %lld, wanted %lld\n", __FILE__, __LINE__, #actual, tap_a,       \
                   tap_w);                                                                         \
        }                                                                                          \
    } while (0)

#define EXPECT_SLICE(actual, wanted_literal)                                                       \
    do {                                                                                           \
        struct slice tap_a = (actual);                                                             \
        const char *tap_w = (wanted_literal);                                                      \
        if (tap_a.len != strlen(tap_w) ||                                                          \
            (tap_a.len > 0 && memcmp(tap_a.ptr, tap_w, tap_a.len) != 0)) {                         \
            tap_point_failed = true;                                                               \
            printf("# %s:%d: %s is\n#   %.*s\n# wanted\n#   %s\n", __FILE__, __LINE__, #actual,    \
                   (int)tap_a.len, tap_a.ptr, tap_w);                                              \
        }                                                                                          \
    } while (0)

#endif
