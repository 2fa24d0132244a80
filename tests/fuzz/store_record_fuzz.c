/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes through every decoder of records: what is accepted must encode to the same bytes again.
 * The first byte chooses the kind.
 */
#include "store/record_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_equal(struct slice input, const char *bytes, size_t len)
{
    if (input.len != len || memcmp(input.ptr, bytes, len) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char again[RECORD_PAIR_BYTES_MAX];
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
    if (size == 0) {
        return 0;
    }
    struct slice input = slice_of((const char *)data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        if (record_decode_hold(input, &hold)) {
            must_equal(input, again, record_encode_hold(&hold, again));
        }
        break;
    case 1:
        if (record_decode_settle(input, &settle)) {
            must_equal(input, again, record_encode_settle(&settle, again));
        }
        break;
    case 2:
        if (record_decode_call(input, &call)) {
            must_equal(input, again, record_encode_call(&call, again));
        }
        break;
    default:
        if (record_decode_pair(input, &settle, &call)) {
            must_equal(input, again, record_encode_pair(&settle, &call, again));
        }
    }
    return 0;
}
