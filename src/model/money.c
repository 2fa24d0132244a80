/* SPDX-License-Identifier: Apache-2.0 */
#include "model/money.h"

#define DECIMALS 9

/* Each digit is one more place; a point must have digits on both sides. */
static bool parse(struct slice text, int64_t *ret_nd)
{
    int64_t value = 0;
    int decimals = -1; /* before the point */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && decimals < 0 && i > 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9' || decimals == DECIMALS ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, c - '0', &value)) {
            return false;
        }
        decimals += decimals >= 0 ? 1 : 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < DECIMALS; i++) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return false;
        }
    }
    *ret_nd = value;
    return text.len > 0 && decimals != 0;
}

bool money_parse(struct slice text, int64_t *ret_nd, struct error *error)
{
    int64_t value = 0;
    if (!parse(text, &value)) {
        return error_set(error, ERROR_INVALID, "bad_amount",
                         "an amount is dollars of 0 or more such as 12 or 0.25, with at most nine "
                         "decimals");
    }
    *ret_nd = value;
    return true;
}
