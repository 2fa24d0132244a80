/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_shapes.h"

#include "base/memory.h"
#include "store/ledger_control.h"

#define SLOTS_MIN 64
#define SLOTS_MAX 8192

const char shapes_add_sql[] =
    "INSERT INTO shapes(key, key_name, endpoint, asked_model, route, target, provider, model,"
    " status, error, baseline, attempt_target, attempt_provider, attempt_model, attempt_status,"
    " lane, attempt_error, baseline_offer, attempt_offer, user, team, organisation, tag, menu, "
    "counted, seal)"
    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

void shapes_init(struct shapes *shapes, sqlite3_stmt *add)
{
    *shapes = (struct shapes){.add = add};
}

void shapes_release(struct shapes *shapes)
{
    memory_free(shapes->slots);
    shapes_init(shapes, NULL);
}

void shapes_clear(struct shapes *shapes)
{
    sqlite3_stmt *add = shapes->add;
    shapes_release(shapes);
    shapes->add = add;
}

/* The parts are nearly all row numbers of ours, so nobody chooses them to collide. In four lanes,
 * so that no multiplication waits for the one before. What it counts for follows from the key and
 * the model that was asked for, as a rule. */
static size_t slot_of(const struct shapes *shapes, const int64_t parts[SHAPE_PARTS])
{
    const uint64_t factor = 0x9E3779B97F4A7C15u;
    uint64_t lanes[4] = {0};
    for (size_t i = 0; i < SHAPE_COUNTED; i += ARRAY_LEN(lanes)) {
        for (size_t lane = 0; lane < ARRAY_LEN(lanes); lane++) {
            lanes[lane] = lanes[lane] * factor + (uint64_t)parts[i + lane];
        }
    }
    uint64_t mixed = 0;
    for (size_t lane = 0; lane < ARRAY_LEN(lanes); lane++) {
        mixed = (mixed ^ lanes[lane]) * factor;
    }
    return (size_t)(mixed >> 32) & (shapes->cap - 1);
}
_Static_assert(SHAPE_COUNTED % 4 == 0 && SHAPE_COUNTED + 1 == SHAPE_PARTS, "four at a time");

static struct shape *find(const struct shapes *shapes, const int64_t parts[SHAPE_PARTS])
{
    size_t at = slot_of(shapes, parts);
    for (;;) {
        struct shape *slot = &shapes->slots[at];
        if (slot->id == 0 || memcmp(slot->parts, parts, sizeof(slot->parts)) == 0) {
            return slot;
        }
        at = (at + 1) & (shapes->cap - 1);
    }
}

static bool grow(struct shapes *shapes)
{
    struct shapes bigger = *shapes;
    bigger.cap = shapes->cap == 0 ? SLOTS_MIN : shapes->cap * 2;
    bigger.slots = memory_array(bigger.cap, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < shapes->cap; i++) {
        const struct shape *old = &shapes->slots[i];
        if (old->id != 0) {
            *find(&bigger, old->parts) = *old;
        }
    }
    memory_free(shapes->slots);
    *shapes = bigger;
    return true;
}

/* What calls add to the sums of what answered them: all but costs, which arise with attempts. */
static struct sums without_costs(const struct sums *sums)
{
    struct sums rest = *sums;
    rest.cost_nd = rest.failed_nd = rest.judge_nd = rest.shadow_nd = 0;
    rest.escalation_nd = rest.told_nd = rest.catalogue_nd = 0;
    return rest;
}

/* A provider may say that what the catalogue has a price for cost nothing. */
static bool costs(const struct sums *own)
{
    return own->cost_nd != 0 || own->catalogue_nd != 0;
}

static bool spread_calls(const struct shape *shape, struct rollups *rollups)
{
    static const struct {
        enum report_by by;
        enum shape_part part;
        bool may_lack; /* 0 is none, and has no sums */
    } dimensions[] = {
        {REPORT_KEY, SHAPE_KEY_NAME, false},
        {REPORT_ROUTE, SHAPE_ROUTE, false},
        {REPORT_USER, SHAPE_USER, true},
        {REPORT_TEAM, SHAPE_TEAM, true},
        {REPORT_ORGANISATION, SHAPE_ORGANISATION, true},
        {REPORT_TAG, SHAPE_TAG, true},
    };
    bool done = rollups_add(rollups, REPORT_DAY, 0, &shape->sums) &&
                rollups_add_key(rollups, shape->parts[SHAPE_KEY], REPORT_DAY, 0, &shape->sums);
    for (size_t i = 0; done && i < ARRAY_LEN(dimensions); i++) {
        int64_t word = shape->parts[dimensions[i].part];
        done = (word == 0 && dimensions[i].may_lack) ||
               rollups_add(rollups, dimensions[i].by, word, &shape->sums);
    }
    return done;
}

static bool spread(struct shape *shape, struct rollups *rollups)
{
    static const enum report_by by_attempt[] = {REPORT_TARGET, REPORT_PROVIDER, REPORT_MODEL};
    const int64_t *parts = shape->parts;
    struct sums calls = without_costs(&shape->sums);
    struct sums own = shape->own;
    own.hour = calls.hour;
    bool done = spread_calls(shape, rollups);
    for (size_t i = 0; i < ARRAY_LEN(by_attempt); i++) {
        done = done && rollups_add(rollups, by_attempt[i], parts[SHAPE_TARGET + i], &calls) &&
               (!costs(&own) ||
                rollups_add(rollups, by_attempt[i], parts[SHAPE_ATTEMPT_TARGET + i], &own));
    }
    done = done &&
           rollups_add_key(rollups, parts[SHAPE_KEY], REPORT_MODEL, parts[SHAPE_MODEL], &calls) &&
           (!costs(&own) || rollups_add_key(rollups, parts[SHAPE_KEY], REPORT_MODEL,
                                            parts[SHAPE_ATTEMPT_MODEL], &own));
    shape->sums = (struct sums){0};
    shape->own = (struct sums){0};
    return done;
}
_Static_assert(SHAPE_ATTEMPT_PROVIDER == SHAPE_ATTEMPT_TARGET + 1 &&
                   SHAPE_ATTEMPT_MODEL == SHAPE_ATTEMPT_TARGET + 2,
               "as in by_attempt");
_Static_assert(SHAPE_PROVIDER == SHAPE_TARGET + 1 && SHAPE_MODEL == SHAPE_TARGET + 2,
               "as in by_attempt");

bool shapes_spread(struct shapes *shapes, struct rollups *rollups)
{
    for (size_t i = 0; i < shapes->cap; i++) {
        struct shape *shape = &shapes->slots[i];
        if (shape->sums.calls != 0 && !spread(shape, rollups)) {
            return false;
        }
    }
    return true;
}

/* True: there is room for one more. */
static bool make_room(struct shapes *shapes, struct rollups *rollups)
{
    if ((shapes->count + 1) * 2 <= shapes->cap) {
        return true;
    }
    if (shapes->cap < SLOTS_MAX) {
        return grow(shapes);
    }
    if (!shapes_spread(shapes, rollups)) {
        return false;
    }
    memset(shapes->slots, 0, shapes->cap * sizeof(shapes->slots[0]));
    shapes->count = 0;
    return true;
}

static bool add(struct shapes *shapes, struct shape *shape, const int64_t parts[SHAPE_PARTS])
{
    for (int i = 0; i < SHAPE_PARTS; i++) {
        sqlite3_bind_int64(shapes->add, i + 1, parts[i]);
    }
    sqlite3_bind_int64(shapes->add, SHAPE_PARTS + 1, control_seal(NULL, parts, SHAPE_PARTS));
    if (!database_run(shapes->add)) {
        return false;
    }
    shape->id = sqlite3_last_insert_rowid(sqlite3_db_handle(shapes->add));
    memcpy(shape->parts, parts, sizeof(shape->parts));
    shapes->count++;
    return true;
}

struct shape *shapes_at(struct shapes *shapes, const int64_t parts[SHAPE_PARTS], int64_t hour,
                        struct rollups *rollups)
{
    if (!make_room(shapes, rollups)) {
        return NULL;
    }
    struct shape *shape = find(shapes, parts);
    if (shape->id == 0 && !add(shapes, shape, parts)) {
        return NULL;
    }
    if (shape->sums.hour != hour && shape->sums.calls != 0 && !spread(shape, rollups)) {
        return NULL;
    }
    shape->sums.hour = hour;
    return shape;
}
