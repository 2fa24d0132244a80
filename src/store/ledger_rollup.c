/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_rollup.h"

#include "base/memory.h"

#define SLOTS_MIN 64
#define SLOTS_KEEP 4096

#define SUMS                                                                                       \
    "calls, failed, input_tokens, output_tokens, cost_nd, baseline_nd, estimated, failed_nd,"      \
    " judge_nd, shadow_nd, escalation_nd, told_nd, catalogue_nd"
#define ADD_SUMS                                                                                   \
    "calls = calls + excluded.calls, failed = failed + excluded.failed,"                           \
    " input_tokens = input_tokens + excluded.input_tokens,"                                        \
    " output_tokens = output_tokens + excluded.output_tokens,"                                     \
    " cost_nd = cost_nd + excluded.cost_nd, baseline_nd = baseline_nd + excluded.baseline_nd,"     \
    " estimated = estimated + excluded.estimated, failed_nd = failed_nd + excluded.failed_nd,"     \
    " judge_nd = judge_nd + excluded.judge_nd, shadow_nd = shadow_nd + excluded.shadow_nd,"        \
    " escalation_nd = escalation_nd + excluded.escalation_nd,"                                     \
    " told_nd = told_nd + excluded.told_nd, catalogue_nd = catalogue_nd + excluded.catalogue_nd"

const char rollups_sql[] = "INSERT INTO rollups(dimension, hour, name, " SUMS
                           ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                           " ON CONFLICT(dimension, hour, name) DO UPDATE SET " ADD_SUMS;
const char day_rollups_sql[] = "INSERT INTO rollups_day(dimension, day, name, " SUMS
                               ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                               " ON CONFLICT(dimension, day, name) DO UPDATE SET " ADD_SUMS;
const char key_rollups_sql[] = "INSERT INTO key_rollups(dimension, hour, name, " SUMS
                               ", key) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                               " ON CONFLICT(key, dimension, hour, name) DO UPDATE SET " ADD_SUMS;

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
static size_t slot_of(const struct rollups *rollups, int64_t key, uint32_t dimension, int64_t hour,
                      int64_t name)
{
    uint64_t mixed =
        ((uint64_t)name << 20 ^ (uint64_t)hour << 4 ^ dimension ^ (uint64_t)key << 40) *
        0x9E3779B97F4A7C15u;
    return (size_t)(mixed >> 32) & (rollups->cap - 1);
}

static struct rollup *find(const struct rollups *rollups, int64_t key, uint32_t dimension,
                           int64_t hour, int64_t name)
{
    size_t at = slot_of(rollups, key, dimension, hour, name);
    for (;;) {
        struct rollup *slot = &rollups->slots[at];
        if (!slot->used || (slot->name == name && slot->sums.hour == hour &&
                            slot->dimension == dimension && slot->key == key)) {
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
            *find(&bigger, old->key, old->dimension, old->sums.hour, old->name) = *old;
        }
    }
    memory_free(rollups->slots);
    *rollups = bigger;
    return true;
}

static bool add(struct rollups *rollups, int64_t key, enum report_by dimension, int64_t name,
                const struct sums *sums)
{
    if ((rollups->count + 1) * 2 > rollups->cap && !grow(rollups)) {
        return false;
    }
    struct rollup *slot = find(rollups, key, (uint32_t)dimension, sums->hour, name);
    if (!slot->used) {
        rollups->count++;
        *slot = (struct rollup){.used = true,
                                .key = key,
                                .dimension = (uint32_t)dimension,
                                .name = name,
                                .sums = {.hour = sums->hour}};
    }
    sums_add(&slot->sums, sums);
    return true;
}

bool rollups_add(struct rollups *rollups, enum report_by dimension, int64_t name,
                 const struct sums *sums)
{
    return add(rollups, 0, dimension, name, sums);
}

bool rollups_add_key(struct rollups *rollups, int64_t key, enum report_by dimension, int64_t name,
                     const struct sums *sums)
{
    return key == 0 || add(rollups, key, dimension, name, sums);
}

static bool run_upsert(sqlite3_stmt *upsert, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(upsert, (int)i + 1, values[i]);
    }
    return database_run(upsert);
}

static bool write_one(const struct rollup *rollup, const struct rollup_upserts *upserts,
                      struct ledger_note *note)
{
    const struct sums *sums = &rollup->sums;
    int64_t values[] = {
        rollup->dimension, sums->hour,          rollup->name,        sums->calls,
        sums->failed,      sums->input_tokens,  sums->output_tokens, sums->cost_nd,
        sums->baseline_nd, sums->estimated,     sums->failed_nd,     sums->judge_nd,
        sums->shadow_nd,   sums->escalation_nd, sums->told_nd,       sums->catalogue_nd,
        rollup->key,
    };
    _Static_assert(ARRAY_LEN(values) == NOTE_ROLLUP_NUMBERS + 1, "as a note has, and the key");
    if (rollup->key != 0) { /* a key's own sums stay here */
        return run_upsert(upserts->of_keys, values, ARRAY_LEN(values));
    }
    note_rollup(note, values);
    if (!run_upsert(upserts->hours, values, NOTE_ROLLUP_NUMBERS)) {
        return false;
    }
    values[1] = sums->hour / ROLLUP_DAY_HOURS;
    return run_upsert(upserts->days, values, NOTE_ROLLUP_NUMBERS);
}

bool rollups_write(struct rollups *rollups, const struct rollup_upserts *upserts,
                   struct ledger_note *note)
{
    for (size_t i = 0; i < rollups->cap; i++) {
        const struct rollup *rollup = &rollups->slots[i];
        if (rollup->used && !write_one(rollup, upserts, note)) {
            return false;
        }
    }
    rollups_clear(rollups);
    return true;
}
