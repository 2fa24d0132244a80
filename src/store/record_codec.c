/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each record has one encoder and one decoder that list its members in the same order; the order is
 * the format. Numbers come first, so that one question is enough whether all of them are there.
 * What an older program left is read by record_old.h.
 */
#include "store/record_codec.h"

#include "base/hash.h"
#include "base/little_endian.h"
#include "store/record_old.h"
#include "store/record_text.h"

enum flag {
    FLAG_REPORTED = 1, /* of settles */
    FLAG_PRICED = 2,
    FLAG_PROVIDER_COST = 4,
    FLAG_DETAILS = 8,   /* there are DETAILS_BYTES of usage behind the other numbers */
    FLAG_FORECAST = 16, /* there are FORECAST_BYTES at the end; of version 4 */
    FLAG_IMAGES = 32,   /* there are IMAGES_BYTES of usage behind the details; of version 4 */
    FLAG_BLOCKS = 64,    /* of version 4 */
    SETTLE_FLAGS = 127,
    FLAG_STREAMED = 1, /* of calls */
    FLAG_COMPLETE = 2,
    FLAG_SCOPES = 4,  /* in the tail; of version 4 */
    FLAG_VERDICT = 8, /* likewise, behind them: VERDICT_BYTES */
    CALL_FLAGS = 15,
};

/* Of the numbers of each record, with version and identifier. */
#define HEAD_BYTES (1 + sizeof(struct id))
#define HOLD_BYTES (HEAD_BYTES + 4 + 3 * 8 + (SCOPE_KINDS - 1) * 8 + 1 + 1 + 4)
#define SETTLE_BYTES (HEAD_BYTES + 4 + 4 * 8 + 1 + 4 + 1 + 2 * 8 + 2 * 8)
#define DETAILS_BYTES ((size_t)7 * 8)
#define IMAGES_BYTES ((size_t)2 * 8)
#define CALL_BYTES (HEAD_BYTES + 2 * 8 + 1 + 1 + 4 + 1 + 4 + 4 + 7 * 8)
/* Of those behind the names, since version 4. */
#define SETTLE_TAIL_BYTES ((size_t)8 + 1 + 1)
#define CALL_TAIL_BYTES ((size_t)8)
#define SCOPES_BYTES ((size_t)(SCOPE_KINDS - 1) * 8)
#define VERDICT_BYTES ((size_t)4)
#define FORECAST_BYTES ((size_t)1 + 1 + 3 * 4 + 8 + 4 + 3 * 2 + 3)
#define OFFER_BYTES ((size_t)1 + 1 + 1 + 8)
#define RATES_BYTES ((size_t)8 * 8)
#define MORE_RATES_BYTES ((size_t)3 * 8)
/* Beside the number of an offer's tiers: each row of rates has MORE_RATES_BYTES. */
#define OFFER_MORE_RATES 0x80u

/* --- writing: the caller guarantees the room ------------------------------------------------ */

static char *put_8(char *out, unsigned value)
{
    *out = (char)value;
    return out + 1;
}

static char *put_16(char *out, int32_t value)
{
    int32_t cut = value > INT16_MAX ? INT16_MAX : value;
    return little_put_16(out, (uint16_t)(cut < INT16_MIN ? INT16_MIN : cut));
}

static char *put_head(char *out, const struct id *id)
{
    out = put_8(out, RECORD_VERSION);
    memcpy(out, id->bytes, sizeof(id->bytes));
    return out + sizeof(id->bytes);
}

static char *put_name(char *out, struct slice name)
{
    size_t len = cut_length(name, RECORD_NAME_MAX);
    return put_bytes(put_8(out, (unsigned)len), name.ptr, len);
}

static char *put_loss(char *out, struct slice loss)
{
    size_t len = cut_length(loss, RECORD_LOSS_MAX);
    out = put_8(out, (unsigned)len & 0xFF);
    return put_bytes(put_8(out, (unsigned)len >> 8), loss.ptr, len);
}

size_t record_encode_hold(const struct hold_record *record, char *out)
{
    char *at = put_head(out, &record->call);
    at = little_put_32(at, record->attempt);
    at = little_put_64(at, (uint64_t)record->wall_ns);
    at = little_put_64(at, (uint64_t)record->amount_nd);
    at = little_put_64(at, record->key_id);
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        at = little_put_64(at, record->scopes[kind]);
    }
    at = put_8(at, record->task);
    at = put_8(at, record->tier);
    at = little_put_32(at, (uint32_t)record->complexity_permille);
    at = put_name(at, record->target);
    at = put_name(at, record->provider);
    at = put_name(at, record->model);
    at = put_name(at, record->limited_model);
    at = put_name(at, record->key_name);
    at = put_name(at, record->endpoint);
    at = put_name(at, record->asked_model);
    at = put_name(at, record->route);
    at = put_name(at, record->tag);
    return (size_t)(at - out);
}

static bool has_details(const struct usage *usage)
{
    return (usage->cache_read | usage->cache_write | usage->cache_write_1h | usage->reasoning |
            usage->audio_input | usage->audio_output) != 0 ||
           usage->has_provider_cost;
}

static char *put_details(char *out, const struct usage *usage)
{
    out = little_put_64(out, (uint64_t)usage->cache_read);
    out = little_put_64(out, (uint64_t)usage->cache_write);
    out = little_put_64(out, (uint64_t)usage->cache_write_1h);
    out = little_put_64(out, (uint64_t)usage->reasoning);
    out = little_put_64(out, (uint64_t)usage->audio_input);
    out = little_put_64(out, (uint64_t)usage->audio_output);
    return little_put_64(out, usage->has_provider_cost ? (uint64_t)usage->provider_cost_nd : 0);
}

static bool has_images(const struct usage *usage)
{
    return (usage->image_input | usage->image_output) != 0;
}

static char *put_images(char *out, const struct usage *usage)
{
    out = little_put_64(out, (uint64_t)usage->image_input);
    return little_put_64(out, (uint64_t)usage->image_output);
}

enum forecast_flag {
    FORECAST_STREAMED = 1,
    FORECAST_OUTPUT = 2,
    FORECAST_THINKING = 4,
    FORECAST_INPUT = 8,
    FORECAST_THINKS = 16,
    FORECAST_FLAGS = 31,
};

static uint32_t short_count(int64_t value)
{
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static char *put_forecast(char *out, const struct settle_forecast *forecast)
{
    out = put_8(out, forecast->task);
    out = put_8(out, (forecast->streamed ? FORECAST_STREAMED : 0u) |
                         (forecast->has_output ? FORECAST_OUTPUT : 0u) |
                         (forecast->has_thinking ? FORECAST_THINKING : 0u) |
                         (forecast->has_input ? FORECAST_INPUT : 0u) |
                         (forecast->thinks ? FORECAST_THINKS : 0u));
    out = little_put_32(out, short_count(forecast->input));
    out = little_put_32(out, short_count(forecast->output));
    out = little_put_32(out, short_count(forecast->output_high));
    out = little_put_64(out, (uint64_t)forecast->cost_nd);
    out = little_put_32(out, short_count(forecast->latency_ms));
    out = put_16(out, forecast->log_output);
    out = put_16(out, forecast->log_thinking);
    out = put_16(out, forecast->log_input);
    out = put_8(out, forecast->size);
    out = put_8(out, forecast->first_bucket);
    return put_8(out, forecast->total_bucket);
}

size_t record_encode_settle(const struct settle_record *record, char *out)
{
    const struct usage *usage = &record->usage;
    bool details = has_details(usage);
    bool images = has_images(usage);
    char *at = put_head(out, &record->call);
    at = little_put_32(at, record->attempt);
    at = little_put_64(at, (uint64_t)record->wall_ns);
    at = little_put_64(at, (uint64_t)record->released_nd);
    at = little_put_64(at, (uint64_t)record->cost_nd);
    at = little_put_64(at, record->key_id);
    at = put_8(at, record->outcome);
    at = little_put_32(at, (uint32_t)record->status);
    at = put_8(at, (usage->reported ? FLAG_REPORTED : 0u) | (record->priced ? FLAG_PRICED : 0u) |
                       (usage->has_provider_cost ? FLAG_PROVIDER_COST : 0u) |
                       (details ? FLAG_DETAILS : 0u) | (images ? FLAG_IMAGES : 0u) |
                       (record->forecast.given ? FLAG_FORECAST : 0u) |
                       (record->blocks ? FLAG_BLOCKS : 0u));
    at = little_put_64(at, (uint64_t)usage->input);
    at = little_put_64(at, (uint64_t)usage->output);
    at = little_put_64(at, (uint64_t)record->first_byte_us);
    at = little_put_64(at, (uint64_t)record->total_us);
    at = details ? put_details(at, usage) : at;
    at = images ? put_images(at, usage) : at;
    at = put_name(at, record->target);
    at = put_name(at, record->provider);
    at = put_name(at, record->model);
    at = put_name(at, record->lane);
    at = put_name(at, record->error);
    at = put_loss(at, record->loss);
    at = little_put_64(at, record->offer);
    at = put_8(at, record->basis);
    at = put_8(at, record->purpose);
    if (record->basis == CHARGE_PROVIDER) {
        at = little_put_64(at, (uint64_t)record->catalogue_nd);
    }
    if (record->forecast.given) {
        at = put_forecast(at, &record->forecast);
    }
    return (size_t)(at - out);
}

static char *put_candidates(char *out, struct slice candidates)
{
    size_t count = candidates.len / CANDIDATE_BYTES;
    count = count > CANDIDATES_MAX ? CANDIDATES_MAX : count;
    return put_bytes(put_8(out, (unsigned)count), candidates.ptr, count * CANDIDATE_BYTES);
}

static bool has_scopes(const struct call_record *record)
{
    return (record->scopes[SCOPE_USER] | record->scopes[SCOPE_TEAM] |
            record->scopes[SCOPE_ORGANISATION]) != 0;
}

size_t record_encode_call(const struct call_record *record, char *out)
{
    char *at = put_head(out, &record->call);
    at = little_put_64(at, (uint64_t)record->wall_ns);
    at = little_put_64(at, record->key_id);
    at = put_8(at, record->task);
    at = put_8(at, record->tier);
    at = little_put_32(at, (uint32_t)record->complexity_permille);
    bool scopes = has_scopes(record);
    at = put_8(at, (record->streamed ? FLAG_STREAMED : 0u) |
                       (record->complete ? FLAG_COMPLETE : 0u) | (scopes ? FLAG_SCOPES : 0u) |
                       (record->verdict != 0 ? FLAG_VERDICT : 0u));
    at = little_put_32(at, (uint32_t)record->status);
    at = little_put_32(at, record->attempts);
    at = little_put_64(at, (uint64_t)record->cost_nd);
    at = little_put_64(at, (uint64_t)record->baseline_nd);
    at = little_put_64(at, (uint64_t)record->input_tokens);
    at = little_put_64(at, (uint64_t)record->output_tokens);
    at = little_put_64(at, (uint64_t)record->expected_cost_nd);
    at = little_put_64(at, (uint64_t)record->first_byte_us);
    at = little_put_64(at, (uint64_t)record->total_us);
    at = put_name(at, record->key_name);
    at = put_name(at, record->endpoint);
    at = put_name(at, record->asked_model);
    at = put_name(at, record->route);
    at = put_name(at, record->target);
    at = put_name(at, record->provider);
    at = put_name(at, record->model);
    at = put_name(at, record->error);
    at = put_name(at, record->baseline);
    at = little_put_64(at, record->baseline_offer);
    for (unsigned kind = SCOPE_KEY + 1; scopes && kind < SCOPE_KINDS; kind++) {
        at = little_put_64(at, record->scopes[kind]);
    }
    if (record->verdict != 0) {
        at = little_put_32(at, (uint32_t)record->verdict);
    }
    at = put_name(at, record->tag);
    at = put_candidates(at, record->candidates);
    return (size_t)(at - out);
}

size_t record_encode_pair(const struct settle_record *settle, const struct call_record *call,
                          char *out)
{
    /* The settle's length comes first, in two bytes, because it is known only afterwards. */
    size_t len = record_encode_settle(settle, out + 2);
    out[0] = (char)(len & 0xFF);
    out[1] = (char)(len >> 8);
    return 2 + len + record_encode_call(call, out + 2 + len);
}

/* Offers without such rates are as older programs wrote them, so that their identifiers last. */
static bool has_more_rates(const struct price_rates *rates)
{
    return rates->reasoning >= 0 || rates->image_input >= 0 || rates->image_output >= 0;
}

static char *put_rates(char *out, int64_t above_input, const struct price_rates *rates, bool more)
{
    out = little_put_64(out, (uint64_t)above_input);
    out = little_put_64(out, (uint64_t)rates->input);
    out = little_put_64(out, (uint64_t)rates->output);
    out = little_put_64(out, (uint64_t)rates->cache_read);
    out = little_put_64(out, (uint64_t)rates->cache_write);
    out = little_put_64(out, (uint64_t)rates->cache_write_1h);
    out = little_put_64(out, (uint64_t)rates->audio_input);
    out = little_put_64(out, (uint64_t)rates->audio_output);
    if (more) {
        out = little_put_64(out, (uint64_t)rates->reasoning);
        out = little_put_64(out, (uint64_t)rates->image_input);
        out = little_put_64(out, (uint64_t)rates->image_output);
    }
    return out;
}

static unsigned tiers_of(const struct price *price)
{
    return price->tier_count > PRICE_TIERS_MAX ? PRICE_TIERS_MAX : price->tier_count;
}

size_t record_encode_offer(const struct offer *offer, char *out)
{
    const struct price *price = &offer->price;
    bool more = has_more_rates(&price->base);
    for (unsigned i = 0; i < tiers_of(price); i++) {
        more = more || has_more_rates(&price->tiers[i].rates);
    }
    char *at = put_8(out, RECORD_VERSION);
    at = put_8(at, offer->kind);
    at = put_8(at, tiers_of(price) | (more ? OFFER_MORE_RATES : 0u));
    at = little_put_64(at, (uint64_t)price->per_request_nd);
    at = put_rates(at, 0, &price->base, more);
    for (unsigned i = 0; i < tiers_of(price); i++) {
        at = put_rates(at, price->tiers[i].above_input, &price->tiers[i].rates, more);
    }
    at = put_name(at, offer->target);
    at = put_name(at, offer->provider);
    at = put_name(at, offer->model);
    return (size_t)(at - out);
}

/* Of an encoded offer, but for its version. */
static uint64_t offer_hash(struct slice bytes)
{
    uint64_t hash = hash_stable(slice_from(bytes, 1));
    return hash == 0 ? 1 : hash;
}

void offer_identify(struct offer *offer)
{
    char bytes[RECORD_BYTES_MAX];
    offer->id = offer_hash(slice_of(bytes, record_encode_offer(offer, bytes)));
}

/* --- reading: `failed` is sticky, so that a record is read in one go and checked once -------- */

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

/* Of numbers whose bytes are known to be there. */
static unsigned get_8(struct reader *r)
{
    return *r->at++;
}

static int32_t get_16(struct reader *r)
{
    r->at += sizeof(uint16_t);
    return (int16_t)little_get_16(r->at - sizeof(uint16_t));
}

static uint32_t get_32(struct reader *r)
{
    r->at += sizeof(uint32_t);
    return little_get_32(r->at - sizeof(uint32_t));
}

static uint64_t get_64(struct reader *r)
{
    r->at += sizeof(uint64_t);
    return little_get_64(r->at - sizeof(uint64_t));
}

static int64_t get_signed(struct reader *r)
{
    return (int64_t)get_64(r);
}

static unsigned get_up_to(struct reader *r, unsigned max)
{
    unsigned value = get_8(r);
    r->failed |= value > max;
    return value > max ? 0 : value;
}

static unsigned get_flags(struct reader *r, unsigned known)
{
    unsigned flags = get_8(r);
    r->failed |= (flags & ~known) != 0;
    return flags;
}

static struct slice get_bytes(struct reader *r, size_t len)
{
    if (UNLIKELY((size_t)(r->end - r->at) < len)) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    struct slice bytes = slice_of((const char *)r->at, len);
    r->at += len;
    return bytes;
}

static struct slice span_from(const struct reader *r, const unsigned char *start)
{
    return slice_of((const char *)start, (size_t)(r->at - start));
}

static struct slice get_name(struct reader *r)
{
    if (UNLIKELY(r->at == r->end)) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    return get_bytes(r, get_8(r));
}

static struct slice get_loss(struct reader *r)
{
    if (r->end - r->at < 2) {
        r->failed = true;
        return SLICE_EMPTY;
    }
    size_t len = get_8(r);
    len |= (size_t)get_8(r) << 8;
    r->failed |= len > RECORD_LOSS_MAX;
    return get_bytes(r, len);
}

static bool is_old(struct slice bytes)
{
    return bytes.len > 0 && bytes.ptr[0] < RECORD_VERSION_3;
}

/* Once reader_begin() has looked: has it what is behind the names? */
static bool has_tail(struct slice bytes)
{
    return bytes.ptr[0] != RECORD_VERSION_3;
}

/* False: it is no record of these versions with so many bytes of numbers. */
static bool reader_begin(struct reader *r, struct slice bytes, size_t numbers, struct id *ret_id)
{
    if (bytes.len < numbers ||
        (bytes.ptr[0] != RECORD_VERSION && bytes.ptr[0] != RECORD_VERSION_3)) {
        return false;
    }
    const unsigned char *start = (const unsigned char *)bytes.ptr;
    *r = (struct reader){start + HEAD_BYTES, start + bytes.len, false};
    memcpy(ret_id->bytes, start + 1, sizeof(ret_id->bytes));
    return true;
}

/* Are so many bytes of numbers left? */
static bool has_left(struct reader *r, size_t bytes)
{
    r->failed |= (size_t)(r->end - r->at) < bytes;
    return !r->failed;
}

static bool reader_finish(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

bool record_decode_hold(struct slice bytes, struct hold_record *ret_record)
{
    struct reader r;
    if (is_old(bytes)) {
        return record_old_decode_hold(bytes, ret_record);
    }
    if (!reader_begin(&r, bytes, HOLD_BYTES, &ret_record->call)) {
        return false;
    }
    ret_record->attempt = get_32(&r);
    ret_record->wall_ns = get_signed(&r);
    ret_record->amount_nd = get_signed(&r);
    ret_record->key_id = get_64(&r);
    ret_record->scopes[SCOPE_KEY] = 0;
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        ret_record->scopes[kind] = get_64(&r);
    }
    ret_record->task = (enum task)get_up_to(&r, TASK_COUNT - 1);
    ret_record->tier = (enum tier)get_up_to(&r, TIER_COUNT - 1);
    ret_record->complexity_permille = (int32_t)get_32(&r);
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    ret_record->limited_model = get_name(&r);
    ret_record->key_name = get_name(&r);
    ret_record->endpoint = get_name(&r);
    ret_record->asked_model = get_name(&r);
    ret_record->route = get_name(&r);
    ret_record->tag = has_tail(bytes) ? get_name(&r) : SLICE_EMPTY;
    return reader_finish(&r);
}

static void get_details(struct reader *r, struct usage *usage)
{
    if (!has_left(r, DETAILS_BYTES)) {
        return;
    }
    usage->cache_read = get_signed(r);
    usage->cache_write = get_signed(r);
    usage->cache_write_1h = get_signed(r);
    usage->reasoning = get_signed(r);
    usage->audio_input = get_signed(r);
    usage->audio_output = get_signed(r);
    usage->provider_cost_nd = get_signed(r);
    r->failed |= !has_details(usage) || (!usage->has_provider_cost && usage->provider_cost_nd != 0);
}

static void get_images(struct reader *r, struct usage *usage)
{
    if (!has_left(r, IMAGES_BYTES)) {
        return;
    }
    usage->image_input = get_signed(r);
    usage->image_output = get_signed(r);
    r->failed |= !has_images(usage);
}

static void get_settle_tail(struct reader *r, struct settle_record *record)
{
    if (!has_left(r, SETTLE_TAIL_BYTES)) {
        return;
    }
    record->offer = get_64(r);
    record->basis = (enum charge_basis)get_up_to(r, CHARGE_BASES - 1);
    record->purpose = (enum attempt_purpose)get_up_to(r, ATTEMPT_PURPOSES - 1);
    if (record->basis == CHARGE_PROVIDER && has_left(r, 8)) {
        record->catalogue_nd = get_signed(r);
    }
}

static unsigned get_bucket(struct reader *r)
{
    unsigned bucket = get_8(r);
    r->failed |= bucket >= FORECAST_BUCKETS && bucket != FORECAST_NO_BUCKET;
    return bucket;
}

static void get_forecast(struct reader *r, struct settle_forecast *forecast)
{
    if (!(forecast->given = has_left(r, FORECAST_BYTES))) {
        return;
    }
    forecast->task = (enum task)get_up_to(r, TASK_COUNT - 1);
    unsigned flags = get_flags(r, FORECAST_FLAGS);
    forecast->streamed = (flags & FORECAST_STREAMED) != 0;
    forecast->has_output = (flags & FORECAST_OUTPUT) != 0;
    forecast->has_thinking = (flags & FORECAST_THINKING) != 0;
    forecast->has_input = (flags & FORECAST_INPUT) != 0;
    forecast->thinks = (flags & FORECAST_THINKS) != 0;
    forecast->input = get_32(r);
    forecast->output = get_32(r);
    forecast->output_high = get_32(r);
    forecast->cost_nd = get_signed(r);
    forecast->latency_ms = get_32(r);
    forecast->log_output = get_16(r);
    forecast->log_thinking = get_16(r);
    forecast->log_input = get_16(r);
    forecast->size = get_up_to(r, FORECAST_SIZES - 1);
    forecast->first_bucket = get_bucket(r);
    forecast->total_bucket = get_bucket(r);
}

bool record_decode_settle(struct slice bytes, struct settle_record *ret_record)
{
    struct reader r;
    if (is_old(bytes)) {
        return record_old_decode_settle(bytes, ret_record);
    }
    if (!reader_begin(&r, bytes, SETTLE_BYTES, &ret_record->call)) {
        return false;
    }
    ret_record->attempt = get_32(&r);
    ret_record->wall_ns = get_signed(&r);
    ret_record->released_nd = get_signed(&r);
    ret_record->cost_nd = get_signed(&r);
    ret_record->key_id = get_64(&r);
    ret_record->outcome = (enum attempt_outcome)get_up_to(&r, ATTEMPT_OUTCOMES - 1);
    ret_record->status = (int32_t)get_32(&r);
    unsigned flags =
        get_flags(&r, has_tail(bytes) ? SETTLE_FLAGS
                                      : SETTLE_FLAGS & ~(unsigned)(FLAG_FORECAST | FLAG_IMAGES |
                                                                   FLAG_BLOCKS));
    ret_record->blocks = (flags & FLAG_BLOCKS) != 0;
    ret_record->priced = (flags & FLAG_PRICED) != 0;
    ret_record->usage = (struct usage){.reported = (flags & FLAG_REPORTED) != 0,
                                       .has_provider_cost = (flags & FLAG_PROVIDER_COST) != 0};
    ret_record->usage.input = get_signed(&r);
    ret_record->usage.output = get_signed(&r);
    ret_record->first_byte_us = get_signed(&r);
    ret_record->total_us = get_signed(&r);
    if ((flags & FLAG_DETAILS) != 0) {
        get_details(&r, &ret_record->usage);
    } else {
        r.failed |= (flags & FLAG_PROVIDER_COST) != 0;
    }
    if ((flags & FLAG_IMAGES) != 0) {
        get_images(&r, &ret_record->usage);
    }
    const unsigned char *words = r.at;
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    ret_record->lane = get_name(&r);
    ret_record->error = get_name(&r);
    ret_record->words = span_from(&r, words);
    ret_record->loss = get_loss(&r);
    ret_record->offer = 0;
    ret_record->basis = CHARGE_UNRECORDED;
    ret_record->purpose = ATTEMPT_FOR_ANSWER;
    ret_record->catalogue_nd = RECORD_NO_CATALOGUE;
    ret_record->forecast = (struct settle_forecast){.given = false};
    if (has_tail(bytes)) {
        get_settle_tail(&r, ret_record);
    }
    if ((flags & FLAG_FORECAST) != 0) {
        get_forecast(&r, &ret_record->forecast);
    }
    return reader_finish(&r);
}

static void get_call_tail(struct reader *r, unsigned flags, struct call_record *record)
{
    bool scopes = (flags & FLAG_SCOPES) != 0;
    bool judged = (flags & FLAG_VERDICT) != 0;
    if (!has_left(r, CALL_TAIL_BYTES + (scopes ? SCOPES_BYTES : 0) +
                         (judged ? VERDICT_BYTES : 0))) {
        return;
    }
    record->baseline_offer = get_64(r);
    for (unsigned kind = SCOPE_KEY + 1; scopes && kind < SCOPE_KINDS; kind++) {
        record->scopes[kind] = get_64(r);
    }
    r->failed |= scopes && !has_scopes(record);
    if (judged) {
        uint32_t verdict = get_32(r);
        r->failed |= verdict == 0 || verdict >> VERDICT_BITS != 0;
        record->verdict = (int32_t)(verdict & ((1u << VERDICT_BITS) - 1));
    }
    record->tag = get_name(r);
    if (has_left(r, 1)) {
        record->candidates = get_bytes(r, (size_t)get_up_to(r, CANDIDATES_MAX) * CANDIDATE_BYTES);
    }
}

bool record_decode_call(struct slice bytes, struct call_record *ret_record)
{
    struct reader r;
    if (is_old(bytes)) {
        return record_old_decode_call(bytes, ret_record);
    }
    if (!reader_begin(&r, bytes, CALL_BYTES, &ret_record->call)) {
        return false;
    }
    ret_record->wall_ns = get_signed(&r);
    ret_record->key_id = get_64(&r);
    ret_record->task = (enum task)get_up_to(&r, TASK_COUNT - 1);
    ret_record->tier = (enum tier)get_up_to(&r, TIER_COUNT - 1);
    ret_record->complexity_permille = (int32_t)get_32(&r);
    unsigned flags =
        get_flags(&r, has_tail(bytes) ? CALL_FLAGS
                                      : CALL_FLAGS & ~(unsigned)(FLAG_SCOPES | FLAG_VERDICT));
    ret_record->streamed = (flags & FLAG_STREAMED) != 0;
    ret_record->complete = (flags & FLAG_COMPLETE) != 0;
    ret_record->status = (int32_t)get_32(&r);
    ret_record->attempts = get_32(&r);
    ret_record->cost_nd = get_signed(&r);
    ret_record->baseline_nd = get_signed(&r);
    ret_record->input_tokens = get_signed(&r);
    ret_record->output_tokens = get_signed(&r);
    ret_record->expected_cost_nd = get_signed(&r);
    ret_record->first_byte_us = get_signed(&r);
    ret_record->total_us = get_signed(&r);
    const unsigned char *words = r.at;
    ret_record->key_name = get_name(&r);
    ret_record->endpoint = get_name(&r);
    ret_record->asked_model = get_name(&r);
    ret_record->route = get_name(&r);
    ret_record->target = get_name(&r);
    ret_record->provider = get_name(&r);
    ret_record->model = get_name(&r);
    ret_record->error = get_name(&r);
    ret_record->baseline = get_name(&r);
    ret_record->words = span_from(&r, words);
    ret_record->baseline_offer = 0;
    memset(ret_record->scopes, 0, sizeof(ret_record->scopes));
    ret_record->tag = SLICE_EMPTY;
    ret_record->verdict = 0;
    ret_record->candidates = SLICE_EMPTY;
    if (has_tail(bytes)) {
        get_call_tail(&r, flags, ret_record);
    }
    return reader_finish(&r);
}

static int64_t get_rates(struct reader *r, struct price_rates *rates, bool more)
{
    *rates = (struct price_rates)PRICE_RATES(0, 0);
    if (!has_left(r, RATES_BYTES + (more ? MORE_RATES_BYTES : 0))) {
        return 0;
    }
    int64_t above_input = get_signed(r);
    rates->input = get_signed(r);
    rates->output = get_signed(r);
    rates->cache_read = get_signed(r);
    rates->cache_write = get_signed(r);
    rates->cache_write_1h = get_signed(r);
    rates->audio_input = get_signed(r);
    rates->audio_output = get_signed(r);
    if (more) {
        rates->reasoning = get_signed(r);
        rates->image_input = get_signed(r);
        rates->image_output = get_signed(r);
    }
    return above_input;
}

bool record_decode_offer(struct slice bytes, struct offer *ret_offer)
{
    if (bytes.len < OFFER_BYTES || bytes.ptr[0] != RECORD_VERSION) {
        return false;
    }
    const unsigned char *start = (const unsigned char *)bytes.ptr;
    struct reader r = {start + 1, start + bytes.len, false};
    *ret_offer = (struct offer){.id = offer_hash(bytes)};
    struct price *price = &ret_offer->price;
    ret_offer->kind = (enum offer_kind)get_up_to(&r, OFFER_KINDS - 1);
    r.failed |= ret_offer->kind < OFFER_PRICED;
    price->known = ret_offer->kind != OFFER_UNPRICED;
    unsigned tiers = get_up_to(&r, OFFER_MORE_RATES | PRICE_TIERS_MAX);
    bool more = (tiers & OFFER_MORE_RATES) != 0;
    tiers &= ~OFFER_MORE_RATES;
    r.failed |= tiers > PRICE_TIERS_MAX;
    price->tier_count = (uint8_t)(tiers > PRICE_TIERS_MAX ? 0 : tiers);
    price->per_request_nd = get_signed(&r);
    r.failed |= get_rates(&r, &price->base, more) != 0;
    bool needed = has_more_rates(&price->base);
    for (size_t i = 0; i < price->tier_count; i++) {
        price->tiers[i].above_input = get_rates(&r, &price->tiers[i].rates, more);
        needed = needed || has_more_rates(&price->tiers[i].rates);
    }
    r.failed |= more && !needed;
    ret_offer->target = get_name(&r);
    ret_offer->provider = get_name(&r);
    ret_offer->model = get_name(&r);
    return reader_finish(&r);
}

bool record_decode_pair(struct slice bytes, struct settle_record *ret_settle,
                        struct call_record *ret_call)
{
    if (bytes.len < 2) {
        return false;
    }
    size_t len = (size_t)((unsigned char)bytes.ptr[0] | (unsigned char)bytes.ptr[1] << 8);
    if (len > bytes.len - 2) {
        return false;
    }
    return record_decode_settle(slice_of(bytes.ptr + 2, len), ret_settle) &&
           record_decode_call(slice_from(bytes, 2 + len), ret_call);
}
