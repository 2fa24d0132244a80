/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hard part is a CR at the end of what has arrived: an LF may follow and belong to it. Waiting
 * is right for CRLF streams (the LF is on its way), and wrong for streams that end lines with CR
 * alone (the event would be late by one). So a blank line that follows a bare CR ends at its own
 * CR, always; an LF after that would be a block of its own, which means nothing. Any other CR waits
 * for the byte after it. Both rules look at bytes only, never at how they were split.
 */
#include "codec/sse.h"

#define BOM SLICE("\xEF\xBB\xBF")
/* What the buffers of a decoder keep between events. */
#define KEEP_BYTES ((size_t)64 * 1024)

void sse_decoder_init(struct sse_decoder *d, size_t limit)
{
    size_t with_next_byte = limit == SIZE_MAX ? limit : limit + 1;
    *d = (struct sse_decoder){
        .pending = BUF_INIT(with_next_byte),
        .joined = BUF_INIT(limit),
        .limit = limit,
    };
}

static void begin_block(struct sse_decoder *d)
{
    d->scanned = 0;
    d->line_start = 0;
    d->first_end = 0;
    d->skip = 0;
}

void sse_decoder_release(struct sse_decoder *d)
{
    buf_release(&d->pending);
    buf_release(&d->joined);
    begin_block(d);
    d->emitted = 0;
    d->started = false;
}

/* Offset of the first CR or LF at or after `from`, or s.len. */
static size_t find_line_end(struct slice s, size_t from)
{
    if (from >= s.len) {
        return s.len;
    }
    const char *start = s.ptr + from;
    const char *lf = memchr(start, '\n', s.len - from);
    size_t len = lf == NULL ? s.len - from : (size_t)(lf - start);
    const char *cr = len == 0 ? NULL : memchr(start, '\r', len);
    return from + (cr == NULL ? len : (size_t)(cr - start));
}

/* Offset after the line end at `at` (CR, LF or CRLF). */
static size_t after_line_end(struct slice s, size_t at)
{
    bool crlf = s.ptr[at] == '\r' && at + 1 < s.len && s.ptr[at + 1] == '\n';
    return at + (crlf ? 2 : 1);
}

/* Settles whether the stream begins with a BOM; false: more bytes are needed to tell. */
static bool settle_start(struct sse_decoder *d, struct slice block)
{
    if (block.len < BOM.len && slice_starts(BOM, block)) {
        return false;
    }
    d->skip = slice_starts(block, BOM) ? (uint8_t)BOM.len : 0;
    d->line_start = d->skip;
    d->scanned = d->skip;
    d->started = true;
    return true;
}

/* Looks for the blank line that ends the block, from where the last look stopped. Returns the
   length of the block, or 0 when its end has not come yet. */
static size_t find_block_end(struct sse_decoder *d, struct slice block)
{
    if (!d->started && !settle_start(d, block)) {
        return 0;
    }
    for (;;) {
        size_t at = find_line_end(block, d->scanned);
        d->scanned = at;
        if (at == block.len) {
            return 0;
        }
        bool blank = at == d->line_start;
        bool is_cr = block.ptr[at] == '\r';
        if (blank && is_cr && at > 0 && block.ptr[at - 1] == '\r') {
            return at + 1;
        }
        if (is_cr && at + 1 == block.len) {
            return 0;
        }
        size_t next = after_line_end(block, at);
        if (blank) {
            return next;
        }
        if (d->line_start == d->skip) {
            d->first_end = at;
        }
        d->line_start = next;
        d->scanned = next;
    }
}

/* One more data line: the first is borrowed, the second makes a copy of both. */
static bool add_data(struct sse_decoder *d, struct sse_event *event, struct slice value)
{
    if (!event->has_data) {
        event->has_data = true;
        event->data = value;
        return true;
    }
    if (d->joined.len == 0) {
        buf_append(&d->joined, event->data);
    }
    buf_append_char(&d->joined, '\n');
    buf_append(&d->joined, value);
    event->data = buf_slice(&d->joined);
    return !d->joined.failed;
}

static bool add_line(struct sse_decoder *d, struct sse_event *event, struct slice line)
{
    /* Names are short: the colon is looked for where it can be, not in the whole of a long line. */
    struct slice head = slice_of(line.ptr, line.len < 6 ? line.len : 6);
    struct slice name = slice_cut(&head, ':');
    struct slice value = slice_from(line, name.len + 1);
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = slice_from(value, 1);
    }
    if (slice_eq(name, SLICE("data"))) {
        return add_data(d, event, value);
    }
    if (slice_eq(name, SLICE("event"))) {
        event->name = value;
    }
    return true; /* comments, id, retry and unknown fields live on in `raw` */
}

/* The usual line, without a look at other names. */
static bool add_usual_line(struct sse_decoder *d, struct sse_event *event, struct slice line)
{
    if (line.len < 6 || memcmp(line.ptr, "data: ", 6) != 0) {
        return add_line(d, event, line);
    }
    return add_data(d, event, slice_of(line.ptr + 6, line.len - 6));
}

/* Fills in the event from the bytes of its block, whose lines that say something end at `lines`;
   false: out of memory. */
static bool read_block(struct sse_decoder *d, struct slice raw, size_t lines,
                       struct sse_event *ret_event)
{
    struct sse_event event = {.raw = raw};
    size_t at = d->skip;
    size_t end = d->first_end > 0 ? d->first_end : find_line_end(raw, at);
    if (d->joined.ptr != NULL) {
        buf_clear(&d->joined);
        buf_trim(&d->joined, KEEP_BYTES);
    }
    begin_block(d);
    while (at < lines) {
        if (!add_usual_line(d, &event, slice_of(raw.ptr + at, end - at))) {
            return false;
        }
        at = end < raw.len ? after_line_end(raw, end) : end;
        end = at < lines ? find_line_end(raw, at) : at;
    }
    *ret_event = event;
    return true;
}

/* Nothing more comes out of this decoder. */
static enum sse_result give_up(struct sse_decoder *d)
{
    d->pending.failed = true;
    return SSE_TOO_LARGE;
}

static void drop_emitted(struct sse_decoder *d)
{
    if (d->emitted > 0) {
        d->emitted = 0;
        buf_clear(&d->pending);
        buf_trim(&d->pending, KEEP_BYTES);
    }
}

static struct slice take(struct slice *bytes, size_t count)
{
    struct slice taken = slice_of(bytes->ptr, count);
    *bytes = slice_from(*bytes, count);
    return taken;
}

/* No block is under way: its end is looked for in the caller's bytes. */
static enum sse_result decode_in_place(struct sse_decoder *d, struct slice *bytes,
                                       struct sse_event *ret_event)
{
    size_t len = find_block_end(d, *bytes);
    if (len == 0) {
        bool fits = bytes->len <= d->limit && buf_append(&d->pending, *bytes);
        take(bytes, bytes->len);
        return fits ? SSE_MORE : give_up(d);
    }
    if (len > d->limit || !read_block(d, take(bytes, len), d->line_start, ret_event)) {
        return give_up(d);
    }
    return SSE_EVENT;
}

/* The next bytes that may end the block: through the next CR or LF, or one alone when it decides
 * what a CR means. */
static struct slice next_piece(const struct sse_decoder *d, struct slice bytes)
{
    if (d->pending.ptr[d->pending.len - 1] == '\r') {
        return slice_of(bytes.ptr, 1);
    }
    size_t end = find_line_end(bytes, 0);
    return slice_of(bytes.ptr, end < bytes.len ? end + 1 : end);
}

/* A block is under way: lines are added to it until it ends, so that what follows it is not copied.
 */
static enum sse_result decode_pending(struct sse_decoder *d, struct slice *bytes,
                                      struct sse_event *ret_event)
{
    while (bytes->len > 0) {
        size_t before = d->pending.len;
        struct slice piece = next_piece(d, *bytes);
        if (!buf_append(&d->pending, piece)) {
            return give_up(d);
        }
        size_t len = find_block_end(d, buf_slice(&d->pending));
        if (len > d->limit || (len == 0 && d->pending.len > d->limit)) {
            return give_up(d);
        }
        if (len > 0) {
            /* The block may have ended before this piece: at a CR that no LF follows. */
            take(bytes, len - before);
            d->pending.len = len;
            d->emitted = len;
            bool ok = read_block(d, buf_slice(&d->pending), d->line_start, ret_event);
            return ok ? SSE_EVENT : give_up(d);
        }
        take(bytes, piece.len);
    }
    return SSE_MORE;
}

enum sse_result sse_decode(struct sse_decoder *d, struct slice *bytes, struct sse_event *ret_event)
{
    if (d->pending.failed) {
        return SSE_TOO_LARGE;
    }
    drop_emitted(d);
    return d->pending.len == 0 ? decode_in_place(d, bytes, ret_event)
                               : decode_pending(d, bytes, ret_event);
}

bool sse_decode_end(struct sse_decoder *d, struct sse_event *ret_event)
{
    if (d->pending.failed) {
        return false;
    }
    drop_emitted(d);
    if (d->pending.len == 0) {
        return false;
    }
    d->started = true;
    d->emitted = d->pending.len;
    return read_block(d, buf_slice(&d->pending), d->pending.len, ret_event);
}

bool sse_encode(struct buf *out, struct slice name, struct slice data)
{
    if (find_line_end(name, 0) < name.len) {
        out->failed = true;
        return false;
    }
    if (name.len > 0) {
        buf_append(out, SLICE("event: "));
        buf_append(out, name);
        buf_append_char(out, '\n');
    }
    size_t at = 0;
    bool more = true;
    while (more) {
        size_t end = find_line_end(data, at);
        buf_append(out, SLICE("data: "));
        struct slice line = slice_from(data, at);
        line.len = end - at;
        buf_append(out, line);
        buf_append_char(out, '\n');
        more = end < data.len;
        at = more ? after_line_end(data, end) : end;
    }
    return buf_append_char(out, '\n');
}
