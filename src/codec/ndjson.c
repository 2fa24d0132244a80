/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ndjson.h"

/* What the buffer of a decoder keeps between lines. */
#define KEEP_BYTES ((size_t)64 * 1024)
#define BLANK_BYTES_MAX ((size_t)4 * 1024)

void ndjson_decoder_init(struct ndjson_decoder *d, size_t limit)
{
    size_t room = limit < SIZE_MAX - BLANK_BYTES_MAX - 1 ? limit + BLANK_BYTES_MAX + 1 : limit;
    *d = (struct ndjson_decoder){.pending = BUF_INIT(room), .limit = limit};
}

static void forget(struct ndjson_decoder *d)
{
    d->emitted = false;
    d->blank = 0;
    d->raw = SLICE_EMPTY;
}

void ndjson_decoder_release(struct ndjson_decoder *d)
{
    buf_release(&d->pending);
    forget(d);
}

static void drop_emitted(struct ndjson_decoder *d)
{
    if (d->emitted) {
        forget(d);
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

/* Blank lines wait for the line after them, but not without end. */
static void drop_blank(struct ndjson_decoder *d)
{
    if (d->blank == d->pending.len && d->blank > BLANK_BYTES_MAX) {
        buf_clear(&d->pending);
        d->blank = 0;
    }
}

/* What is left of the bytes waits: `blank` bytes of blank lines and the beginning of a line. */
static enum ndjson_result keep(struct ndjson_decoder *d, struct slice rest, size_t blank)
{
    if (blank > BLANK_BYTES_MAX) {
        rest = slice_from(rest, blank);
        blank = 0;
    }
    d->blank += blank;
    if (!buf_append(&d->pending, rest) || d->pending.len - d->blank > d->limit) {
        return give_up(d);
    }
    drop_blank(d);
    return NDJSON_MORE;
}

enum ndjson_result ndjson_decode(struct ndjson_decoder *d, struct slice *bytes,
                                 struct slice *ret_line)
{
    if (d->pending.failed) {
        return NDJSON_TOO_LARGE;
    }
    drop_emitted(d);
    struct slice from = *bytes; /* what of these bytes was not handed out */
    while (bytes->len > 0) {
        size_t end = slice_find(*bytes, '\n');
        struct slice piece = slice_cut(bytes, '\n');
        if (end == SIZE_MAX) {
            return keep(d, from, (size_t)(piece.ptr - from.ptr));
        }
        struct slice raw = slice_of(from.ptr, (size_t)(piece.ptr - from.ptr) + piece.len + 1);
        if (d->pending.len > 0) {
            if (!buf_append(&d->pending, raw)) {
                return give_up(d);
            }
            raw = buf_slice(&d->pending);
            piece = slice_from(raw, d->blank);
            piece.len--;
            from = *bytes;
        }
        if (piece.len > d->limit) {
            return give_up(d);
        }
        if (read_line(piece, ret_line)) {
            d->emitted = d->pending.len > 0;
            d->raw = raw;
            return NDJSON_LINE;
        }
        d->blank = d->pending.len;
        drop_blank(d);
    }
    return keep(d, from, from.len);
}

bool ndjson_decode_end(struct ndjson_decoder *d, struct slice *ret_line)
{
    if (d->pending.failed) {
        return false;
    }
    drop_emitted(d);
    d->emitted = d->pending.len > 0;
    d->raw = buf_slice(&d->pending);
    return read_line(slice_from(d->raw, d->blank), ret_line);
}
