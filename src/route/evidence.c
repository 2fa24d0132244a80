/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one hard idea: what is read without a lock is one word. A cell is the hash of a target's name
 * and a word that holds both counts and the time they are of; readers take the word and look
 * whether row and cell still belong to whom they were looking for. Whoever reuses a row or a cell
 * takes its name off first and puts the new one on last.
 *
 * Rows of words are eight to a set, the set by the tag's hash, which is keyed: nobody can choose
 * words so that they displace a certain other.
 */
#include "route/evidence.h"

#include "base/hash.h"
#include "base/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#define SET_ROWS 8u
#define SETS (EVIDENCE_TAGS_MAX / SET_ROWS)
#define TASK_TAG_FIRST 1u
#define WORD_TAG_FIRST 64u /* smaller numbers are tasks */
#define ROUTE_MARK (UINT64_C(1) << 63)
_Static_assert(TASK_TAG_FIRST + TASK_COUNT <= WORD_TAG_FIRST, "tasks have numbers of their own");
#define ROWS (TASK_COUNT + EVIDENCE_TAGS_MAX)
#define NO_ROW ROWS
_Static_assert((SETS & (SETS - 1)) == 0, "sets are found by a mask");

/* A word: good, bad, and when, from the lowest bit on. */
#define COUNT_BITS 24u
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define COUNT_ONE 1024.0
#define TICK_S INT64_C(14400)
#define TICK_EPOCH_S INT64_C(1735689600) /* the beginning of 2025: 16 bits last until 2054 */
#define TICK_MAX 0xFFFFu
#define HALF_LIFE_TICKS ((unsigned)(EVIDENCE_HALF_LIFE_S / TICK_S))

#define GET(member) atomic_load_explicit(&(member), memory_order_relaxed)
#define GET_FIRST(member) atomic_load_explicit(&(member), memory_order_acquire)
#define SET(member, value) atomic_store_explicit(&(member), (value), memory_order_relaxed)
#define SET_LAST(member, value) atomic_store_explicit(&(member), (value), memory_order_release)

struct cell {
    atomic_uint_fast64_t target; /* hash of its name; 0: empty */
    atomic_uint_fast64_t counts;
};

struct evidence_row {
    atomic_uint_fast64_t tag; /* 0: empty */
    uint64_t used;            /* under the lock: larger is later */
    uint64_t owner;           /* likewise: the first who said the tag; 0: nobody yet */
    struct cell cells[EVIDENCE_TARGETS_MAX];
};

struct evidence {
    pthread_mutex_t lock;
    uint64_t uses;
    atomic_uint tick;
    struct evidence_row rows[ROWS]; /* of tasks, then the sets */
};

struct evidence *evidence_new(void)
{
    struct evidence *table = memory_array(1, sizeof(*table));
    if (table != NULL) {
        pthread_mutex_init(&table->lock, NULL);
    }
    return table;
}

void evidence_free(struct evidence *table)
{
    if (table != NULL) {
        pthread_mutex_destroy(&table->lock);
        memory_free(table);
    }
}

static unsigned tick_of(int64_t wall_s)
{
    int64_t tick = wall_s < TICK_EPOCH_S ? 0 : (wall_s - TICK_EPOCH_S) / TICK_S;
    return tick > TICK_MAX ? TICK_MAX : (unsigned)tick;
}

void evidence_tick(struct evidence *table, int64_t wall_s)
{
    unsigned tick = tick_of(wall_s);
    unsigned old = GET(table->tick);
    while (old < tick &&
           !atomic_compare_exchange_weak_explicit(&table->tick, &old, tick, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

uint64_t evidence_tag(struct slice word)
{
    uint64_t hash = hash_keyed(word);
    return hash < WORD_TAG_FIRST ? hash + WORD_TAG_FIRST : hash;
}

uint64_t evidence_task(enum task task)
{
    return TASK_TAG_FIRST + (uint64_t)((unsigned)task < TASK_COUNT ? task : TASK_OTHER);
}

uint64_t evidence_route(struct slice name)
{
    return evidence_tag(name) ^ ROUTE_MARK;
}

/* --- a word of counts --- */

/* What is left after so many ticks: half after each half-life, straight lines between. */
static __attribute__((noinline)) double fading(unsigned ticks)
{
    unsigned halves = ticks / HALF_LIFE_TICKS;
    double part = (double)(ticks % HALF_LIFE_TICKS) / HALF_LIFE_TICKS;
    return halves > 40 ? 0 : (1 - part / 2) / (double)(UINT64_C(1) << halves);
}

static inline struct evidence_counts counts_unpack(uint64_t word, unsigned tick)
{
    unsigned then = (unsigned)(word >> (2 * COUNT_BITS));
    double left = 1 / COUNT_ONE;
    if (UNLIKELY(then < tick)) {
        left *= fading(tick - then);
    }
    return (struct evidence_counts){
        .good = (double)(word & COUNT_MASK) * left,
        .bad = (double)(word >> COUNT_BITS & COUNT_MASK) * left,
    };
}

static uint64_t count_pack(double count)
{
    return count <= 0 ? 0 : (uint64_t)(count * COUNT_ONE + 0.5);
}

static uint64_t counts_pack(struct evidence_counts counts, unsigned tick)
{
    double sum = counts.good + counts.bad;
    if (sum > EVIDENCE_COUNT_MAX) {
        counts.good *= EVIDENCE_COUNT_MAX / sum;
        counts.bad *= EVIDENCE_COUNT_MAX / sum;
    }
    return count_pack(counts.good) | count_pack(counts.bad) << COUNT_BITS |
           (uint64_t)tick << (2 * COUNT_BITS);
}

/* --- rows and cells --- */

/* Where the tag's set begins. */
static size_t set_of(uint64_t tag)
{
    return TASK_COUNT + (size_t)(tag & (SETS - 1)) * SET_ROWS;
}

static size_t row_find(const struct evidence *table, uint64_t tag)
{
    if (tag < WORD_TAG_FIRST) {
        uint64_t task = tag - TASK_TAG_FIRST;
        return task < TASK_COUNT ? (size_t)task : NO_ROW;
    }
    size_t first = set_of(tag);
    for (size_t i = first; i < first + SET_ROWS; i++) {
        uint64_t here = GET(table->rows[i].tag);
        if (here == tag || here == 0) { /* the first empty one is taken: no tag stands behind it */
            return here == tag ? i : NO_ROW;
        }
    }
    return NO_ROW;
}

const struct evidence_row *evidence_find(const struct evidence *table, uint64_t tag)
{
    size_t at = table == NULL ? NO_ROW : row_find(table, tag);
    bool known = at != NO_ROW && GET_FIRST(table->rows[at].tag) == tag;
    return known ? &table->rows[at] : NULL;
}

uint64_t evidence_name(struct slice name)
{
    uint64_t hash = hash_stable(name);
    return hash == 0 ? 1 : hash;
}

/* Targets stand where their hash says, or behind that: most are found at the first look. */
static size_t cell_first(uint64_t target)
{
    return (size_t)(target % EVIDENCE_TARGETS_MAX);
}

static inline bool read_cell(const struct evidence *table, const struct evidence_row *row,
                             uint64_t tag, uint64_t target, struct evidence_counts *ret_counts)
{
    size_t at = cell_first(target);
    for (size_t i = 0; i < EVIDENCE_TARGETS_MAX; i++, at++) {
        const struct cell *cell = &row->cells[at % EVIDENCE_TARGETS_MAX];
        uint64_t here = GET_FIRST(cell->target);
        if (here == target) {
            uint64_t word = GET_FIRST(cell->counts);
            *ret_counts = counts_unpack(word, GET(table->tick));
            return GET_FIRST(cell->target) == target && GET_FIRST(row->tag) == tag;
        }
        if (here == 0) {
            return false; /* an empty one is taken before those behind it */
        }
    }
    return false;
}

/* Apart, so that what is usual needs no stack. */
static __attribute__((noinline)) bool read_unnamed(const struct evidence *table,
                                                   const struct evidence_row *row, uint64_t tag,
                                                   const struct target *target,
                                                   struct evidence_counts *ret_counts)
{
    return read_cell(table, row, tag, evidence_name(target->name), ret_counts);
}

bool evidence_read(const struct evidence *table, const struct evidence_row *row, uint64_t tag,
                   const struct target *target, struct evidence_counts *ret_counts)
{
    if (UNLIKELY(target->name_hash == 0)) {
        return read_unnamed(table, row, tag, target, ret_counts);
    }
    return read_cell(table, row, tag, target->name_hash, ret_counts);
}

/* Rows of the set that this owner has; nobody's are one owner's. */
static unsigned rows_of_owner(const struct evidence_row *set, uint64_t owner)
{
    unsigned count = 0;
    for (size_t i = 0; i < SET_ROWS; i++) {
        count += GET(set[i].tag) != 0 && set[i].owner == owner;
    }
    return count;
}

/* Lock held: the row of a tag that has none: an empty one, else that which was not used for
 * longest, of the owner with most rows of the set, who brings the tag before others. */
static size_t row_displace(struct evidence *table, uint64_t tag, uint64_t owner)
{
    size_t first = set_of(tag);
    const struct evidence_row *set = &table->rows[first];
    unsigned shares[SET_ROWS];
    unsigned most = 1;
    size_t at = SET_ROWS;
    for (size_t i = 0; i < SET_ROWS; i++) {
        shares[i] = rows_of_owner(set, set[i].owner);
        most = shares[i] > most ? shares[i] : most;
    }
    bool own = rows_of_owner(set, owner) >= most;
    for (size_t i = 0; i < SET_ROWS; i++) {
        bool empty = GET(set[i].tag) == 0;
        bool may = empty || (own ? set[i].owner == owner : shares[i] == most);
        at = may && (at == SET_ROWS || set[i].used < set[at].used) ? i : at;
        if (empty) {
            at = i;
            break;
        }
    }
    at += first;
    SET_LAST(table->rows[at].tag, 0);
    for (size_t i = 0; i < EVIDENCE_TARGETS_MAX; i++) {
        SET_LAST(table->rows[at].cells[i].target, 0);
    }
    return at;
}

/* Lock held. NULL: the number is no tag's. What was nobody's is its who uses it: after a restart
 * nothing else says whose a row is. */
static struct evidence_row *row_take(struct evidence *table, uint64_t tag, uint64_t owner)
{
    size_t at = row_find(table, tag);
    if (at == NO_ROW && tag < WORD_TAG_FIRST) {
        return NULL;
    }
    bool is_new = at == NO_ROW;
    struct evidence_row *row = &table->rows[is_new ? row_displace(table, tag, owner) : at];
    row->owner = is_new || row->owner == 0 ? owner : row->owner;
    row->used = ++table->uses;
    SET_LAST(row->tag, tag);
    return row;
}

/* Lock held: the target's cell, else an empty one, else the one whose counts are oldest. */
static struct cell *cell_take(struct evidence_row *row, uint64_t target)
{
    size_t first = cell_first(target);
    struct cell *oldest = &row->cells[first];
    for (size_t i = 0; i < EVIDENCE_TARGETS_MAX; i++) {
        struct cell *cell = &row->cells[(first + i) % EVIDENCE_TARGETS_MAX];
        uint64_t here = GET(cell->target);
        if (here == target || here == 0) {
            oldest = cell;
            break;
        }
        if (GET(cell->counts) >> (2 * COUNT_BITS) < GET(oldest->counts) >> (2 * COUNT_BITS)) {
            oldest = cell;
        }
    }
    if (GET(oldest->target) != target) {
        SET_LAST(oldest->counts, 0);
        SET_LAST(oldest->target, target);
    }
    return oldest;
}

/* Lock held. */
static void cell_add(struct cell *cell, unsigned now, unsigned then, double good, double bad)
{
    struct evidence_counts counts = counts_unpack(GET(cell->counts), now);
    double left = then < now ? fading(now - then) : 1;
    counts.good += good * left;
    counts.bad += bad * left;
    SET_LAST(cell->counts, counts_pack(counts, now));
}

static void add(struct evidence *table, uint64_t owner, uint64_t tag, struct slice target,
                double score, double weight, unsigned age)
{
    bool sound = score >= 0 && score <= 1 && fabs(weight) <= EVIDENCE_WEIGHT_MAX;
    if (table == NULL || !sound || weight == 0) { /* NaN is not sound either */
        return;
    }
    pthread_mutex_lock(&table->lock);
    unsigned now = GET(table->tick);
    struct evidence_row *row = row_take(table, tag, owner);
    if (row != NULL) {
        unsigned then = age > now ? 0 : now - age;
        cell_add(cell_take(row, evidence_name(target)), now, then, weight * score,
                 weight * (1 - score));
    }
    pthread_mutex_unlock(&table->lock);
}

void evidence_add(struct evidence *table, uint64_t tag, const struct target *target, double score,
                  double weight)
{
    add(table, 0, tag, target->name, score, weight, 0);
}

void evidence_add_named(struct evidence *table, uint64_t owner, uint64_t tag, struct slice target,
                        double score, double weight, int64_t age_s)
{
    int64_t age = age_s < 0 ? 0 : age_s / TICK_S;
    add(table, owner, tag, target, score, weight, age > TICK_MAX ? TICK_MAX : (unsigned)age);
}
