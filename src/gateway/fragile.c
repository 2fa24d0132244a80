/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "gateway/fragile.h"

#include <string.h>

static const struct {
    struct slice header;
    struct slice part; /* of its value; empty: any */
    unsigned flags;
} clients[] = {
    {SLICE_INIT("user-agent"), SLICE_INIT("@openrouter/sdk"), FRAGILE_NULL_USAGE},
    {SLICE_INIT("user-agent"), SLICE_INIT("ai-sdk/openrouter/"), FRAGILE_USAGE_ASKED},
    {SLICE_INIT("x-portkey-api-key"), SLICE_INIT(""), FRAGILE_LINE_MARKS},
};

static bool contains(struct slice text, struct slice part)
{
    if (part.len == 0) {
        return true;
    }
    const char *at = text.len < part.len ? NULL : memmem(text.ptr, text.len, part.ptr, part.len);
    return at != NULL;
}

unsigned fragile_client(const struct http_request *request)
{
    unsigned flags = 0;
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        struct slice value =
            http_header_find(request->headers, request->header_count, clients[i].header);
        if (value.len > 0 && contains(value, clients[i].part)) {
            flags |= clients[i].flags;
        }
    }
    return flags;
}

/* U+0085 is C2 85, U+2028 and U+2029 are E2 80 A8 and A9. */
static size_t mark_at(const char *at, size_t left, const char **ret_escape)
{
    const unsigned char *bytes = (const unsigned char *)at;
    if (left >= 2 && bytes[0] == 0xC2 && bytes[1] == 0x85) {
        *ret_escape = "\\u0085";
        return 2;
    }
    if (left >= 3 && bytes[0] == 0xE2 && bytes[1] == 0x80 &&
        (bytes[2] == 0xA8 || bytes[2] == 0xA9)) {
        *ret_escape = bytes[2] == 0xA8 ? "\\u2028" : "\\u2029";
        return 3;
    }
    return 0;
}

void fragile_escape_marks(struct slice text, struct buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < text.len;) {
        const char *escape = NULL;
        size_t len = mark_at(text.ptr + i, text.len - i, &escape);
        if (len == 0) {
            i++;
            continue;
        }
        buf_append(out, slice_of(text.ptr + done, i - done));
        buf_append_cstr(out, escape);
        i += len;
        done = i;
    }
    buf_append(out, slice_from(text, done));
}
