/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row's blob: for each counter that is not 0 the distance to the one before, then its value, both
 * as varints of seven bits with the lowest first, the value zigzag. Most counters are 0, so a row
 * is some hundred bytes.
 */
#include "store/ledger_tally.h"

#include "base/clock.h"
#include "base/memory.h"

#define SLOTS_MIN 16
#define SLOTS_KEEP 128
#define NS_PER_DAY (86400 * NS_PER_S)
#define RATIOS_PER_OCTAVE 8
#define RATIO_MIDDLE (TALLY_RATIOS / 2)
#define DOUBLE_FRACTION_BITS 52
#define DOUBLE_BIAS 1023
#define VARINT_MAX 10
#define BLOB_MAX (TALLIES * (VARINT_MAX + 2))

const char tallies_find_sql[] =
    "SELECT numbers FROM calibration WHERE day = ? AND target = ? AND kind = ?";
const char tallies_set_sql[] =
    "INSERT OR REPLACE INTO calibration(day, target, kind, numbers) VALUES(?, ?, ?, ?)";

void tallies_init(struct tallies *tallies)
{
    *tallies = (struct tallies){0};
}

void tallies_release(struct tallies *tallies)
{
    memory_free(tallies->slots);
    tallies_init(tallies);
}

void tallies_clear(struct tallies *tallies)
{
    if (tallies->cap > SLOTS_KEEP) {
        tallies_release(tallies);
    } else if (tallies->count > 0) {
        memset(tallies->slots, 0, tallies->cap * sizeof(tallies->slots[0]));
        tallies->count = 0;
    }
}

/* Numbers of ours, so nobody chooses them to collide. */
static struct tally_row *find(const struct tallies *tallies, int64_t target, int32_t day,
                              int32_t kind)
{
    uint64_t mixed =
        ((uint64_t)target << 24 ^ (uint64_t)day << 8 ^ (uint64_t)kind) * 0x9E3779B97F4A7C15u;
    size_t at = (size_t)(mixed >> 32) & (tallies->cap - 1);
    for (;;) {
        struct tally_row *row = &tallies->slots[at];
        if (!row->used || (row->target == target && row->day == day && row->kind == kind)) {
            return row;
        }
        at = (at + 1) & (tallies->cap - 1);
    }
}

static bool grow(struct tallies *tallies)
{
    struct tallies bigger = {.cap = tallies->cap == 0 ? SLOTS_MIN : tallies->cap * 2,
                             .count = tallies->count};
    bigger.slots = memory_array(bigger.cap, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < tallies->cap; i++) {
        const struct tally_row *old = &tallies->slots[i];
        if (old->used) {
            *find(&bigger, old->target, old->day, old->kind) = *old;
        }
    }
    memory_free(tallies->slots);
    *tallies = bigger;
    return true;
}

/* NULL: out of memory. */
static struct tally_row *row_at(struct tallies *tallies, int64_t target, int32_t day, int32_t kind)
{
    if ((tallies->count + 1) * 2 > tallies->cap && !grow(tallies)) {
        return NULL;
    }
    struct tally_row *row = find(tallies, target, day, kind);
    if (!row->used) {
        tallies->count++;
        row->used = true;
        row->target = target;
        row->day = day;
        row->kind = kind;
    }
    return row;
}

/*
 * The nearest eighth of an octave: the exponent of the ratio, and how many of the powers of two
 * with (k - 1/2) / 8 are not above its fraction. A logarithm costs ten times that.
 */
unsigned tally_ratio(int64_t actual, int64_t expected)
{
    static const double powers[RATIOS_PER_OCTAVE] = {
        0x1.0b5586cf9890fp+0, 0x1.2387a6e756238p+0, 0x1.3dea64c123422p+0, 0x1.5ab07dd485429p+0,
        0x1.7a11473eb0187p+0, 0x1.9c49182a3f09p+0,  0x1.c199bdd85529cp+0, 0x1.ea4afa2a490dap+0,
    };
    double ratio = (double)actual / (double)expected;
    uint64_t bits;
    memcpy(&bits, &ratio, sizeof(bits));
    long bucket =
        RATIO_MIDDLE + ((long)(bits >> DOUBLE_FRACTION_BITS) - DOUBLE_BIAS) * RATIOS_PER_OCTAVE;
    bits = (bits & (((uint64_t)1 << DOUBLE_FRACTION_BITS) - 1)) | (uint64_t)DOUBLE_BIAS
                                                                      << DOUBLE_FRACTION_BITS;
    memcpy(&ratio, &bits, sizeof(ratio));
    const double *at = powers;
    at += ratio >= at[3] ? 4 : 0;
    at += ratio >= at[1] ? 2 : 0;
    at += ratio >= at[0] ? 1 : 0;
    bucket += at - powers + (ratio >= *at);
    return bucket < 0 ? 0 : bucket >= TALLY_RATIOS ? TALLY_RATIOS - 1 : (unsigned)bucket;
}

/* --- one attempt --- */

/* Beyond it nothing is believed, and sums stay far from overflow. */
static int64_t sane(int64_t value)
{
    const int64_t max = (int64_t)1 << 40;
    return value < 0 ? 0 : value > max ? max : value;
}

static void add_log(int64_t *numbers, enum tally first, bool given, int32_t value)
{
    if (given) {
        numbers[first]++;
        numbers[first + 1] += value;
        numbers[first + 2] += (int64_t)value * value;
    }
}

static void add_logs(int64_t *numbers, const struct settle_forecast *forecast)
{
    add_log(numbers, TALLY_LOG_OUTPUT, forecast->has_output, forecast->log_output);
    add_log(numbers, TALLY_LOG_INPUT, forecast->has_input, forecast->log_input);
    add_log(numbers, forecast->thinks ? TALLY_LOG_THINKING : TALLY_LOG_QUIET,
            forecast->has_thinking, forecast->log_thinking);
}

static void add_compared(int64_t *numbers, enum tally expected_sum, enum tally ratios,
                         int64_t expected, int64_t actual)
{
    numbers[expected_sum] += expected;
    numbers[expected_sum + 1] += actual;
    if (expected > 0 && actual > 0) {
        numbers[ratios + tally_ratio(actual, expected)]++;
    }
}

static void add_latency(int64_t *numbers, const struct settle_record *settle)
{
    const struct settle_forecast *forecast = &settle->forecast;
    int64_t actual_us = forecast->streamed ? settle->first_byte_us : settle->total_us;
    int64_t actual_ms = actual_us < 0 ? -1 : (actual_us + 999) / 1000;
    if (forecast->latency_ms > 0 && actual_ms >= 0) {
        numbers[TALLY_LATENCIES]++;
        add_compared(numbers, TALLY_LATENCY_EXPECTED, TALLY_LATENCY_RATIOS,
                     sane(forecast->latency_ms), sane(actual_ms < 1 ? 1 : actual_ms));
    }
}

static void add_task(int64_t *numbers, const struct settle_record *settle)
{
    const struct settle_forecast *forecast = &settle->forecast;
    const struct usage *usage = &settle->usage;
    numbers[TALLY_ATTEMPTS]++;
    numbers[TALLY_WITHIN] += usage->output <= forecast->output_high;
    numbers[TALLY_INPUT_EXPECTED] += sane(forecast->input);
    numbers[TALLY_INPUT] += sane(usage->input);
    add_compared(numbers, TALLY_OUTPUT_EXPECTED, TALLY_OUTPUT_RATIOS, sane(forecast->output),
                 sane(usage->output));
    add_compared(numbers, TALLY_COST_EXPECTED, TALLY_COST_RATIOS, sane(forecast->cost_nd),
                 sane(settle->cost_nd));
    add_latency(numbers, settle);
    add_logs(numbers, forecast);
}

static void add_duration(int64_t *numbers, enum tally histogram, unsigned bucket)
{
    if (bucket < FORECAST_BUCKETS) {
        numbers[(unsigned)histogram + bucket]++;
    }
}

bool tallies_add(struct tallies *tallies, int64_t target, const struct settle_record *settle)
{
    const struct settle_forecast *forecast = &settle->forecast;
    int32_t day = (int32_t)(settle->wall_ns < 0 ? 0 : settle->wall_ns / NS_PER_DAY);
    struct tally_row *row = row_at(tallies, target, day, (int32_t)forecast->task);
    if (row == NULL) {
        return false;
    }
    add_task(row->numbers, settle);
    row = row_at(tallies, target, day, TALLY_SIZE + (int32_t)forecast->size);
    if (row == NULL) {
        return false;
    }
    add_duration(row->numbers, TALLY_FIRST_BYTES, forecast->first_bucket);
    add_duration(row->numbers, TALLY_TOTALS, forecast->total_bucket);
    return true;
}

/* --- blobs --- */

static unsigned char *put_varint(unsigned char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (unsigned char)value;
    return out;
}

static size_t encode(const int64_t *numbers, unsigned char *out)
{
    unsigned char *at = out;
    size_t next = 0;
    for (size_t i = 0; i < TALLIES; i++) {
        if (numbers[i] != 0) {
            at = put_varint(at, i - next);
            at = put_varint(at, (uint64_t)numbers[i] << 1 ^ (uint64_t)(numbers[i] >> 63));
            next = i + 1;
        }
    }
    return (size_t)(at - out);
}

static bool get_varint(struct slice *rest, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned i = 0; i < VARINT_MAX && rest->len > 0; i++) {
        unsigned char byte = (unsigned char)rest->ptr[0];
        *rest = slice_from(*rest, 1);
        *ret_value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

bool tally_decode(struct slice bytes, int64_t numbers[TALLIES])
{
    size_t at = 0;
    while (bytes.len > 0) {
        uint64_t gap;
        uint64_t coded;
        if (!get_varint(&bytes, &gap) || !get_varint(&bytes, &coded) || gap >= TALLIES - at) {
            return false;
        }
        at += gap;
        int64_t value = (int64_t)(coded >> 1 ^ (0 - (coded & 1)));
        if (__builtin_add_overflow(numbers[at], value, &numbers[at])) {
            return false;
        }
        at++;
        if (at == TALLIES) {
            break;
        }
    }
    return bytes.len == 0;
}

static bool write_row(struct tally_row *row, sqlite3_stmt *find_row, sqlite3_stmt *set)
{
    unsigned char blob[BLOB_MAX];
    const int64_t key[] = {row->day, row->target, row->kind};
    for (size_t i = 0; i < ARRAY_LEN(key); i++) {
        sqlite3_bind_int64(find_row, (int)i + 1, key[i]);
        sqlite3_bind_int64(set, (int)i + 1, key[i]);
    }
    if (sqlite3_step(find_row) == SQLITE_ROW) {
        /* one that is not readable is begun anew: it says how well forecasts were, no more */
        int64_t sums[TALLIES] = {0};
        const char *bytes = sqlite3_column_blob(find_row, 0);
        size_t len = bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(find_row, 0);
        bool read = tally_decode(slice_of(bytes, len), sums);
        for (size_t i = 0; read && i < TALLIES; i++) {
            row->numbers[i] += sums[i];
        }
    }
    if (sqlite3_reset(find_row) != SQLITE_OK) {
        return false;
    }
    sqlite3_bind_blob(set, (int)ARRAY_LEN(key) + 1, blob, (int)encode(row->numbers, blob),
                      SQLITE_STATIC);
    return database_run(set);
}

bool tallies_write(struct tallies *tallies, sqlite3_stmt *find_row, sqlite3_stmt *set)
{
    for (size_t i = 0; i < tallies->cap; i++) {
        if (tallies->slots[i].used && !write_row(&tallies->slots[i], find_row, set)) {
            return false;
        }
    }
    tallies_clear(tallies);
    return true;
}
