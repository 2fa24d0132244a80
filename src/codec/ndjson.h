/* SPDX-License-Identifier: Apache-2.0 */
/* Newline-delimited JSON: one value per line (Ollama's streams). Any split of the bytes; a line is
 * bounded. */
#ifndef SLUICE_CODEC_NDJSON_H
#define SLUICE_CODEC_NDJSON_H

#include "base/buf.h"

enum ndjson_result { NDJSON_LINE, NDJSON_MORE, NDJSON_TOO_LARGE };

struct ndjson_decoder {
    struct buf pending; /* blank lines, and the beginning of the line after them */
    size_t blank;       /* bytes of those blank lines */
    size_t limit;
    struct slice raw; /* of the line handed out last: with its line end and the blank lines before
                         it, as long as the line is valid. What is handed out, one after the other,
                         is what came in, less blank lines at the end or beyond a few KB */
    bool emitted;     /* pending holds the line handed out last */
};

void ndjson_decoder_init(struct ndjson_decoder *d, size_t limit);
void ndjson_decoder_release(struct ndjson_decoder *d);
/* Like sse_decode(): blank lines are skipped; *ret_line is without its line end, valid until the
 * next call. */
enum ndjson_result ndjson_decode(struct ndjson_decoder *d, struct slice *bytes,
                                 struct slice *ret_line);
/* A last line without line end; false if none. */
bool ndjson_decode_end(struct ndjson_decoder *d, struct slice *ret_line);

#endif
