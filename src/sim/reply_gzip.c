/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip around the pieces of an answer. A piece that is repeated is compressed once, between two
 * full flushes: then its bytes refer to nothing before them and may be sent again and again, which
 * makes a bomb of any size out of one kilobyte.
 */
#include "sim/reply.h"

#include <zlib.h>

#define COMPRESSED_MAX ((size_t)128 << 20)
#define RAW_WINDOW_BITS (-15)
#define MEMORY_LEVEL 8
#define ROOM_LEAST 1024
#define REPEAT_SUMMED 100000

/* Appends what deflate makes of `in`. */
static bool deflate_piece(z_stream *z, struct slice in, int flush, struct buf *out)
{
    z->next_in = (Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    do {
        size_t room = in.len / 2 + ROOM_LEAST;
        char *into = buf_reserve(out, room);
        if (into == NULL) {
            return false;
        }
        z->next_out = (Bytef *)into;
        z->avail_out = (uInt)room;
        if (deflate(z, flush) == Z_STREAM_ERROR) {
            return false;
        }
        out->len += room - z->avail_out;
    } while (z->avail_out == 0);
    return true;
}

/* The checksum of `part` times `repeat`, behind `sum`. */
static uLong sum_add(uLong sum, struct slice part, uint64_t repeat)
{
    uLong one = crc32(0, (const Bytef *)part.ptr, (uInt)part.len);

    /* Nobody reads the trailer of a body without an end. */
    for (uint64_t i = 0; i < repeat && repeat <= REPEAT_SUMMED; i++) {
        sum = crc32_combine(sum, one, (z_off_t)part.len);
    }
    return sum;
}

static void append_little_endian(struct buf *out, uint64_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        buf_append_char(out, (char)(value >> shift));
    }
}

static bool deflate_reply(struct sim_reply *reply, z_stream *z, struct buf *out)
{
    static const char header[10] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\x03'};
    uLong sum = crc32(0, NULL, 0);
    uint64_t total = 0;
    size_t start = 0;

    buf_append(out, slice_of(header, sizeof(header)));
    for (size_t i = 0; i < reply->count; i++) {
        struct sim_piece *piece = &reply->pieces[i];
        struct slice in = slice_of(reply->body.ptr + start, piece->end - start);
        bool last = i + 1 == reply->count;
        bool alone = piece->repeat > 1 || (!last && reply->pieces[i + 1].repeat > 1);
        if (!deflate_piece(z, in, alone ? Z_FULL_FLUSH : Z_SYNC_FLUSH, out)) {
            return false;
        }
        start = piece->end;
        sum = sum_add(sum, in, piece->repeat);
        total += in.len * piece->repeat;
        if (last && (piece->repeat > 1 || !deflate_piece(z, SLICE_EMPTY, Z_FINISH, out))) {
            return false;
        }
        if (last) {
            append_little_endian(out, sum);
            append_little_endian(out, total);
        }
        piece->end = out->len;
    }
    return !out->failed;
}

void sim_reply_gzip(struct sim_reply *reply)
{
    struct buf out = BUF_INIT(COMPRESSED_MAX);
    z_stream z = {0};

    if (reply->count == 0) {
        return;
    }
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        reply->failed = true;
        return;
    }
    if (!deflate_reply(reply, &z, &out)) {
        reply->failed = true;
    }
    (void)deflateEnd(&z);
    buf_release(&reply->body);
    reply->body = out;
    sim_reply_header(reply, "content-encoding", "gzip");
}
