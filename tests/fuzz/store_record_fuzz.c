/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes through every decoder of records: what is accepted must encode to the same bytes again,
 * or, of an older version, to bytes that say the same. The first byte chooses the kind.
 */
#include "store/record_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_new(struct slice bytes)
{
    return bytes.len > 0 && bytes.ptr[0] == RECORD_VERSION;
}

static bool pair_is_new(struct slice bytes)
{
    size_t len = (size_t)((unsigned char)bytes.ptr[0] | (unsigned char)bytes.ptr[1] << 8);
    return is_new(slice_from(bytes, 2)) && is_new(slice_from(bytes, 2 + len));
}

/* DECODE and ENCODE are calls about the records at hand. */
#define CHECK_KIND(IS_NEW, DECODE, ENCODE)                                                         \
    do {                                                                                           \
        struct slice bytes = slice_of((const char *)data + 1, size - 1);                           \
        if (!DECODE) {                                                                             \
            return 0;                                                                              \
        }                                                                                          \
        char *out = first;                                                                         \
        size_t len = ENCODE;                                                                       \
        must(!IS_NEW(bytes) || (bytes.len == len && memcmp(bytes.ptr, first, len) == 0));          \
        bytes = slice_of(first, len);                                                              \
        must(DECODE);                                                                              \
        out = second;                                                                              \
        must(ENCODE == len && memcmp(first, second, len) == 0);                                    \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[RECORD_PAIR_BYTES_MAX];
    char second[RECORD_PAIR_BYTES_MAX];
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
    struct offer offer;
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 5) {
    case 0:
        CHECK_KIND(is_new, record_decode_hold(bytes, &hold), record_encode_hold(&hold, out));
        break;
    case 1:
        CHECK_KIND(is_new, record_decode_settle(bytes, &settle),
                   record_encode_settle(&settle, out));
        break;
    case 2:
        CHECK_KIND(is_new, record_decode_call(bytes, &call), record_encode_call(&call, out));
        break;
    case 4:
        CHECK_KIND(is_new, record_decode_offer(bytes, &offer), record_encode_offer(&offer, out));
        break;
    default:
        CHECK_KIND(pair_is_new, record_decode_pair(bytes, &settle, &call),
                   record_encode_pair(&settle, &call, out));
    }
    return 0;
}
