/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incremental gzip and zlib decompression with ceilings on the output's size and on its ratio to
 * the input, for upstreams that compress although nobody asked. RFC 1950, 1952; done by zlib.
 */
#ifndef SLUICE_CODEC_INFLATE_H
#define SLUICE_CODEC_INFLATE_H

#include "base/buf.h"

struct inflate_stream;
enum inflate_result { INFLATE_OK, INFLATE_END, INFLATE_CORRUPT, INFLATE_TOO_LARGE };

/* `limit`: ceiling of the whole output in bytes; `ratio`: ceiling of output / input after the first
 * 64 KB. NULL: no memory. */
struct inflate_stream *inflate_new(size_t limit, unsigned ratio);
void inflate_free(struct inflate_stream *s);
/* Takes all of `in`, appends what comes out. Bytes after the end are INFLATE_CORRUPT. */
enum inflate_result inflate_feed(struct inflate_stream *s, struct slice in, struct buf *out);

#endif
