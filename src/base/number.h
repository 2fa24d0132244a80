/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers as decimal text, without locale and format strings. Pure; any thread. */
#ifndef SLUICE_BASE_NUMBER_H
#define SLUICE_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_DIGITS_MAX 20

static inline size_t number_digits(uint64_t value)
{
    size_t count = 1;
    for (uint64_t limit = 10; value >= limit; limit *= 10) {
        if (++count == NUMBER_DIGITS_MAX) {
            break; /* the next limit would not fit */
        }
    }
    return count;
}

/* Writes at most NUMBER_DIGITS_MAX digits, no NUL; returns how many. */
static inline size_t number_format(uint64_t value, char *out)
{
    size_t count = number_digits(value);
    size_t at = count;
    do {
        out[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (at > 0);
    return count;
}

#endif
