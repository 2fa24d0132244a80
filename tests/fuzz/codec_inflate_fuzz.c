/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input as a compressed stream: the output stays under its ceilings, and whole and byte-wise
 * feeding agree wherever both come to the end. The input as a text: compressed and decompressed it
 * is itself.
 */
#include "codec/inflate.h"

#include <zlib.h>

#define LIMIT ((size_t)1 << 20)
#define RATIO 100u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum inflate_result inflate_in_chunks(struct slice packed, size_t chunk, struct buf *out)
{
    struct inflate_stream *s = inflate_new(LIMIT, RATIO);
    enum inflate_result result = INFLATE_OK;
    CHECK(s != NULL);
    while (packed.len > 0 && (result == INFLATE_OK || result == INFLATE_END)) {
        size_t size = packed.len < chunk ? packed.len : chunk;
        result = inflate_feed(s, slice_of(packed.ptr, size), out);
        packed = slice_from(packed, size);
    }
    inflate_free(s);
    CHECK(out->len <= LIMIT);
    return result;
}

static void check_reading(struct slice packed)
{
    struct buf whole = BUF_INIT(2 * LIMIT);
    struct buf split = BUF_INIT(2 * LIMIT);
    enum inflate_result whole_result = inflate_in_chunks(packed, SIZE_MAX, &whole);
    enum inflate_result split_result = inflate_in_chunks(packed, 1, &split);
    if (whole_result == INFLATE_END && split_result == INFLATE_END) {
        CHECK(slice_eq(buf_slice(&whole), buf_slice(&split)));
    }
    CHECK((whole_result == INFLATE_CORRUPT) == (split_result == INFLATE_CORRUPT) ||
          whole_result == INFLATE_TOO_LARGE || split_result == INFLATE_TOO_LARGE);
    buf_release(&whole);
    buf_release(&split);
}

static void check_round_trip(struct slice text)
{
    struct buf packed = BUF_INIT(2 * LIMIT);
    struct buf out = BUF_INIT(2 * LIMIT);
    uLongf packed_len = compressBound(text.len);
    char *room = buf_reserve(&packed, packed_len);
    CHECK(room != NULL);
    CHECK(compress2((Bytef *)room, &packed_len, (const Bytef *)text.ptr, text.len, 1) == Z_OK);
    packed.len = packed_len;
    enum inflate_result result = inflate_in_chunks(buf_slice(&packed), 7, &out);
    CHECK(result == INFLATE_END || (result == INFLATE_TOO_LARGE && text.len > 65536));
    CHECK(result != INFLATE_END || slice_eq(buf_slice(&out), text));
    buf_release(&packed);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice input = slice_of((const char *)bytes, len);
    if (len <= LIMIT) {
        check_reading(input);
        check_round_trip(input);
    }
    return 0;
}
