/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib does the work; what is ours is the two ceilings. The ratio catches a bomb long before the
 * size does: a few kilobytes that want to become a hundred megabytes are stopped at a hundred times
 * what has been read.
 */
#include "codec/inflate.h"

#include "base/memory.h"

#include <limits.h>
#include <zlib.h>

/* zlib's code for "gzip or zlib, whichever the head says", with the largest window. */
#define WINDOW_BITS_AUTO (15 + 32)
#define CHUNK_BYTES 16384u
/* Below this much output the ratio says nothing. */
#define RATIO_FREE_BYTES ((size_t)64 * 1024)

struct inflate_stream {
    z_stream zlib;
    size_t limit;
    unsigned ratio;
    size_t in_total;
    size_t out_total;
    enum inflate_result state; /* INFLATE_OK while there may be more */
};

static void *zlib_alloc(void *user, uInt count, uInt size)
{
    (void)user;
    return memory_alloc((size_t)count * size);
}

static void zlib_free(void *user, void *block)
{
    (void)user;
    memory_free(block);
}

struct inflate_stream *inflate_new(size_t limit, unsigned ratio)
{
    struct inflate_stream *s = memory_array(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->limit = limit;
    s->ratio = ratio;
    s->state = INFLATE_OK;
    s->zlib.zalloc = zlib_alloc;
    s->zlib.zfree = zlib_free;
    if (inflateInit2(&s->zlib, WINDOW_BITS_AUTO) != Z_OK) {
        memory_free(s);
        return NULL;
    }
    return s;
}

void inflate_free(struct inflate_stream *s)
{
    if (s != NULL) {
        inflateEnd(&s->zlib);
        memory_free(s);
    }
}

static bool is_too_large(const struct inflate_stream *s)
{
    if (s->out_total > s->limit) {
        return true;
    }
    return s->ratio > 0 && s->out_total > RATIO_FREE_BYTES && s->out_total / s->ratio > s->in_total;
}

/* What zlib's answer means for the stream, when `left` bytes of the input are not taken yet. */
static enum inflate_result judge(int status, size_t left)
{
    switch (status) {
    case Z_OK:
    case Z_BUF_ERROR: /* it wants more input: not an error of a stream */
        return INFLATE_OK;
    case Z_STREAM_END:
        return left == 0 ? INFLATE_END : INFLATE_CORRUPT;
    case Z_MEM_ERROR:
        return INFLATE_TOO_LARGE;
    default:
        return INFLATE_CORRUPT;
    }
}

/* One call of zlib: takes some of *in, appends at most a chunk. Sets *ret_full when the chunk was
 * filled. */
static enum inflate_result step(struct inflate_stream *s, struct slice *in, struct buf *out,
                                bool *ret_full)
{
    char chunk[CHUNK_BYTES];
    size_t offered = in->len < UINT_MAX ? in->len : UINT_MAX;
    /* zlib does not write to its input; its type lacks the const */
    s->zlib.next_in = (Bytef *)(uintptr_t)in->ptr;
    s->zlib.avail_in = (uInt)offered;
    s->zlib.next_out = (Bytef *)chunk;
    s->zlib.avail_out = sizeof(chunk);
    int status = inflate(&s->zlib, Z_NO_FLUSH);
    size_t taken = offered - s->zlib.avail_in;
    size_t made = sizeof(chunk) - s->zlib.avail_out;
    *in = slice_from(*in, taken);
    *ret_full = made == sizeof(chunk);
    s->in_total += taken;
    s->out_total += made;
    if (is_too_large(s) || !buf_append(out, slice_of(chunk, made))) {
        return INFLATE_TOO_LARGE;
    }
    return judge(status, in->len);
}

enum inflate_result inflate_feed(struct inflate_stream *s, struct slice in, struct buf *out)
{
    if (s->state == INFLATE_END && in.len > 0) {
        s->state = INFLATE_CORRUPT;
    }
    /* A full chunk may mean that zlib holds back more, also when the input is used up. */
    bool full = false;
    while (s->state == INFLATE_OK && (in.len > 0 || full)) {
        s->state = step(s, &in, out, &full);
    }
    return s->state;
}
