/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/check.h"

#include <stddef.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec now;
    int status = clock_gettime(which, &now);
    CHECK(status == 0);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t system_monotonic(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

const struct clock clock_system = {
    .monotonic = system_monotonic,
    .wall = system_wall,
};

static int64_t manual_monotonic(const struct clock *clock)
{
    const struct clock_manual *manual = (const struct clock_manual *)(const void *)clock;
    return manual->monotonic_ns;
}

static int64_t manual_wall(const struct clock *clock)
{
    const struct clock_manual *manual = (const struct clock_manual *)(const void *)clock;
    return manual->wall_ns;
}

_Static_assert(offsetof(struct clock_manual, clock) == 0, "a clock_manual begins with its clock");

void clock_manual_init(struct clock_manual *manual, int64_t monotonic_ns, int64_t wall_ns)
{
    *manual = (struct clock_manual){
        .clock = {.monotonic = manual_monotonic, .wall = manual_wall},
        .monotonic_ns = monotonic_ns,
        .wall_ns = wall_ns,
    };
}

void clock_manual_advance(struct clock_manual *manual, int64_t ns)
{
    manual->monotonic_ns += ns;
    manual->wall_ns += ns;
}

/* Quotient rounded towards minus infinity, so that times before 1970 come out right. */
static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

struct civil_date {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

/*
 * Gregorian date of a day number since 1970-01-01. Counted in eras of 400 years that begin on 1
 * March, so that the leap day is the last day of a year and month lengths follow one formula.
 */
static struct civil_date civil_from_days(int64_t days)
{
    const int64_t days_per_era = 146097;
    const int64_t epoch_from_era_start = 719468;
    int64_t shifted = days + epoch_from_era_start;
    int64_t era = floor_div(shifted, days_per_era);
    int64_t day_of_era = shifted - era * days_per_era;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct civil_date){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static char *put_digits(char *out, int64_t value, int width, char after)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out[width] = after;
    return out + width + 1;
}

char *clock_format(int64_t wall_ns, char *buffer)
{
    int64_t seconds = floor_div(wall_ns, NS_PER_S);
    int64_t days = floor_div(seconds, 86400);
    int64_t second_of_day = seconds - days * 86400;
    int64_t ms = (wall_ns % NS_PER_S + NS_PER_S) % NS_PER_S / NS_PER_MS;
    struct civil_date date = civil_from_days(days);
    /* 64-bit nanoseconds end in 2262, so the year always has four digits. */
    char *out = put_digits(buffer, date.year, 4, '-');
    out = put_digits(out, date.month, 2, '-');
    out = put_digits(out, date.day, 2, 'T');
    out = put_digits(out, second_of_day / 3600, 2, ':');
    out = put_digits(out, second_of_day / 60 % 60, 2, ':');
    out = put_digits(out, second_of_day % 60, 2, '.');
    out = put_digits(out, ms, 3, 'Z');
    *out = '\0';
    return buffer;
}
