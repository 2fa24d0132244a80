/* SPDX-License-Identifier: Apache-2.0 */
#include "store/budget_window.h"

static int64_t *bucket_at(const struct window *window, int64_t number)
{
    int64_t count = (int64_t)window->count;
    return &window->buckets[((number % count) + count) % count];
}

void window_init(struct window *window, int64_t *buckets, uint32_t count, int64_t width_ns,
                 int64_t now_ns)
{
    *window = (struct window){
        .width_ns = width_ns, .last = now_ns / width_ns, .buckets = buckets, .count = count};
}

int64_t window_sum(struct window *window, int64_t now_ns)
{
    int64_t now = now_ns / window->width_ns;
    int64_t passed = now - window->last;
    if (passed > (int64_t)window->count) {
        passed = (int64_t)window->count;
    }
    for (int64_t i = 0; i < passed; i++) {
        int64_t *oldest = bucket_at(window, now - i);
        window->sum -= *oldest;
        *oldest = 0;
    }
    if (now > window->last) {
        window->last = now;
    }
    return window->sum;
}

void window_add(struct window *window, int64_t now_ns, int64_t at_ns, int64_t amount)
{
    int64_t sum = window_sum(window, now_ns);
    int64_t number = at_ns / window->width_ns;
    if (number > window->last) {
        number = window->last;
    }
    if (number <= window->last - (int64_t)window->count) {
        return;
    }
    if (amount > INT64_MAX - sum) {
        amount = INT64_MAX - sum;
    }
    *bucket_at(window, number) += amount;
    window->sum += amount;
}

void window_age(struct window *window, int64_t at_ns, int64_t amount, int64_t older_ns)
{
    int64_t steps = older_ns / window->width_ns; /* not more than it is */
    int64_t at = at_ns / window->width_ns;
    int64_t oldest = window->last - (int64_t)window->count + 1;
    for (int64_t number = oldest; steps > 0 && number <= at && number <= window->last; number++) {
        int64_t *bucket = bucket_at(window, number);
        int64_t moved = number < at || *bucket < amount ? *bucket : amount;
        *bucket -= moved;
        if (number - steps >= oldest) {
            *bucket_at(window, number - steps) += moved;
        } else {
            window->sum -= moved;
        }
    }
}

int64_t window_free_ns(const struct window *window, int64_t now_ns, int64_t amount)
{
    int64_t freed = 0;
    int64_t oldest = window->last - (int64_t)window->count + 1;
    for (int64_t number = oldest; amount > 0 && number <= window->last; number++) {
        freed += *bucket_at(window, number);
        if (freed >= amount) {
            int64_t gone_ns = (number + (int64_t)window->count) * window->width_ns;
            return gone_ns > now_ns ? gone_ns - now_ns : 0;
        }
    }
    return amount > 0 ? -1 : 0;
}
