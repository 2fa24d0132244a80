/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_caps.h"

#include "base/memory.h"

/* A change of limits is seen by all workers within this time. */
#define CHANGE_SEEN_NS (2 * NS_PER_S)
#define VERSIONS_MAX 1000

const char *const played_cap_words[CAP_PERIODS] = {"total", "day", "week", "month", "rolling"};

int64_t cap_amount_at(const struct cap *cap, int64_t now_ns)
{
    int64_t amount_nd = cap->amount_nd;
    for (size_t i = 0; i < cap->version_count; i++) {
        const struct version *version = &cap->versions[i];
        bool spreads = now_ns < version->until_ns;
        if (now_ns < version->from_ns) {
            break;
        }
        amount_nd =
            i > 0 && spreads && amount_nd > version->amount_nd ? amount_nd : version->amount_nd;
    }
    return amount_nd;
}

bool cap_has_word(const struct cap *cap, int64_t counted)
{
    size_t low = 0;
    size_t high = cap->word_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cap->words[middle] == counted) {
            return true;
        }
        if (cap->words[middle] < counted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* --- how they came to be -----------------------------------------------------------------------
 */

/*
 * What the audit log says of one cap, in order: ?1 is its scope ("key:7 "), ?2 the model or empty,
 * ?3 the period's name, ?4 the seconds of a rolling one. No amount: there is no hard cap.
 */
static const char versions_sql[] =
    "SELECT p.at_ns, CASE WHEN NOT c.soft THEN c.amount_nd END FROM pieces p LEFT JOIN priced c"
    " ON c.id = p.id AND c.prefix = p.prefix AND c.model = p.model AND c.per = ?3"
    " AND c.window_s = ?4 WHERE p.prefix = ?1 AND p.model = ?2 AND (c.id IS NOT NULL OR p.clear)"
    " ORDER BY p.id";

/* 0: there are none, or too many. */
static size_t read_versions(sqlite3_stmt *rows, const struct clock_times *times,
                            struct version *versions)
{
    size_t count = 0;
    int status;
    while ((status = sqlite3_step(rows)) == SQLITE_ROW && count < VERSIONS_MAX) {
        bool none = sqlite3_column_type(rows, 1) == SQLITE_NULL;
        struct clock_moment made = clock_times_at(times, sqlite3_column_int64(rows, 0));
        versions[count++] = (struct version){
            .from_ns = made.first_ns,
            .until_ns = made.time_ns + CHANGE_SEEN_NS,
            .amount_nd = none ? INT64_MAX : sqlite3_column_int64(rows, 1),
        };
    }
    return status == SQLITE_DONE ? count : 0;
}

/* What caps_read() needs while it reads. */
struct reading {
    const struct clock_times *times;
    sqlite3_stmt *caps;
    sqlite3_stmt *versions;
    sqlite3_stmt *words;
    struct version *room; /* VERSIONS_MAX */
};

/*
 * How the cap came to be what it is, where the audit log tells all of it: it ends with the amount
 * that is in force. Else the cap is played from the scope's last change on. Rolling caps, too: what
 * was spent before one was set comes into it with the next start only.
 */
static bool find_versions(struct reading *reading, const char *subject, struct cap *cap,
                          uint64_t *untold)
{
    bind_slice(reading->versions, 1, slice_from_cstr(subject));
    bind_slice(reading->versions, 2, slice_from_cstr(cap->model));
    bind_slice(reading->versions, 3, slice_from_cstr(played_cap_words[cap->period]));
    sqlite3_bind_int64(reading->versions, 4, cap->window_ns / NS_PER_S);
    size_t count = read_versions(reading->versions, reading->times, reading->room);
    if (sqlite3_reset(reading->versions) != SQLITE_OK) {
        return false;
    }
    bool told = count > 0 && reading->room[count - 1].amount_nd == cap->amount_nd;
    *untold += !told;
    if (!told || cap->period == CAP_ROLLING) {
        return true;
    }
    cap->versions = memory_array(count, sizeof(*cap->versions));
    if (cap->versions == NULL) {
        return false;
    }
    memcpy(cap->versions, reading->room, count * sizeof(*cap->versions));
    cap->version_count = count;
    cap->since_ns = cap->versions[0].from_ns;
    return true;
}

/* --- which there are ---------------------------------------------------------------------------
 */

/* The names that each model of a cap is among: attempts count for several at once (schema 20). */
static const char words_made_sql[] =
    "CREATE TEMP TABLE cap_words(model, id, PRIMARY KEY(model, id)) WITHOUT ROWID;"
    "INSERT INTO cap_words SELECT m.model, n.id FROM (SELECT DISTINCT model FROM caps WHERE"
    " soft = 0 AND model <> '') m JOIN names n ON instr(char(10) || n.name || char(10),"
    " char(10) || m.model || char(10))";
static const char words_sql[] = "SELECT id FROM cap_words WHERE model = ?1 ORDER BY id";

/* Hard caps, and when the limits of their scopes were last changed. */
static const char caps_sql[] =
    "SELECT kind, scope, model, period, window_s, amount_nd, coalesce((SELECT max(at_ns) FROM"
    " acts a WHERE a.action = 'limit.change' AND a.prefix = c.prefix), 0), c.prefix"
    " FROM (SELECT *, CASE kind WHEN 0 THEN 'key:' WHEN 1 THEN 'user:' WHEN 2 THEN 'team:'"
    " ELSE 'organisation:' END || scope || ' ' AS prefix FROM caps) c"
    " WHERE soft = 0 AND kind BETWEEN 0 AND 3 AND period BETWEEN 0 AND 4 ORDER BY kind, scope";
_Static_assert(SCOPE_KINDS == 4 && CAP_PERIODS == 5, "as in the question");

static bool read_words(sqlite3_stmt *rows, struct cap *cap)
{
    size_t room = 0;
    bool done = true;
    bind_slice(rows, 1, slice_from_cstr(cap->model));
    while (done && sqlite3_step(rows) == SQLITE_ROW) {
        if (cap->word_count == room) {
            room = room == 0 ? 4 : room * 2;
            int64_t *bigger = memory_resize(cap->words, room * sizeof(*bigger));
            done = bigger != NULL;
            cap->words = done ? bigger : cap->words;
        }
        if (done) {
            cap->words[cap->word_count++] = sqlite3_column_int64(rows, 0);
        }
    }
    return sqlite3_reset(rows) == SQLITE_OK && done;
}

/* A zeroed one at the end. NULL: out of memory. */
static struct cap *add_cap(struct caps *caps)
{
    if (caps->count == caps->room) {
        size_t room = caps->room == 0 ? 64 : caps->room * 2;
        struct cap *bigger = memory_resize(caps->items, room * sizeof(*bigger));
        if (bigger == NULL) {
            return NULL;
        }
        caps->items = bigger;
        caps->room = room;
    }
    struct cap *cap = &caps->items[caps->count++];
    *cap = (struct cap){0};
    return cap;
}

static bool read_cap(struct reading *reading, struct caps *caps)
{
    sqlite3_stmt *row = reading->caps;
    const char *model = (const char *)sqlite3_column_text(row, 2);
    int64_t changed_ns = sqlite3_column_int64(row, 6);
    struct cap *cap = add_cap(caps);
    if (cap == NULL) {
        return false;
    }
    cap->times = reading->times;
    cap->kind = (enum scope_kind)sqlite3_column_int64(row, 0);
    cap->scope = sqlite3_column_int64(row, 1);
    cap->period = (enum cap_period)sqlite3_column_int64(row, 3);
    cap->window_ns = sqlite3_column_int64(row, 4) * NS_PER_S;
    cap->amount_nd = sqlite3_column_int64(row, 5);
    if (changed_ns != 0) {
        cap->since_ns = clock_times_at(reading->times, changed_ns).time_ns + CHANGE_SEEN_NS;
    }
    size_t size = (model == NULL ? 0 : strlen(model)) + 1;
    cap->model = memory_array(size, 1);
    if (cap->model == NULL) {
        return false;
    }
    memcpy(cap->model, model == NULL ? "" : model, size);
    const char *subject = (const char *)sqlite3_column_text(row, 7);
    return (size == 1 || read_words(reading->words, cap)) &&
           find_versions(reading, subject, cap, &caps->untold);
}

bool caps_read(sqlite3 *db, const struct clock_times *times, struct caps *ret_caps)
{
    *ret_caps = (struct caps){0};
    if (!database_exec(db, words_made_sql)) {
        return false;
    }
    struct reading reading = {
        .times = times,
        .caps = database_prepare(db, caps_sql),
        .versions = database_prepare(db, versions_sql),
        .words = database_prepare(db, words_sql),
        .room = memory_array(VERSIONS_MAX, sizeof(*reading.room)),
    };
    bool done = reading.caps != NULL && reading.versions != NULL && reading.words != NULL &&
                reading.room != NULL;
    int status = SQLITE_ROW;
    while (done && (status = sqlite3_step(reading.caps)) == SQLITE_ROW) {
        done = read_cap(&reading, ret_caps);
    }
    done = done && status == SQLITE_DONE;
    sqlite3_finalize(reading.caps);
    sqlite3_finalize(reading.versions);
    sqlite3_finalize(reading.words);
    memory_free(reading.room);
    if (!done) {
        caps_release(ret_caps);
    }
    return done;
}

void caps_release(struct caps *caps)
{
    for (size_t i = 0; i < caps->count; i++) {
        memory_free(caps->items[i].model);
        memory_free(caps->items[i].words);
        memory_free(caps->items[i].versions);
    }
    memory_free(caps->items);
    *caps = (struct caps){0};
}
