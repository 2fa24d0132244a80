/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/power_calls_made.h"

#include "tests/fault/power_disk.h"
#include "tests/unit/store/store_testing.h"

#include <sqlite3.h>
#include <stdatomic.h>

#define CALLS_MAX 4000
#define RECORDS_MAX 20000
#define OPEN_CALLS 6
#define ATTEMPTS 3

/* Of one record: never appended, appended, on the disk for certain. */
enum fate { UNKNOWN, BEGUN, CERTAIN };

struct found_attempt {
    bool there;
    int64_t outcome;
    int64_t cost_nd;
    int64_t held_nd;
    int64_t input;
};

struct found {
    bool call;
    int64_t attempts;
    int64_t cost_nd;
    int64_t status;
    struct found_attempt attempt[ATTEMPTS];
};

struct made {
    enum fate hold[ATTEMPTS];
    enum fate settle[ATTEMPTS];
    enum fate close;
    bool over;  /* no more of it will be appended */
    bool known; /* `before` is what an opened ledger said of it */
    struct found before;
    struct found now;
};

enum kind { HOLD, SETTLE, CLOSE, SETTLE_AND_CLOSE };

struct record {
    uint32_t call;
    uint8_t attempt; /* from 0 */
    uint8_t kind;
    int64_t at_ns;
    struct journal_position after;
};

static struct made calls[CALLS_MAX];
static size_t call_count;
static uint64_t first;
static struct record records[RECORDS_MAX];
static _Atomic size_t begun;    /* at most one more than ... */
static _Atomic size_t appended; /* ... those whose append has come back */
static _Atomic size_t flushed;
static uint32_t under_way[OPEN_CALLS]; /* index + 1; 0: none */

static struct {
    size_t begun;
    size_t appended;
    size_t flushed;
    struct power_synced synced;
    int64_t at_ns;
} frozen;

static int problems;

#define WRONG(seed, ...)                                                                           \
    do {                                                                                           \
        if (problems++ < 5) {                                                                      \
            printf("# call %llu: ", (unsigned long long)(seed));                                   \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

void made_reset(uint64_t first_seed)
{
    memset(calls, 0, sizeof(calls[0]) * call_count);
    memset(under_way, 0, sizeof(under_way));
    call_count = 0;
    first = first_seed;
    begun = appended = flushed = 0;
}

/* --- appending --- */

static uint32_t *slot_for(uint64_t choice)
{
    uint32_t *slot = &under_way[choice % OPEN_CALLS];
    if (*slot == 0 && call_count < CALLS_MAX) {
        *slot = (uint32_t)++call_count;
    }
    return slot;
}

static bool append(struct journal *journal, const struct record *record)
{
    uint64_t seed = first + record->call;
    uint32_t attempt = record->attempt + 1u;
    switch ((enum kind)record->kind) {
    case HOLD: {
        struct hold_record hold = sample_hold(seed, attempt);
        return journal_hold(journal, &hold);
    }
    case SETTLE: {
        struct settle_record settle = sample_settle(seed, attempt);
        return journal_settle(journal, &settle);
    }
    case CLOSE: {
        struct call_record call = sample_call(seed);
        return journal_call(journal, &call);
    }
    case SETTLE_AND_CLOSE:
        break;
    }
    struct settle_record settle = sample_settle(seed, attempt);
    struct call_record call = sample_call(seed);
    return journal_settle_and_call(journal, &settle, &call);
}

/* What comes next of a call. */
static struct record next_record(uint32_t index)
{
    const struct made *call = &calls[index];
    uint32_t attempts = sample_attempts(first + index);
    for (uint8_t i = 0; i < attempts; i++) {
        bool last = i + 1u == attempts && (first + index) % 4 != 0;
        if (call->hold[i] == UNKNOWN) {
            return (struct record){.call = index, .attempt = i, .kind = HOLD};
        }
        if (call->settle[i] == UNKNOWN) {
            return (struct record){
                .call = index, .attempt = i, .kind = last ? SETTLE_AND_CLOSE : SETTLE};
        }
    }
    return (struct record){.call = index, .kind = CLOSE};
}

static void mark(const struct record *record, enum fate fate)
{
    struct made *call = &calls[record->call];
    enum fate *of_kind = record->kind == HOLD    ? &call->hold[record->attempt]
                         : record->kind == CLOSE ? &call->close
                                                 : &call->settle[record->attempt];
    *of_kind = *of_kind < fate ? fate : *of_kind;
    if (record->kind == SETTLE_AND_CLOSE) {
        call->close = call->close < fate ? fate : call->close;
    }
}

bool made_append(struct journal *journal, uint64_t choice)
{
    uint32_t *slot = slot_for(choice);
    if (*slot == 0 || appended == RECORDS_MAX) {
        return false;
    }
    struct record *record = &records[appended];
    *record = next_record(*slot - 1);
    begun = appended + 1;
    power_event();
    if (!append(journal, record)) {
        begun = appended;
        return false;
    }
    record->at_ns = clock_monotonic(&clock_system);
    record->after = journal_end(journal);
    mark(record, BEGUN);
    appended++;
    if (calls[*slot - 1].close != UNKNOWN) {
        *slot = 0;
    }
    return true;
}

void made_flushed(void)
{
    flushed = appended;
}

void made_closed(void)
{
    for (size_t i = 0; i < appended; i++) {
        mark(&records[i], CERTAIN);
    }
}

/* --- a loss --- */

void made_freeze(void *unused)
{
    (void)unused;
    frozen.flushed = flushed;
    frozen.appended = appended;
    frozen.begun = begun;
    frozen.synced = power_synced_read();
    frozen.at_ns = clock_monotonic(&clock_system);
}

static bool is_synced(const struct journal_position *after)
{
    const struct power_synced *synced = &frozen.synced;
    return after->segment < synced->segment ||
           (after->segment == synced->segment && after->offset <= synced->offset);
}

void made_lose(uint64_t *ret_lost, double *ret_oldest_ms)
{
    *ret_lost = 0;
    *ret_oldest_ms = 0;
    for (size_t i = 0; i < frozen.begun; i++) {
        const struct record *record = &records[i];
        mark(record, BEGUN);
        if (i >= frozen.appended) {
            continue;
        }
        if (is_synced(&record->after) || (i < frozen.flushed && record->kind != HOLD)) {
            mark(record, CERTAIN);
        } else {
            double age_ms = (double)(frozen.at_ns - record->at_ns) / 1e6;
            *ret_oldest_ms = age_ms > *ret_oldest_ms ? age_ms : *ret_oldest_ms;
            ++*ret_lost;
        }
    }
    /* What the test went on to append after the loss never was. */
    for (size_t i = frozen.begun; i < appended; i++) {
        const struct record *record = &records[i];
        struct made *call = &calls[record->call];
        *(record->kind == HOLD ? &call->hold[record->attempt] : &call->settle[record->attempt]) =
            UNKNOWN;
        if (record->kind == CLOSE || record->kind == SETTLE_AND_CLOSE) {
            call->close = UNKNOWN;
        }
    }
    begun = appended = flushed = 0;
    memset(under_way, 0, sizeof(under_way));
}

/* --- comparing --- */

static struct made *call_of(sqlite3_stmt *row)
{
    struct id id;
    uint64_t ms = 0;
    const void *bytes = sqlite3_column_blob(row, 0);
    if (bytes == NULL || sqlite3_column_bytes(row, 0) != (int)sizeof(id.bytes)) {
        WRONG(0, "a call without an identifier");
        return NULL;
    }
    memcpy(id.bytes, bytes, sizeof(id.bytes));
    for (int i = 0; i < 6; i++) { /* the time of an UUID of version 7 */
        ms = ms << 8 | id.bytes[i];
    }
    uint64_t seed = (ms - SAMPLE_START_NS / NS_PER_MS) / 37000;
    struct id wanted = sample_id(seed);
    if (memcmp(&wanted, &id, sizeof(id)) != 0 || seed < first || seed - first >= call_count) {
        WRONG(seed, "nobody made it");
        return NULL;
    }
    return &calls[seed - first];
}

static void read_call(sqlite3_stmt *row)
{
    struct made *call = call_of(row);
    if (call != NULL) {
        call->now.call = true;
        call->now.attempts = sqlite3_column_int64(row, 1);
        call->now.cost_nd = sqlite3_column_int64(row, 2);
        call->now.status = sqlite3_column_int64(row, 3);
    }
}

static void read_attempt(sqlite3_stmt *row)
{
    struct made *call = call_of(row);
    int64_t number = sqlite3_column_int64(row, 1);
    if (call == NULL || number < 1 || number > ATTEMPTS) {
        problems++;
        return;
    }
    call->now.attempt[number - 1] = (struct found_attempt){
        .there = true,
        .outcome = sqlite3_column_int64(row, 2),
        .cost_nd = sqlite3_column_int64(row, 3),
        .held_nd = sqlite3_column_int64(row, 4),
        .input = sqlite3_column_int64(row, 5),
    };
}

static void check_attempt(uint64_t seed, const struct made *call, uint8_t i)
{
    const struct found_attempt *found = &call->now.attempt[i];
    struct hold_record hold = sample_hold(seed, i + 1u);
    struct settle_record settle = sample_settle(seed, i + 1u);
    if (!found->there) {
        if (call->hold[i] == CERTAIN || call->settle[i] == CERTAIN) {
            WRONG(seed, "attempt %d was on the disk and is lost (hold %d, settle %d)", i + 1,
                  call->hold[i], call->settle[i]);
        }
        return;
    }
    if (call->hold[i] == UNKNOWN) {
        WRONG(seed, "attempt %d never was", i + 1);
    } else if (found->outcome == ATTEMPT_INTERRUPTED) {
        if (call->settle[i] == CERTAIN) {
            WRONG(seed, "the settle of attempt %d was on the disk and is lost", i + 1);
        }
        if (found->cost_nd != hold.amount_nd || found->held_nd != hold.amount_nd) {
            WRONG(seed, "attempt %d was interrupted, and is not charged its hold", i + 1);
        }
    } else if (call->settle[i] == UNKNOWN || found->cost_nd != settle.cost_nd ||
               found->held_nd != hold.amount_nd || found->outcome != (int64_t)settle.outcome ||
               found->input != settle.usage.input) {
        WRONG(seed, "attempt %d is not as it was settled", i + 1);
    }
}

static void check_call(uint64_t seed, const struct made *call)
{
    const struct found *now = &call->now;
    int64_t attempts = 0;
    int64_t cost_nd = 0;
    for (uint8_t i = 0; i < ATTEMPTS; i++) {
        check_attempt(seed, call, i);
        attempts += now->attempt[i].there;
        cost_nd += now->attempt[i].cost_nd;
    }
    if (now->call != (attempts > 0) && !(sample_attempts(seed) == 0 && call->close != UNKNOWN)) {
        WRONG(seed, "it has %lld attempts and %s row", (long long)attempts, now->call ? "a" : "no");
    }
    if (call->close == CERTAIN && (!now->call || now->status == 0)) {
        WRONG(seed, "its end was on the disk and is lost");
    }
    if (now->call && (now->attempts != attempts || now->cost_nd != cost_nd)) {
        WRONG(seed, "it is not the sum of its attempts");
    }
    if (now->call && now->status != 0 &&
        (call->close == UNKNOWN || now->status != sample_call(seed).status)) {
        WRONG(seed, "nobody ended it like that");
    }
    if (call->known && memcmp(&call->before, now, sizeof(*now)) != 0) {
        WRONG(seed, "the ledger said something else of it before");
    }
}

static void read_rows(sqlite3 *db, const char *sql, void (*read)(sqlite3_stmt *row))
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    while (status == SQLITE_OK && (status = sqlite3_step(statement)) == SQLITE_ROW) {
        read(statement);
        status = SQLITE_OK;
    }
    if (status != SQLITE_DONE) {
        WRONG(0, "%s: %s", sql, sqlite3_errmsg(db));
    }
    sqlite3_finalize(statement);
}

/* Of users: at least what their calls cost whose holds are all there, at most what all of them do.
 */
static int64_t user_spent[3];

static void read_spend(sqlite3_stmt *row)
{
    int64_t user = sqlite3_column_int64(row, 0);
    if (user >= 0 && user < (int64_t)ARRAY_LEN(user_spent)) {
        user_spent[user] = sqlite3_column_int64(row, 1);
    }
}

static void check_spend(void)
{
    int64_t least[ARRAY_LEN(user_spent)] = {0};
    int64_t most[ARRAY_LEN(user_spent)] = {0};
    for (size_t i = 0; i < call_count; i++) {
        uint64_t user = sample_hold(first + i, 1).scopes[SCOPE_USER];
        bool all = true;
        for (uint8_t a = 0; a < ATTEMPTS; a++) {
            all &= calls[i].hold[a] == CERTAIN || !calls[i].now.attempt[a].there;
        }
        most[user] += calls[i].now.cost_nd;
        least[user] += all ? calls[i].now.cost_nd : 0;
    }
    for (size_t user = 1; user < ARRAY_LEN(user_spent); user++) {
        if (user_spent[user] < least[user] || user_spent[user] > most[user]) {
            WRONG(0, "user %zu has spent %lld, not %lld to %lld", user, (long long)user_spent[user],
                  (long long)least[user], (long long)most[user]);
        }
    }
}

int made_check(const char *path)
{
    struct error error = {0};
    sqlite3 *db = NULL;
    problems = 0;
    if (!ledger_verify(path, &error)) {
        WRONG(0, "%s: %s", error.code, error.text);
    }
    for (size_t i = 0; i < call_count; i++) {
        calls[i].now = (struct found){0};
    }
    memset(user_spent, 0, sizeof(user_spent));
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        WRONG(0, "the ledger cannot be read");
    }
    sqlite3_busy_timeout(db, 5000);
    read_rows(db, "SELECT id, attempts, cost_nd, status FROM calls", read_call);
    read_rows(db, "SELECT call, attempt, outcome, cost_nd, held_nd, input FROM attempts",
              read_attempt);
    read_rows(db,
              "SELECT scope, sum(cost_nd) FROM spend WHERE kind = 1 AND model = 0"
              " GROUP BY scope",
              read_spend);
    sqlite3_close(db);
    for (size_t i = 0; i < call_count; i++) {
        check_call(first + i, &calls[i]);
        calls[i].before = calls[i].now;
        calls[i].known = true;
    }
    check_spend();
    return problems;
}
