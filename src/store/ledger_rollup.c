/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_rollup.h"

#include "base/memory.h"

#define SLOTS_MIN 64
#define SLOTS_KEEP 4096

const char rollups_sql[] =
    "INSERT INTO rollups(dimension, hour, name, calls, failed, input_tokens, output_tokens,"
    " cost_nd, baseline_nd, estimated) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    " ON CONFLICT(dimension, hour, name) DO UPDATE SET calls = calls + ?4, failed = failed + ?5,"
    " input_tokens = input_tokens + ?6, output_tokens = output_tokens + ?7,"
    " cost_nd = cost_nd + ?8, baseline_nd = baseline_nd + ?9, estimated = estimated + ?10";

void rollups_init(struct rollups *rollups)
{
    *rollups = (struct rollups){0};
}

void rollups_release(struct rollups *rollups)
{
    memory_free(rollups->slots);
    rollups_init(rollups);
}

void rollups_clear(struct rollups *rollups)
{
    if (rollups->cap > SLOTS_KEEP) {
        rollups_release(rollups);
    } else if (rollups->count > 0) {
        memset(rollups->slots, 0, rollups->cap * sizeof(rollups->slots[0]));
        rollups->count = 0;
    }
}

/* Names are row numbers of ours, so nobody chooses them to collide. */
static size_t slot_of(const struct rollups *rollups, uint32_t dimension, int64_t hour, int64_t name)
{
    uint64_t mixed = ((uint64_t)name << 20 ^ (uint64_t)hour << 3 ^ dimension) * 0x9E3779B97F4A7C15u;
    return (size_t)(mixed >> 32) & (rollups->cap - 1);
}

static struct rollup *find(const struct rollups *rollups, uint32_t dimension, int64_t hour,
                           int64_t name)
{
    size_t at = slot_of(rollups, dimension, hour, name);
    for (;;) {
        struct rollup *slot = &rollups->slots[at];
        if (!slot->used ||
            (slot->name == name && slot->sums.hour == hour && slot->dimension == dimension)) {
            return slot;
        }
        at = (at + 1) & (rollups->cap - 1);
    }
}

static bool grow(struct rollups *rollups)
{
    struct rollups bigger = {.cap = rollups->cap == 0 ? SLOTS_MIN : rollups->cap * 2,
                             .count = rollups->count};
    bigger.slots = memory_array(bigger.cap, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < rollups->cap; i++) {
        const struct rollup *old = &rollups->slots[i];
        if (old->used) {
            *find(&bigger, old->dimension, old->sums.hour, old->name) = *old;
        }
    }
    memory_free(rollups->slots);
    *rollups = bigger;
    return true;
}

bool rollups_add(struct rollups *rollups, enum report_by dimension, int64_t name,
                 const struct sums *sums)
{
    if ((rollups->count + 1) * 2 > rollups->cap && !grow(rollups)) {
        return false;
    }
    struct rollup *slot = find(rollups, (uint32_t)dimension, sums->hour, name);
    if (!slot->used) {
        rollups->count++;
        *slot = (struct rollup){.used = true,
                                .dimension = (uint32_t)dimension,
                                .name = name,
                                .sums = {.hour = sums->hour}};
    }
    sums_add(&slot->sums, sums);
    return true;
}

static bool write_one(const struct rollup *rollup, sqlite3_stmt *upsert, struct ledger_note *note)
{
    const struct sums *sums = &rollup->sums;
    const int64_t values[] = {
        rollup->dimension,  sums->hour,          rollup->name,  sums->calls,       sums->failed,
        sums->input_tokens, sums->output_tokens, sums->cost_nd, sums->baseline_nd, sums->estimated,
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        sqlite3_bind_int64(upsert, (int)i + 1, values[i]);
    }
    _Static_assert(ARRAY_LEN(values) == NOTE_ROLLUP_NUMBERS, "as a note has");
    note_rollup(note, values);
    return database_run(upsert);
}

bool rollups_write(struct rollups *rollups, sqlite3_stmt *upsert, struct ledger_note *note)
{
    for (size_t i = 0; i < rollups->cap; i++) {
        if (rollups->slots[i].used && !write_one(&rollups->slots[i], upsert, note)) {
            return false;
        }
    }
    rollups_clear(rollups);
    return true;
}
