/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each record changes. A hold changes memory only: most are settled in the same batch and
 * never reach the database. What the records say is taken as it is, with one exception: a call
 * costs the sum of its attempts and has as many as there are, whatever its closing record says.
 */
#include "store/ledger_internal.h"

#include "base/log.h"

void bind_numbers(sqlite3_stmt *statement, int first, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, first + (int)i, values[i]);
    }
}

int64_t writer_hour(int64_t wall_ns)
{
    return wall_ns < 0 ? 0 : wall_ns / NS_PER_HOUR;
}

void writer_anomaly(struct writer *writer, const char *what, struct id call)
{
    char text[ID_TEXT_LEN + 1];
    writer->anomalies++;
    log_event(LOG_WARN, "ledger_anomaly", "%s (call %s)", what, id_format(call, text));
}

/* Amounts and counts of one record: beyond these they are nonsense, and sums could overflow. */
static int64_t sane(int64_t value)
{
    const int64_t max = (int64_t)1 << 48;
    return value < 0 ? 0 : value > max ? max : value;
}

/* False when one of them could not be numbered. */
static bool number_words(struct writer *writer, const struct slice *words, int64_t *ret_names,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_names[i] = names_id(&writer->names, words[i]);
        if (ret_names[i] < 0) {
            return false;
        }
    }
    return true;
}

/* --- holds ----------------------------------------------------------------------------------- */

static bool apply_hold(struct writer *writer, const struct hold_record *hold)
{
    struct open_call *call = open_calls_at(&writer->open, hold->call);
    struct open_attempt *attempt = call == NULL ? NULL : open_call_attempt(call, hold->attempt);
    if (attempt == NULL) {
        return false;
    }
    if (attempt->settled || attempt->held_ns != 0) {
        writer_anomaly(writer, "an attempt was held twice", hold->call);
        return true;
    }
    if (call->started_ns == 0) {
        call->started_ns = hold->wall_ns;
        call->key_id = hold->key_id;
    }
    attempt->held_ns = hold->wall_ns == 0 ? 1 : hold->wall_ns;
    attempt->amount_nd = sane(hold->amount_nd);
    attempt->words[WORD_TARGET] = hold->target;
    attempt->words[WORD_PROVIDER] = hold->provider;
    attempt->words[WORD_MODEL] = hold->model;
    return true;
}

static bool name_attempt(struct writer *writer, struct open_attempt *attempt)
{
    if (!attempt->named) {
        attempt->named = number_words(writer, attempt->words, attempt->names, ATTEMPT_WORDS);
    }
    return attempt->named;
}

/* --- settles --------------------------------------------------------------------------------- */

/* Adds the row. *ret_added: false when there was one already. */
static bool add_attempt_row(struct writer *writer, const struct settle_record *settle,
                            const int64_t names[ATTEMPT_WORDS], bool *ret_added)
{
    sqlite3_stmt *sql = writer->sql[SQL_ATTEMPT_ADD];
    const struct usage *usage = &settle->usage;
    int64_t lane = names_id(&writer->names, settle->lane);
    int64_t error = names_id(&writer->names, settle->error);
    if (lane < 0 || error < 0) {
        return false;
    }
    const int64_t values[] = {
        settle->attempt,
        settle->wall_ns,
        sane(settle->released_nd),
        sane(settle->cost_nd),
        (int64_t)settle->key_id,
        settle->outcome,
        settle->status,
        names[WORD_TARGET],
        names[WORD_PROVIDER],
        names[WORD_MODEL],
        lane,
        error,
        usage->reported,
        settle->priced,
        sane(usage->input),
        sane(usage->output),
        sane(usage->cache_read),
        sane(usage->cache_write),
        sane(usage->cache_write_1h),
        sane(usage->reasoning),
        sane(usage->audio_input),
        sane(usage->audio_output),
        settle->first_byte_us,
        settle->total_us,
        sane(usage->provider_cost_nd),
    };
    size_t count = ARRAY_LEN(values) - (usage->has_provider_cost ? 0 : 1);
    bind_id(sql, 1, &settle->call);
    bind_numbers(sql, 2, values, count);
    if (!usage->has_provider_cost) {
        sqlite3_bind_null(sql, (int)ARRAY_LEN(values) + 1);
    }
    if (settle->loss.len > 0) {
        bind_slice(sql, (int)ARRAY_LEN(values) + 2, settle->loss);
    } else {
        sqlite3_bind_null(sql, (int)ARRAY_LEN(values) + 2);
    }
    bool done = database_run(sql);
    *ret_added = done && sqlite3_changes(writer->db) > 0;
    writer->rows += *ret_added ? 1 : 0;
    return done;
}

static bool remove_hold(struct writer *writer, const struct open_call *call,
                        struct open_attempt *attempt)
{
    if (!attempt->written) {
        return true;
    }
    sqlite3_stmt *sql = writer->sql[SQL_HOLD_REMOVE];
    bind_id(sql, 1, &call->id);
    sqlite3_bind_int64(sql, 2, attempt->number);
    attempt->written = false;
    return database_run(sql);
}

static bool answered(enum attempt_outcome outcome)
{
    return outcome != ATTEMPT_FAILED;
}

static bool apply_settle(struct writer *writer, const struct settle_record *settle)
{
    struct open_call *call = open_calls_at(&writer->open, settle->call);
    struct open_attempt *attempt = call == NULL ? NULL : open_call_attempt(call, settle->attempt);
    if (attempt == NULL) {
        return false;
    }
    if (attempt->settled) {
        writer_anomaly(writer, "an attempt was settled twice", settle->call);
        return true;
    }
    const struct slice words[ATTEMPT_WORDS] = {
        [WORD_TARGET] = settle->target,
        [WORD_PROVIDER] = settle->provider,
        [WORD_MODEL] = settle->model,
    };
    bool added = false;
    if (!number_words(writer, words, attempt->names, ATTEMPT_WORDS) ||
        !add_attempt_row(writer, settle, attempt->names, &added) ||
        !remove_hold(writer, call, attempt)) {
        return false;
    }
    if (!added) {
        writer_anomaly(writer, "an attempt was settled again after its call was closed",
                       settle->call);
    }
    if (call->started_ns == 0) {
        call->started_ns = settle->wall_ns;
        call->key_id = settle->key_id;
    }
    attempt->named = true;
    attempt->settled = true;
    attempt->cost_nd = added ? sane(settle->cost_nd) : 0;
    if (answered(settle->outcome)) {
        call->estimated = !settle->usage.reported;
    }
    return true;
}

bool writer_interrupt(struct writer *writer, struct open_call *call, struct open_attempt *attempt,
                      int64_t wall_ns)
{
    bool added = false;
    const struct settle_record settle = {
        .call = call->id,
        .attempt = attempt->number,
        .wall_ns = wall_ns,
        .released_nd = attempt->amount_nd,
        .cost_nd = attempt->amount_nd,
        .key_id = call->key_id,
        .outcome = ATTEMPT_INTERRUPTED,
        .priced = true,
        .first_byte_us = -1,
        .error = SLICE_INIT("interrupted"),
    };
    if (!name_attempt(writer, attempt) ||
        !add_attempt_row(writer, &settle, attempt->names, &added) ||
        !remove_hold(writer, call, attempt)) {
        return false;
    }
    attempt->settled = true;
    attempt->cost_nd = added ? attempt->amount_nd : 0;
    call->estimated = true;
    return true;
}

/* --- closing records ---------------------------------------------------------------------------
 */

static int64_t task_word(struct writer *writer, enum task task)
{
    int64_t *word = &writer->task_names[task];
    if (*word == 0) {
        int64_t id = names_id(&writer->names, slice_from_cstr(task_name(task)));
        *word = id < 0 ? 0 : id;
        return id;
    }
    return *word;
}

enum call_word {
    CALL_KEY_NAME,
    CALL_ENDPOINT,
    CALL_ASKED_MODEL,
    CALL_ROUTE,
    CALL_TARGET,
    CALL_PROVIDER,
    CALL_MODEL,
    CALL_ERROR,
    CALL_BASELINE,
    CALL_WORDS
};

static bool number_call(struct writer *writer, const struct call_record *record,
                        int64_t names[CALL_WORDS])
{
    const struct slice words[CALL_WORDS] = {
        [CALL_KEY_NAME] = record->key_name,
        [CALL_ENDPOINT] = record->endpoint,
        [CALL_ASKED_MODEL] = record->asked_model,
        [CALL_ROUTE] = record->route,
        [CALL_TARGET] = record->target,
        [CALL_PROVIDER] = record->provider,
        [CALL_MODEL] = record->model,
        [CALL_ERROR] = record->error,
        [CALL_BASELINE] = record->baseline,
    };
    return number_words(writer, words, names, CALL_WORDS);
}

static bool add_call_row(struct writer *writer, const struct call_record *record,
                         const int64_t names[CALL_WORDS], int64_t task, bool estimated,
                         bool *ret_added)
{
    sqlite3_stmt *sql = writer->sql[SQL_CALL_ADD];
    const int64_t values[] = {
        record->wall_ns,
        (int64_t)record->key_id,
        names[CALL_KEY_NAME],
        names[CALL_ENDPOINT],
        names[CALL_ASKED_MODEL],
        names[CALL_ROUTE],
        names[CALL_TARGET],
        names[CALL_PROVIDER],
        names[CALL_MODEL],
        task,
        record->tier,
        record->complexity_permille,
        record->streamed,
        record->status,
        names[CALL_ERROR],
        record->attempts,
        record->cost_nd,
        sane(record->baseline_nd),
        names[CALL_BASELINE],
        sane(record->input_tokens),
        sane(record->output_tokens),
        sane(record->expected_cost_nd),
        record->first_byte_us,
        record->total_us,
        record->complete,
        estimated,
    };
    bind_id(sql, 1, &record->call);
    bind_numbers(sql, 2, values, ARRAY_LEN(values));
    bool done = database_run(sql);
    *ret_added = done && sqlite3_changes(writer->db) > 0;
    writer->rows += *ret_added ? 1 : 0;
    return done;
}

/* The call's own counts go to its own words. */
static bool count_call(struct writer *writer, const struct call_record *record,
                       const int64_t words[REPORT_BYS], bool estimated)
{
    int64_t hour = writer_hour(record->wall_ns);
    for (int by = 0; by < REPORT_BYS; by++) {
        struct rollup *sums = rollups_at(&writer->rollups, (enum report_by)by, hour, words[by]);
        if (sums == NULL) {
            return false;
        }
        sums->calls += 1;
        sums->failed += record->complete ? 0 : 1;
        sums->input_tokens += sane(record->input_tokens);
        sums->output_tokens += sane(record->output_tokens);
        sums->baseline_nd += sane(record->baseline_nd);
        sums->estimated += estimated ? 1 : 0;
    }
    return true;
}

bool writer_add_cost(struct writer *writer, enum report_by by, int64_t hour, int64_t word,
                     int64_t cost_nd)
{
    struct rollup *sums = rollups_at(&writer->rollups, by, hour, word);
    if (sums == NULL) {
        return false;
    }
    sums->cost_nd += cost_nd;
    return true;
}

/* Cost goes where it arose: an attempt's to its own target, provider and model. */
static bool count_costs(struct writer *writer, const struct call_record *record,
                        const int64_t words[REPORT_BYS], const struct open_call *call)
{
    static const enum report_by of_call[] = {REPORT_DAY, REPORT_TASK, REPORT_KEY, REPORT_ROUTE};
    static const enum report_by of_attempt[ATTEMPT_WORDS] = {
        [WORD_TARGET] = REPORT_TARGET,
        [WORD_PROVIDER] = REPORT_PROVIDER,
        [WORD_MODEL] = REPORT_MODEL,
    };
    int64_t hour = writer_hour(record->wall_ns);
    for (size_t i = 0; i < ARRAY_LEN(of_call); i++) {
        if (!writer_add_cost(writer, of_call[i], hour, words[of_call[i]], record->cost_nd)) {
            return false;
        }
    }
    for (size_t i = 0; call != NULL && i < call->count; i++) {
        const struct open_attempt *attempt = &call->attempts[i];
        for (size_t w = 0; w < ATTEMPT_WORDS; w++) {
            if (!writer_add_cost(writer, of_attempt[w], hour, attempt->names[w],
                                 attempt->cost_nd)) {
                return false;
            }
        }
    }
    return true;
}

bool writer_forget_call(struct writer *writer, struct open_call *call)
{
    bool done = true;
    if (call->written) {
        sqlite3_stmt *open = writer->sql[SQL_OPEN_REMOVE];
        sqlite3_stmt *holds = writer->sql[SQL_HOLD_CLEAR];
        bind_id(open, 1, &call->id);
        bind_id(holds, 1, &call->id);
        done = database_run(open) && database_run(holds);
    }
    open_calls_remove(&writer->open, call);
    return done;
}

bool writer_close_call(struct writer *writer, const struct call_record *record,
                       struct open_call *call)
{
    int64_t names[CALL_WORDS];
    int64_t task = task_word(writer, record->task);
    bool estimated = call != NULL && call->estimated;
    bool added = false;
    if (task < 0 || !number_call(writer, record, names) ||
        !add_call_row(writer, record, names, task, estimated, &added)) {
        return false;
    }
    const int64_t words[REPORT_BYS] = {
        [REPORT_DAY] = 0,
        [REPORT_MODEL] = names[CALL_MODEL],
        [REPORT_TASK] = task,
        [REPORT_KEY] = names[CALL_KEY_NAME],
        [REPORT_PROVIDER] = names[CALL_PROVIDER],
        [REPORT_TARGET] = names[CALL_TARGET],
        [REPORT_ROUTE] = names[CALL_ROUTE],
    };
    if (!added) {
        writer_anomaly(writer, "a call was closed twice", record->call);
    } else if (!count_call(writer, record, words, estimated) ||
               !count_costs(writer, record, words, call)) {
        return false;
    }
    return call == NULL || writer_forget_call(writer, call);
}

static bool apply_call(struct writer *writer, const struct call_record *record)
{
    struct open_call *call = open_calls_find(&writer->open, record->call);
    struct call_record summed = *record;
    summed.attempts = 0;
    summed.cost_nd = 0;
    for (size_t i = 0; call != NULL && i < call->count; i++) {
        struct open_attempt *attempt = &call->attempts[i];
        if (!attempt->settled) {
            writer_anomaly(writer, "a call was closed before its attempts", record->call);
            if (!writer_interrupt(writer, call, attempt, record->wall_ns)) {
                return false;
            }
        }
        summed.attempts++;
        summed.cost_nd += attempt->cost_nd;
    }
    if (summed.attempts != record->attempts || summed.cost_nd != record->cost_nd) {
        writer_anomaly(writer, "a call is not the sum of its attempts", record->call);
    }
    return writer_close_call(writer, &summed, call);
}

bool writer_apply(struct writer *writer, const struct journal_entry *entry)
{
    switch (entry->kind) {
    case JOURNAL_HOLD:
        return apply_hold(writer, &entry->hold);
    case JOURNAL_SETTLE:
        return apply_settle(writer, &entry->settle);
    case JOURNAL_CALL:
        return apply_call(writer, &entry->call);
    case JOURNAL_SETTLE_AND_CALL:
        return apply_settle(writer, &entry->settle) && apply_call(writer, &entry->call);
    }
    return true; /* the journal's reader lets no other kind through */
}

/* --- the end of a batch -------------------------------------------------------------------------
 */

static bool write_hold(struct writer *writer, const struct open_call *call,
                       struct open_attempt *attempt)
{
    if (!name_attempt(writer, attempt)) {
        return false;
    }
    sqlite3_stmt *sql = writer->sql[SQL_HOLD_ADD];
    const int64_t values[] = {
        attempt->number,
        attempt->held_ns,
        attempt->amount_nd,
        attempt->names[WORD_TARGET],
        attempt->names[WORD_PROVIDER],
        attempt->names[WORD_MODEL],
    };
    bind_id(sql, 1, &call->id);
    bind_numbers(sql, 2, values, ARRAY_LEN(values));
    attempt->written = true;
    return database_run(sql);
}

static bool write_call(struct writer *writer, struct open_call *call)
{
    if (!call->written) {
        sqlite3_stmt *sql = writer->sql[SQL_OPEN_ADD];
        const int64_t values[] = {(int64_t)call->key_id, call->started_ns};
        bind_id(sql, 1, &call->id);
        bind_numbers(sql, 2, values, ARRAY_LEN(values));
        call->written = true;
        if (!database_run(sql)) {
            return false;
        }
    }
    for (size_t i = 0; i < call->count; i++) {
        struct open_attempt *attempt = &call->attempts[i];
        if (!attempt->settled && !attempt->written && !write_hold(writer, call, attempt)) {
            return false;
        }
    }
    return true;
}

bool writer_write_open(struct writer *writer)
{
    size_t cursor = 0;
    struct open_call *call = NULL;
    while ((call = open_calls_next(&writer->open, call, &cursor)) != NULL) {
        if (!write_call(writer, call)) {
            return false;
        }
    }
    return true;
}
