/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record_old.h"

#include "store/record_codec.h"

#include <endian.h>

#define VERSION_1 1
#define VERSION_2 2 /* of holds whose key belongs to scopes */

enum usage_flag { USAGE_REPORTED = 1, USAGE_PROVIDER_COST = 2, USAGE_FLAGS = 3 };
enum call_flag { CALL_STREAMED = 1, CALL_COMPLETE = 2, CALL_FLAGS = 3 };

/* `failed` is sticky, so that a record is read in one go and checked once. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static unsigned get_byte(struct reader *r)
{
    if (UNLIKELY(r->at == r->end)) {
        r->failed = true;
        return 0;
    }
    return *r->at++;
}

/* Eight groups of seven bits, the lowest first, moved together. */
static uint64_t join_groups(uint64_t groups)
{
    groups = (groups & 0x007F007F007F007Fu) | (groups & 0x7F007F007F007F00u) >> 1;
    groups = (groups & 0x00003FFF00003FFFu) | (groups & 0x3FFF00003FFF0000u) >> 2;
    return (groups & 0x000000000FFFFFFFu) | (groups & 0x0FFFFFFF00000000u) >> 4;
}

/* A varint of more than eight bytes (a time in nanoseconds has nine): `value` are the first eight.
 */
static uint64_t get_longest(struct reader *r, uint64_t value)
{
    r->at += sizeof(value);
    unsigned ninth = get_byte(r);
    value |= (uint64_t)(ninth & 0x7F) << 56;
    if (LIKELY(ninth < 0x80)) {
        r->failed |= ninth == 0; /* not the shortest form */
        return value;
    }
    unsigned tenth = get_byte(r);
    r->failed |= tenth != 1; /* not the shortest form, or past 64 bits */
    return value | (uint64_t)(tenth & 1) << 63;
}

/* With eight bytes to read from, in one step. */
static uint64_t get_wide(struct reader *r)
{
    const uint64_t more = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, r->at, sizeof(word));
    word = le64toh(word);
    uint64_t ends = ~word & more;
    if (UNLIKELY(ends == 0)) {
        return get_longest(r, join_groups(word & ~more));
    }
    unsigned last = (unsigned)__builtin_ctzll(ends); /* top bit of the last byte */
    r->at += last / 8 + 1;
    r->failed |= last > 7 && r->at[-1] == 0; /* not the shortest form */
    return join_groups(word & ~more & (UINT64_MAX >> (63 - last)));
}

static uint64_t get_long(struct reader *r)
{
    if (LIKELY(r->end - r->at >= (ptrdiff_t)sizeof(uint64_t))) {
        return get_wide(r);
    }
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * sizeof(value); shift += 7) {
        unsigned byte = get_byte(r);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            r->failed |= byte == 0 && shift > 0; /* not the shortest form */
            return value;
        }
    }
    r->failed = true; /* it does not end before the record does */
    return 0;
}

static inline uint64_t get_unsigned(struct reader *r)
{
    if (LIKELY(r->at != r->end && *r->at < 0x80)) {
        return *r->at++;
    }
    return get_long(r);
}

static int64_t get_signed(struct reader *r)
{
    uint64_t coded = get_unsigned(r);
    return (int64_t)(coded >> 1 ^ (0 - (coded & 1)));
}

static uint64_t get_up_to(struct reader *r, uint64_t max)
{
    uint64_t value = get_unsigned(r);
    r->failed |= value > max;
    return r->failed ? 0 : value;
}

static int32_t get_int32(struct reader *r)
{
    int64_t value = get_signed(r);
    r->failed |= value < INT32_MIN || value > INT32_MAX;
    return r->failed ? 0 : (int32_t)value;
}

static unsigned get_flags(struct reader *r, unsigned known)
{
    unsigned flags = get_byte(r);
    r->failed |= (flags & ~known) != 0;
    return flags;
}

static struct id get_id(struct reader *r)
{
    struct id id = {{0}};
    if ((size_t)(r->end - r->at) < sizeof(id.bytes)) {
        r->failed = true;
        return id;
    }
    memcpy(id.bytes, r->at, sizeof(id.bytes));
    r->at += sizeof(id.bytes);
    return id;
}

static struct slice get_text(struct reader *r, size_t max)
{
    size_t len = (size_t)get_up_to(r, max);
    if (r->failed || (size_t)(r->end - r->at) < len) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    struct slice text = slice_of((const char *)r->at, len);
    r->at += len;
    return text;
}

static struct slice get_name(struct reader *r)
{
    return get_text(r, RECORD_NAME_MAX);
}

/* The version byte is still to be read. */
static struct reader reader_at(struct slice bytes)
{
    const unsigned char *start = (const unsigned char *)bytes.ptr;
    return (struct reader){start, start == NULL ? NULL : start + bytes.len, start == NULL};
}

static struct reader reader_begin(struct slice bytes)
{
    struct reader r = reader_at(bytes);
    r.failed |= get_byte(&r) != VERSION_1;
    return r;
}

static bool reader_finish(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

static void get_scopes(struct reader *r, struct hold_record *ret_record)
{
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        ret_record->scopes[kind] = get_unsigned(r);
    }
    ret_record->limited_model = get_name(r);
}

bool record_old_decode_hold(struct slice bytes, struct hold_record *ret_record)
{
    struct reader r = reader_at(bytes);
    unsigned version = get_byte(&r);
    r.failed |= version != VERSION_1 && version != VERSION_2;
    *ret_record = (struct hold_record){.task = TASK_OTHER};
    ret_record->call = get_id(&r);
    ret_record->attempt = (uint32_t)get_up_to(&r, UINT32_MAX);
    ret_record->wall_ns = get_signed(&r);
    ret_record->amount_nd = get_signed(&r);
    ret_record->key_id = get_unsigned(&r);
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    if (version == VERSION_2) {
        get_scopes(&r, ret_record);
    }
    return reader_finish(&r);
}

static void get_usage(struct reader *r, struct usage *usage)
{
    unsigned flags = get_flags(r, USAGE_FLAGS);
    usage->reported = (flags & USAGE_REPORTED) != 0;
    usage->has_provider_cost = (flags & USAGE_PROVIDER_COST) != 0;
    usage->input = get_signed(r);
    usage->output = get_signed(r);
    usage->cache_read = get_signed(r);
    usage->cache_write = get_signed(r);
    usage->cache_write_1h = get_signed(r);
    usage->reasoning = get_signed(r);
    usage->audio_input = get_signed(r);
    usage->audio_output = get_signed(r);
    usage->provider_cost_nd = get_signed(r);
    r->failed |= !usage->has_provider_cost && usage->provider_cost_nd != 0;
}

bool record_old_decode_settle(struct slice bytes, struct settle_record *ret_record)
{
    struct reader r = reader_begin(bytes);
    *ret_record = (struct settle_record){.catalogue_nd = RECORD_NO_CATALOGUE};
    ret_record->call = get_id(&r);
    ret_record->attempt = (uint32_t)get_up_to(&r, UINT32_MAX);
    ret_record->wall_ns = get_signed(&r);
    ret_record->released_nd = get_signed(&r);
    ret_record->cost_nd = get_signed(&r);
    ret_record->key_id = get_unsigned(&r);
    ret_record->outcome = (enum attempt_outcome)get_up_to(&r, ATTEMPT_OUTCOMES - 1);
    ret_record->status = get_int32(&r);
    get_usage(&r, &ret_record->usage);
    ret_record->priced = get_flags(&r, 1) != 0;
    ret_record->first_byte_us = get_signed(&r);
    ret_record->total_us = get_signed(&r);
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    ret_record->lane = get_name(&r);
    ret_record->error = get_name(&r);
    ret_record->loss = get_text(&r, RECORD_LOSS_MAX);
    return reader_finish(&r);
}

bool record_old_decode_call(struct slice bytes, struct call_record *ret_record)
{
    struct reader r = reader_begin(bytes);
    *ret_record = (struct call_record){0};
    ret_record->call = get_id(&r);
    ret_record->wall_ns = get_signed(&r);
    ret_record->key_id = get_unsigned(&r);
    ret_record->key_name = get_name(&r);
    ret_record->endpoint = get_name(&r);
    ret_record->asked_model = get_name(&r);
    ret_record->route = get_name(&r);
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    ret_record->task = (enum task)get_up_to(&r, TASK_COUNT - 1);
    ret_record->tier = (enum tier)get_up_to(&r, TIER_COUNT - 1);
    ret_record->complexity_permille = get_int32(&r);
    unsigned flags = get_flags(&r, CALL_FLAGS);
    ret_record->streamed = (flags & CALL_STREAMED) != 0;
    ret_record->complete = (flags & CALL_COMPLETE) != 0;
    ret_record->status = get_int32(&r);
    ret_record->error = get_name(&r);
    ret_record->attempts = (uint32_t)get_up_to(&r, UINT32_MAX);
    ret_record->cost_nd = get_signed(&r);
    ret_record->baseline_nd = get_signed(&r);
    ret_record->baseline = get_name(&r);
    ret_record->input_tokens = get_signed(&r);
    ret_record->output_tokens = get_signed(&r);
    ret_record->expected_cost_nd = get_signed(&r);
    ret_record->first_byte_us = get_signed(&r);
    ret_record->total_us = get_signed(&r);
    return reader_finish(&r);
}
