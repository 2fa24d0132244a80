/* SPDX-License-Identifier: Apache-2.0 */
#include "store/budget_internal.h"

#include <time.h>

#define DAY_S 86400

static int64_t second_of_day(const struct tm *tm)
{
    return (tm->tm_hour * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

/* The day's first moment. Where clocks go back to midnight there are two midnights, and mktime()
 * takes either, as it happens: the first one, on all nodes and after every start. Where they go
 * forward at midnight there is none, and mktime() may take a time of the evening before. */
static int64_t midnight(struct tm day)
{
    struct tm before;
    day.tm_hour = 0;
    day.tm_min = 0;
    day.tm_sec = 0;
    day.tm_isdst = -1;
    time_t start = mktime(&day);
    if (day.tm_hour >= 12) {
        return (int64_t)start + DAY_S - second_of_day(&day);
    }
    time_t last = start - 1;
    if (localtime_r(&last, &before) != NULL && before.tm_mday == day.tm_mday) {
        start -= second_of_day(&before) + 1;
    }
    return (int64_t)start;
}

void budget_period(enum cap_period period, int64_t wall_s, int64_t *ret_start_s, int64_t *ret_end_s)
{
    time_t seconds = (time_t)wall_s;
    struct tm first = {.tm_isdst = -1};
    struct tm next;
    if (localtime_r(&seconds, &first) == NULL) { /* a year beyond all reckoning */
        *ret_start_s = wall_s;
        *ret_end_s = wall_s + DAY_S;
        return;
    }
    if (period == CAP_WEEK) {
        first.tm_mday -= (first.tm_wday + 6) % 7;
    } else if (period == CAP_MONTH) {
        first.tm_mday = 1;
    }
    next = first;
    if (period == CAP_MONTH) {
        next.tm_mon++;
    } else {
        next.tm_mday += period == CAP_WEEK ? 7 : 1;
    }
    *ret_start_s = midnight(first);
    *ret_end_s = midnight(next);
    if (*ret_end_s <= wall_s) { /* no zone is known to be so, but a period must hold its moment */
        *ret_end_s = wall_s + 1;
    }
}

static bool is_over(const struct period *period, const struct instant *now)
{
    int64_t wall_s = now->wall_ns / NS_PER_S;
    int64_t length_s = period->end_s - period->start_s;
    return wall_s >= period->end_s ||
           (wall_s < period->start_s &&
            (now->monotonic_ns - period->began_ns) / NS_PER_S >= length_s);
}

bool periods_tick(struct period periods[CAP_ROLLING], const struct instant *now)
{
    bool over = false;
    for (unsigned i = CAP_DAY; i < CAP_ROLLING; i++) {
        struct period *period = &periods[i];
        if (period->serial == 0 || is_over(period, now)) {
            budget_period((enum cap_period)i, now->wall_ns / NS_PER_S, &period->start_s,
                          &period->end_s);
            period->began_ns = now->monotonic_ns;
            period->serial++;
            over = true;
        }
    }
    return over;
}

void budget_tick(struct budget *budget, const struct instant *now)
{
    (void)periods_tick(budget->periods, now);
    if (UNLIKELY(budget->unseen.doubted)) {
        budget_doubt(budget, now);
    }
}
