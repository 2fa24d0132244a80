/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/usage_count.h"

#define NANO_DIGITS 9

static bool is_told(const struct json_doc *doc, uint32_t value)
{
    return value != JSON_ABSENT && !json_is(doc, value, JSON_NULL);
}

/* A number that is not negative and not to be had as an int64: a fraction, or larger. */
static bool is_beyond(const struct json_doc *doc, uint32_t value)
{
    int64_t rounded;
    return json_is(doc, value, JSON_NUMBER) && !slice_starts(json_raw(doc, value), SLICE("-")) &&
           !json_scaled(doc, value, 0, &rounded);
}

enum usage_told usage_count_read(const struct json_doc *doc, uint32_t value, int64_t *ret_count)
{
    int64_t count;
    if (!is_told(doc, value)) {
        return USAGE_ABSENT;
    }
    if (!json_int64(doc, value, &count)) {
        if (!is_beyond(doc, value)) {
            return USAGE_UNREADABLE;
        }
        count = USAGE_TOKENS_MAX;
    }
    if (count < 0) {
        return USAGE_UNREADABLE;
    }
    *ret_count = count > USAGE_TOKENS_MAX ? USAGE_TOKENS_MAX : count;
    return USAGE_READ;
}

int64_t usage_count(const struct decoder *d, uint32_t value, struct usage *usage)
{
    int64_t count = 0;
    if (usage_count_read(&d->doc, value, &count) == USAGE_UNREADABLE) {
        usage->unread = true;
    }
    return count;
}

enum usage_told usage_amount_read(const struct json_doc *doc, uint32_t value, int64_t *ret_nd)
{
    int64_t amount;
    if (!is_told(doc, value)) {
        return USAGE_ABSENT;
    }
    if (!json_is(doc, value, JSON_NUMBER)) {
        return USAGE_UNREADABLE;
    }
    if (!json_scaled(doc, value, NANO_DIGITS, &amount)) {
        amount = slice_starts(json_raw(doc, value), SLICE("-")) ? -1 : INT64_MAX;
    }
    if (amount < 0) {
        return USAGE_UNREADABLE;
    }
    *ret_nd = amount;
    return USAGE_READ;
}

bool usage_half_told(const struct json_doc *doc, uint32_t a, uint32_t b)
{
    return (json_is(doc, a, JSON_NULL) && is_told(doc, b)) ||
           (json_is(doc, b, JSON_NULL) && is_told(doc, a));
}
