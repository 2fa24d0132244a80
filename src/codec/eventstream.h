/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon's binary framing of streams, application/vnd.amazon.eventstream. A message is
 *   total length, length of the headers, CRC-32 of these two; headers; payload; CRC-32 of all of it
 * with numbers of four bytes, the highest first. Both sums are checked: the first tells whether the
 * lengths can be believed, the second whether anything else can. Any split of the bytes is taken,
 * and a message that lies whole in one feed is handed out without a copy.
 */
#ifndef SLUICE_CODEC_EVENTSTREAM_H
#define SLUICE_CODEC_EVENTSTREAM_H

#include "base/buf.h"

#define EVENTSTREAM_CONTENT_TYPE "application/vnd.amazon.eventstream"
/* The least a message can be: lengths and sums. */
#define EVENTSTREAM_LEAST 16u
/* Amazon's own ceiling of a message's headers. */
#define EVENTSTREAM_HEADERS_MAX ((size_t)128 * 1024)

/* Slices of the message; a header that is absent, or no string, is empty. */
struct eventstream_message {
    struct slice message_type;   /* :message-type: event, exception or error */
    struct slice event_type;     /* :event-type */
    struct slice exception_type; /* :exception-type */
    struct slice error_code;     /* :error-code, of a message of type error */
    struct slice error_message;
    struct slice content_type;
    struct slice payload;
    struct slice raw; /* the whole message as received */
};

enum eventstream_result {
    EVENTSTREAM_MESSAGE,
    EVENTSTREAM_MORE,
    EVENTSTREAM_CORRUPT,
    EVENTSTREAM_TOO_LARGE
};

struct eventstream_decoder {
    struct buf pending; /* bytes of an unfinished message */
    size_t limit;       /* ceiling of a message */
    size_t total;       /* length of the message under way; 0: not known yet */
    bool emitted;       /* pending was handed out and goes at the next call */
    bool corrupt;
};

/* `limit`: ceiling of one message in bytes. */
void eventstream_decoder_init(struct eventstream_decoder *d, size_t limit);
/* Also makes it as good as new. */
void eventstream_decoder_release(struct eventstream_decoder *d);
/* Takes from *bytes (advances it). EVENTSTREAM_MESSAGE: one message, valid until the next call on
   this decoder or until the caller's bytes go; call again with the rest. EVENTSTREAM_MORE: all
   taken. After EVENTSTREAM_CORRUPT (a sum is wrong, lengths or headers make no sense) and
   EVENTSTREAM_TOO_LARGE (also out of memory) there is nothing to find the next message by: they
   stay. The results do not depend on how the bytes are split. */
enum eventstream_result eventstream_decode(struct eventstream_decoder *d, struct slice *bytes,
                                           struct eventstream_message *ret_message);
/* At the end of the stream: were there bytes of a message that never became whole? */
bool eventstream_is_cut(const struct eventstream_decoder *d);

struct eventstream_header {
    struct slice name;  /* 1 to 255 bytes */
    struct slice value; /* written as a string, up to 65,535 bytes */
};
/* Appends one message; a header beyond its ceiling fails the buffer. For providers that we imitate.
 */
bool eventstream_encode(struct buf *out, const struct eventstream_header *headers, size_t count,
                        struct slice payload);

#endif
