/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_control.h"

#include "base/memory.h"

#include <endian.h>

#define ITEMS_MIN 8
#define ITEMS_KEEP 1024

/* Nothing but odd: splitmix64 from the first digits of pi. They are in databases. */
static const uint64_t weights[CONTROL_NUMBERS_MAX + 2] = {
    0x2CB0F69F4ABEA221u, 0x9417034723148989u, 0xDD555950609DFE03u, 0xDBAFB150DEB12801u,
    0x7E789B2E6C442CB7u, 0xF41E5636C7E4F8C5u, 0x0959D150F8FBA7E5u, 0xA97316F13CDB9EEBu,
    0x74CD8258F9520069u, 0x55C74A62E116868Bu, 0xD2F4C799A2023CBDu, 0xDF98CB79A37B51B9u,
    0x396F5885524F3905u, 0xAF1D56386CA3B277u, 0xA9FFBE6B5104E85Bu, 0x6BD0C51B9FD533B3u,
    0x980CE91C50AB4B57u, 0x28AC395780FE62C5u, 0x768912E3A6BCEDC7u, 0x50B3E8C9332C7C89u,
    0xCE3BBFE520BD47DBu, 0xCBA6C8E8E0BB7C4Fu, 0xBF194DB8434A346Du, 0x7D8F2A7B60416D7Fu,
    0x0849D1F6E0E10A5Fu, 0x7654B590D064E22Fu, 0x16D1DA9507DF3AF3u, 0xF63AEF1089EA30E5u,
    0x9ADE6673CC6C522Bu, 0x4C75BC274E37087Du, 0xD35E12B49F51F27Bu, 0x22DDF2FFCEE481EBu,
    0x06007FB13C59A1F1u, 0x8966A38C651EA4DBu, 0x25242F018FC01AC7u, 0xA73EC74FA31B717Du,
    0x7EE0ABDD9797D3A3u, 0x5C06FF7DC4AC1881u, 0x8434E41042C28A7Du, 0x770A372D64327351u,
    0xEED940DAD9E9C06Du, 0x8977E93646524825u,
};

const char controls_sql[] =
    "INSERT INTO controls(kind, hour, rows, total) VALUES(?1, ?2, ?3, ?4)"
    " ON CONFLICT(kind, hour) DO UPDATE SET rows = rows + ?3, total = wrap(1, total, ?4)";

static uint64_t half_of(const unsigned char *bytes)
{
    uint64_t half;
    memcpy(&half, bytes, sizeof(half));
    return be64toh(half);
}

/* The sum of a row is linear, so two rows could trade numbers: what is added is mixed first
 * (splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t mixed(uint64_t sum)
{
    sum += 0x9E3779B97F4A7C15u;
    sum = (sum ^ sum >> 30) * 0xBF58476D1CE4E5B9u;
    sum = (sum ^ sum >> 27) * 0x94D049BB133111EBu;
    return sum ^ sum >> 31;
}

static uint64_t total_of(const struct id *id, const int64_t *numbers, size_t count)
{
    const uint64_t *weight = weights;
    uint64_t total = 0;
    if (id != NULL) {
        total = half_of(id->bytes) * weight[0] + half_of(id->bytes + 8) * weight[1];
        weight += 2;
    }
    for (size_t i = 0; i < count; i++) {
        total += (uint64_t)numbers[i] * weight[i];
    }
    return mixed(total);
}

int64_t control_seal(const struct id *id, const int64_t *numbers, size_t count)
{
    CHECK(count <= CONTROL_NUMBERS_MAX);
    return (int64_t)total_of(id, numbers, count);
}

/* --- a batch -----------------------------------------------------------------------------------
 */

void controls_init(struct controls *controls)
{
    *controls = (struct controls){0};
}

void controls_release(struct controls *controls)
{
    memory_free(controls->items);
    controls_init(controls);
}

void controls_clear(struct controls *controls)
{
    if (controls->cap > ITEMS_KEEP) {
        controls_release(controls);
    }
    controls->count = 0;
}

static bool grow(struct controls *controls)
{
    size_t cap = controls->cap == 0 ? ITEMS_MIN : controls->cap * 2;
    struct control *bigger = memory_array(cap, sizeof(*bigger));
    if (bigger == NULL) {
        return false;
    }
    if (controls->count > 0) {
        memcpy(bigger, controls->items, controls->count * sizeof(*bigger));
    }
    memory_free(controls->items);
    controls->items = bigger;
    controls->cap = cap;
    return true;
}

/* The newest first: rows come nearly in the order of time. NULL: out of memory. */
static struct control *at_hour(struct controls *controls, enum control_kind kind, int64_t hour)
{
    for (size_t i = controls->count; i > 0; i--) {
        struct control *item = &controls->items[i - 1];
        if (item->hour == hour && item->kind == kind) {
            return item;
        }
    }
    if (controls->count == controls->cap && !grow(controls)) {
        return NULL;
    }
    struct control *item = &controls->items[controls->count++];
    *item = (struct control){.hour = hour, .kind = kind};
    return item;
}

bool controls_add(struct controls *controls, enum control_kind kind, int64_t hour,
                  const struct id *id, const int64_t *numbers, size_t count)
{
    struct control *item = at_hour(controls, kind, hour);
    if (item == NULL) {
        return false;
    }
    item->rows++;
    item->total += total_of(id, numbers, count);
    return true;
}

bool controls_write(struct controls *controls, sqlite3_stmt *upsert)
{
    for (size_t i = 0; i < controls->count; i++) {
        const struct control *item = &controls->items[i];
        sqlite3_bind_int64(upsert, 1, item->kind);
        sqlite3_bind_int64(upsert, 2, item->hour);
        sqlite3_bind_int64(upsert, 3, item->rows);
        sqlite3_bind_int64(upsert, 4, (int64_t)item->total);
        if (!database_run(upsert)) {
            return false;
        }
    }
    controls_clear(controls);
    return true;
}

/* --- in SQL ------------------------------------------------------------------------------------
 */

/* An identifier is two numbers, NULL one that no column has. */
static uint64_t total_of_values(int argc, sqlite3_value **argv)
{
    uint64_t total = 0;
    size_t at = 0;
    for (int i = 0; i < argc && at + 2 <= ARRAY_LEN(weights); i++) {
        bool id = sqlite3_value_type(argv[i]) == SQLITE_BLOB &&
                  sqlite3_value_bytes(argv[i]) == (int)sizeof(struct id);
        if (id) {
            const unsigned char *bytes = sqlite3_value_blob(argv[i]);
            total += half_of(bytes) * weights[at] + half_of(bytes + 8) * weights[at + 1];
        } else {
            int64_t number = sqlite3_value_type(argv[i]) == SQLITE_NULL
                                 ? INT64_MIN
                                 : sqlite3_value_int64(argv[i]);
            total += (uint64_t)number * weights[at];
        }
        at += id ? 2 : 1;
    }
    return mixed(total);
}

static void seal(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    sqlite3_result_int64(context, (int64_t)total_of_values(argc, argv));
}

static void row_total_step(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    uint64_t *total = sqlite3_aggregate_context(context, sizeof(*total));
    if (total != NULL) {
        *total += total_of_values(argc, argv);
    }
}

static void row_total_final(sqlite3_context *context)
{
    const uint64_t *total = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, total == NULL ? 0 : (int64_t)*total);
}

static void wrap(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    uint64_t sign = (uint64_t)sqlite3_value_int64(argv[0]);
    uint64_t sum = 0;
    for (int i = 1; i < argc; i++) {
        sum += (uint64_t)sqlite3_value_int64(argv[i]);
    }
    sqlite3_result_int64(context, (int64_t)(sign * sum));
}

bool control_register(sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    return sqlite3_create_function_v2(db, "seal", -1, flags, NULL, seal, NULL, NULL, NULL) ==
               SQLITE_OK &&
           sqlite3_create_function_v2(db, "row_total", -1, flags, NULL, NULL, row_total_step,
                                      row_total_final, NULL) == SQLITE_OK &&
           sqlite3_create_function_v2(db, "wrap", -1, flags, NULL, wrap, NULL, NULL, NULL) ==
               SQLITE_OK;
}
