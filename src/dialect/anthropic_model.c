/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Claude takes, by the version in its name: "claude-opus-4-7", "claude-3-7-sonnet-20250219",
 * "anthropic/claude-4.6-opus", "us.anthropic.claude-opus-4-1-20250805-v1:0",
 * "claude-sonnet-4@2025". A name without a version is a new one; other vendors' models behind this
 * API take what the first Claudes took.
 */
#include "dialect/anthropic.h"

#define VERSION(major, minor) ((major)*100 + (minor))
#define NEWEST INT32_MAX
#define DATE_DIGITS 4u /* and more of them are a date, not a version */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number at the start, or -1; *rest goes behind it. */
static int cut_number(struct slice *rest)
{
    size_t length = 0;
    int number = 0;
    while (length < rest->len && is_digit(rest->ptr[length])) {
        number = length < DATE_DIGITS ? number * 10 + (rest->ptr[length] - '0') : 0;
        length++;
    }
    *rest = slice_from(*rest, length);
    return length == 0 || length >= DATE_DIGITS ? -1 : number;
}

/* 0: no Claude. */
static int version_of(struct slice model)
{
    size_t at = slice_find_slice(model, SLICE("claude"));
    if (at == SIZE_MAX) {
        return 0;
    }
    struct slice rest = slice_from(model, at);
    while (rest.len > 0 && !is_digit(rest.ptr[0])) {
        rest = slice_from(rest, 1);
    }
    int major = cut_number(&rest);
    if (major < 0) {
        return NEWEST;
    }
    bool more = rest.len > 1 && (rest.ptr[0] == '-' || rest.ptr[0] == '.');
    rest = slice_from(rest, 1);
    int minor = more ? cut_number(&rest) : -1;
    return VERSION(major, minor < 0 ? 0 : minor);
}

bool anthropic_is_adaptive(struct slice model)
{
    return version_of(model) >= VERSION(4, 6);
}

bool anthropic_takes_sampling(struct slice model)
{
    return version_of(model) < VERSION(4, 7);
}
