/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (WHATWG HTML, section 9.2), both ways. The decoder accepts any split of the
 * bytes, LF, CR and CRLF, a BOM, comments and multi-line data, and bounds the size of an event. An
 * event that lies whole in one feed is handed out without a copy.
 */
#ifndef SLUICE_CODEC_SSE_H
#define SLUICE_CODEC_SSE_H

#include "base/buf.h"

struct sse_event {
    struct slice name; /* of the last `event:` line, or empty */
    struct slice data; /* data lines joined by LF; empty for a block of comments only */
    struct slice raw;  /* the block's bytes with its terminating blank line, as received */
    bool has_data;
};

enum sse_result { SSE_EVENT, SSE_MORE, SSE_TOO_LARGE };

struct sse_decoder {
    struct buf pending; /* bytes of an unfinished block, and at most one byte after it */
    struct buf joined;  /* data of a multi-line event */
    size_t scanned;     /* of pending: no end of a line between line_start and this offset */
    size_t line_start;  /* of pending: where the line that is being looked at begins */
    size_t first_end;   /* of pending: where its first line ends; 0: not known yet */
    size_t limit;       /* ceiling of a block */
    size_t emitted; /* of pending: bytes of the event handed out last, dropped at the next call */
    uint8_t skip;   /* bytes of a BOM at the start of the block */
    bool started;   /* the BOM question is settled */
};

/* `limit`: ceiling of one event in bytes, its blank line included. */
void sse_decoder_init(struct sse_decoder *d, size_t limit);
void sse_decoder_release(struct sse_decoder *d);
/* Takes from *bytes (advances it). SSE_EVENT: one block in *ret_event, valid until the next call on
   this decoder or until the caller's bytes go; call again with the rest. SSE_MORE: all taken. A
   block without data lines (comments) is an event with has_data false, so that its bytes are not
   lost to a pass-through. The sequence of blocks does not depend on how the bytes are split.
   SSE_TOO_LARGE stays: the decoder gives nothing more. */
enum sse_result sse_decode(struct sse_decoder *d, struct slice *bytes, struct sse_event *ret_event);
/* At the end of the stream: an unfinished block (bytes after the last blank line), has_data as
 * usual; false if none. */
bool sse_decode_end(struct sse_decoder *d, struct sse_event *ret_event);

/* Appends `event: NAME` (when not empty; must hold no line end) and the data, one `data:` line per
   line of it (split on CR, LF, CRLF, so that data can never forge a field), and the blank line. A
   name with a line end fails the buffer. */
bool sse_encode(struct buf *out, struct slice name, struct slice data);

#endif
