/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunked transfer coding (RFC 9112 7.1), strict and incremental, for both directions; pure, 16
 * bytes of state.
 * Our own, because llhttp in its packaged build takes bare LF for a line end and skips extensions
 * unseen; the fuzz target holds both decoders against each other.
 *
 * Refused: a size that is not 1 to 16 hex digits (no sign, 0x, underscore, space) or above
 * INT64_MAX; an extension of more than 256 bytes, or of more than 4,096 bytes in all chunks of a
 * body together (a one-byte chunk may not cost hundreds of bytes); any control character in an
 * extension but HTAB; line ends other than CR LF; data not followed by CR LF; trailer fields that
 * are no `token: value`, are folded, or exceed 8 KB in all. Trailers are checked and dropped:
 * nothing that follows a body may change what was decided from the head.
 */
#ifndef SLUICE_NET_HTTP_CHUNK_H
#define SLUICE_NET_HTTP_CHUNK_H

#include "base/slice.h"

enum http_chunk_status {
    HTTP_CHUNK_MORE, /* the input is used up */
    HTTP_CHUNK_DATA, /* *ret_data is body bytes inside the input */
    HTTP_CHUNK_END,  /* the body is complete; what is left of the input is not part of it */
    HTTP_CHUNK_BAD,
};

/* Zeroed to begin. */
struct http_chunk {
    uint64_t left; /* data bytes still to come, or the size being read */
    uint16_t extension_total;
    uint16_t trailer_total;
    uint16_t line_len; /* digits, extension bytes, or bytes of a trailer name */
    uint8_t state;
};

/* Takes bytes off the front of *input until there is something to say. */
enum http_chunk_status http_chunk_next(struct http_chunk *chunk, struct slice *input,
                                       struct slice *ret_data);

#endif
