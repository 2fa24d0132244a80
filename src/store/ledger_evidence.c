/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_evidence.h"

#include "base/clock.h"
#include "base/memory.h"
#include "store/ledger_internal.h"
#include "store/ledger_schema.h"

#define NS_PER_DAY (24 * NS_PER_HOUR)
#define CHANGES_KEPT 256

/* What a call's feedback was so far. */
struct old_feedback {
    bool found;
    double score;
    int64_t day;
};

static int64_t day_of(int64_t wall_ns)
{
    return wall_ns < 0 ? 0 : wall_ns / NS_PER_DAY;
}

static struct evidence_change *change_add(struct evidence_changes *changes)
{
    if (changes->count == changes->cap) {
        size_t cap = changes->cap == 0 ? 8 : changes->cap * 2;
        struct evidence_change *items = memory_resize(changes->items, cap * sizeof(items[0]));
        if (items == NULL) {
            return NULL;
        }
        changes->items = items;
        changes->cap = cap;
    }
    return &changes->items[changes->count++];
}

void evidence_changes_clear(struct evidence_changes *changes)
{
    changes->count = 0;
    if (changes->cap > CHANGES_KEPT) {
        memory_free(changes->items);
        *changes = (struct evidence_changes){0};
    }
}

void evidence_changes_release(struct evidence_changes *changes)
{
    memory_free(changes->items);
    *changes = (struct evidence_changes){0};
}

/* --- one record: what it adds, of what, on which day --- */

struct adding {
    const struct evidence_record *record;
    double score;
    double weight;
    int64_t day;
};

static bool add_row(struct writer *writer, enum evidence_of of, int64_t name, int64_t target,
                    const struct adding *adding)
{
    sqlite3_stmt *sql = writer->sql[SQL_EVIDENCE_ADD];
    const int64_t numbers[] = {of, name, target, adding->day};
    if (name < 0 || target < 0) {
        return false;
    }
    bind_numbers(sql, 1, numbers, ARRAY_LEN(numbers));
    sqlite3_bind_double(sql, 5, adding->score * adding->weight);
    sqlite3_bind_double(sql, 6, (1 - adding->score) * adding->weight);
    return database_run(sql);
}

static bool add_sum(struct writer *writer, enum evidence_of of, struct slice name,
                    struct slice target, const struct adding *adding)
{
    enum task task = adding->record->task;
    int64_t name_id = of == EVIDENCE_OF_TASK ? (int64_t)task : names_id(&writer->names, name);
    int64_t target_id = names_id(&writer->names, target);
    struct evidence_change *change = change_add(&writer->evidence);
    if (change == NULL || !add_row(writer, of, name_id, target_id, adding)) {
        return false;
    }
    *change = (struct evidence_change){
        .source = adding->record->source,
        .of = of,
        .task = task,
        .day = adding->day,
        .key_id = adding->record->key_id,
        .score = adding->score,
        .weight = adding->weight,
    };
    slice_to_cstr(name, change->name, sizeof(change->name));
    slice_to_cstr(target, change->target, sizeof(change->target));
    return true;
}

static bool add_all(struct writer *writer, const struct adding *adding)
{
    const struct evidence_record *record = adding->record;
    char step = (char)('0' + evidence_step(record->success_permille));
    if (record->source == EVIDENCE_CHECK) {
        return add_sum(writer, EVIDENCE_OF_CHECK, record->label, record->target, adding);
    }
    if (!add_sum(writer, EVIDENCE_OF_TASK, SLICE_EMPTY, record->target, adding)) {
        return false;
    }
    if (record->tag.len > 0 &&
        !add_sum(writer, EVIDENCE_OF_TAG, record->tag, record->target, adding)) {
        return false;
    }
    return record->route.len == 0 || record->success_permille == 0 ||
           add_sum(writer, EVIDENCE_OF_ROUTE, record->route, slice_of(&step, 1), adding);
}

/* --- feedback --- */

static bool find_feedback(struct writer *writer, const struct id *call,
                          struct old_feedback *ret_old)
{
    sqlite3_stmt *sql = writer->sql[SQL_FEEDBACK_FIND];
    *ret_old = (struct old_feedback){0};
    bind_id(sql, 1, call);
    if (sqlite3_step(sql) == SQLITE_ROW) {
        ret_old->found = true;
        ret_old->score = (double)sqlite3_column_int64(sql, 0) / EVIDENCE_PPM;
        ret_old->day = day_of(sqlite3_column_int64(sql, 1));
    }
    return sqlite3_reset(sql) == SQLITE_OK;
}

static bool put_feedback(struct writer *writer, const struct evidence_record *record)
{
    sqlite3_stmt *sql = writer->sql[SQL_FEEDBACK_PUT];
    const int64_t numbers[] = {(int64_t)record->key_id, record->wall_ns, record->score_ppm};
    bind_id(sql, 1, &record->call);
    bind_numbers(sql, 2, numbers, ARRAY_LEN(numbers));
    bind_slice(sql, 5, record->label);
    return database_run(sql);
}

bool writer_add_evidence(struct writer *writer, const struct evidence_record *record)
{
    struct adding adding = {
        .record = record,
        .score = (double)record->score_ppm / EVIDENCE_PPM,
        .weight = (double)record->weight_ppm / EVIDENCE_PPM,
        .day = day_of(record->wall_ns),
    };
    struct old_feedback old = {0};
    if (record->source == EVIDENCE_FEEDBACK) {
        if (!find_feedback(writer, &record->call, &old) || !put_feedback(writer, record)) {
            return false;
        }
        struct adding back = {record, old.score, -adding.weight, old.day};
        if (old.found && !add_all(writer, &back)) {
            return false;
        }
    }
    return add_all(writer, &adding);
}

bool evidence_fold(sqlite3 *db, int64_t wall_s)
{
    sqlite3_stmt *sql = database_prepare(db, "DELETE FROM evidence WHERE day < ?1");
    if (sql != NULL) {
        sqlite3_bind_int64(sql, 1, wall_s / 86400 - EVIDENCE_DAYS_KEPT);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

/* --- reading --- */

static struct slice column_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text == NULL ? SLICE_EMPTY : slice_of(text, (size_t)sqlite3_column_bytes(row, column));
}

static void read_sum(sqlite3_stmt *row, struct evidence_sum *ret_sum)
{
    int64_t name = sqlite3_column_int64(row, 1);
    ret_sum->of = (enum evidence_of)sqlite3_column_int64(row, 0);
    ret_sum->task = name >= 0 && name < TASK_COUNT ? (enum task)name : TASK_OTHER;
    ret_sum->name = column_text(row, 2);
    ret_sum->target = column_text(row, 3);
    ret_sum->day = sqlite3_column_int64(row, 4);
    ret_sum->good = sqlite3_column_double(row, 5);
    ret_sum->bad = sqlite3_column_double(row, 6);
}

bool ledger_evidence_read(const char *path, int64_t wall_s,
                          void (*each)(void *user, const struct evidence_sum *sum), void *user,
                          struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    if (db == NULL) {
        return false;
    }
    sqlite3_stmt *row = database_prepare(
        db, "SELECT e.kind, e.name, n.name, t.name, e.day, e.good, e.bad FROM evidence e"
            " LEFT JOIN names n ON e.kind <> 1 AND n.id = e.name"
            " JOIN names t ON t.id = e.target WHERE e.day >= ?1");
    int status = SQLITE_ERROR;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, wall_s / 86400 - EVIDENCE_DAYS_KEPT);
    }
    while (row != NULL && (status = sqlite3_step(row)) == SQLITE_ROW) {
        struct evidence_sum sum;
        read_sum(row, &sum);
        each(user, &sum);
    }
    bool done = status == SQLITE_DONE || database_error(db, path, "reading the evidence", error);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return done;
}
