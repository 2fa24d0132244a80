/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ndjson.h"

/* What the buffer of a decoder keeps between lines. */
#define KEEP_BYTES ((size_t)64 * 1024)

void ndjson_decoder_init(struct ndjson_decoder *d, size_t limit)
{
    *d = (struct ndjson_decoder){.pending = BUF_INIT(limit)};
}

void ndjson_decoder_release(struct ndjson_decoder *d)
{
    buf_release(&d->pending);
    d->emitted = false;
}

static void drop_emitted(struct ndjson_decoder *d)
{
    if (d->emitted) {
        d->emitted = false;
        buf_clear(&d->pending);
        buf_trim(&d->pending, KEEP_BYTES);
    }
}

/* Sets the line without the CR of a CRLF; false when it is blank. */
static bool read_line(struct slice line, struct slice *ret_line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    *ret_line = line;
    return slice_trim(line).len > 0;
}

/* Nothing more comes out of this decoder. */
static enum ndjson_result give_up(struct ndjson_decoder *d)
{
    d->pending.failed = true;
    return NDJSON_TOO_LARGE;
}

enum ndjson_result ndjson_decode(struct ndjson_decoder *d, struct slice *bytes,
                                 struct slice *ret_line)
{
    if (d->pending.failed) {
        return NDJSON_TOO_LARGE;
    }
    drop_emitted(d);
    while (bytes->len > 0) {
        size_t end = slice_find(*bytes, '\n');
        struct slice piece = slice_cut(bytes, '\n');
        bool in_place = end != SIZE_MAX && d->pending.len == 0;
        if (piece.len > d->pending.limit || (!in_place && !buf_append(&d->pending, piece))) {
            return give_up(d);
        }
        if (end == SIZE_MAX) {
            break;
        }
        d->emitted = !in_place;
        if (read_line(in_place ? piece : buf_slice(&d->pending), ret_line)) {
            return NDJSON_LINE;
        }
        drop_emitted(d);
    }
    return NDJSON_MORE;
}

bool ndjson_decode_end(struct ndjson_decoder *d, struct slice *ret_line)
{
    if (d->pending.failed) {
        return false;
    }
    drop_emitted(d);
    d->emitted = d->pending.len > 0;
    return read_line(buf_slice(&d->pending), ret_line);
}
