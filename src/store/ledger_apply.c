/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each record changes. A hold changes memory only: most are settled soon and never reach the
 * database. What the records say is taken as it is, with one exception: a call
 * costs the sum of its attempts and has as many as there are, whatever its closing record says.
 */
#include "store/ledger_internal.h"

#include "base/log.h"

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

/* --- holds ----------------------------------------------------------------------------------- */

static void keep_scopes(struct open_call *call, const struct hold_record *hold)
{
    call->scopes[SCOPE_KEY] = (int64_t)hold->key_id;
    for (unsigned kind = SCOPE_KEY + 1; kind < SCOPE_KINDS; kind++) {
        call->scopes[kind] = (int64_t)hold->scopes[kind];
    }
}

/* What besides it counts for: the call's first attempt says the same of the call. */
static bool keep_counted(struct writer *writer, struct open_attempt *attempt,
                         const struct hold_record *hold)
{
    attempt->counted =
        hold->limited_model.len == 0 ? 0 : names_id(&writer->names, hold->limited_model);
    return attempt->counted >= 0;
}

static void keep_facts(struct open_call *call, const struct hold_record *hold)
{
    call->named = false;
    call->words[CALL_WORD_KEY_NAME] = hold->key_name;
    call->words[CALL_WORD_ENDPOINT] = hold->endpoint;
    call->words[CALL_WORD_ASKED_MODEL] = hold->asked_model;
    call->words[CALL_WORD_ROUTE] = hold->route;
    call->words[CALL_WORD_TAG] = hold->tag;
    call->task = hold->task;
    call->tier = hold->tier;
    call->complexity_permille = hold->complexity_permille;
}

static bool name_attempt(struct writer *writer, struct open_attempt *attempt)
{
    if (!attempt->named) {
        attempt->named = writer_number_words(writer, attempt->words, attempt->names, ATTEMPT_WORDS);
    }
    return attempt->named;
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
        attempt->most_nd,
        attempt->names[WORD_TARGET],
        attempt->names[WORD_PROVIDER],
        attempt->names[WORD_MODEL],
        attempt->counted == 0 ? COUNTED_NONE : attempt->counted,
    };
    bind_id(sql, 1, &call->id);
    bind_numbers(sql, 2, values, ARRAY_LEN(values));
    sqlite3_bind_int64(sql, 2 + (int)ARRAY_LEN(values),
                       control_seal(&call->id, values, ARRAY_LEN(values)));
    attempt->written = true;
    return database_run(sql);
}

/* The hold of a stream that went on: a later record has all of it. Read again it changes nothing.
 */
static bool apply_extension(struct writer *writer, const struct open_call *call,
                            struct open_attempt *attempt, const struct hold_record *hold)
{
    int64_t most_nd = sane(hold->amount_nd);
    if (most_nd <= attempt->most_nd) {
        return true;
    }
    attempt->most_nd = most_nd;
    return !attempt->written ||
           (remove_hold(writer, call, attempt) && write_hold(writer, call, attempt));
}

static bool apply_hold(struct writer *writer, const struct hold_record *hold)
{
    struct open_call *call = open_calls_at(&writer->calls_open, hold->call);
    struct open_attempt *attempt = call == NULL ? NULL : open_call_attempt(call, hold->attempt);
    if (attempt == NULL) {
        return false;
    }
    ledger_clock_was(&writer->clock, hold->wall_ns);
    if (attempt->settled) {
        writer_anomaly(writer, "an attempt was held after it was settled", hold->call);
        return true;
    }
    if (attempt->held_ns != 0) {
        return apply_extension(writer, call, attempt, hold);
    }
    if (!keep_counted(writer, attempt, hold)) {
        return false;
    }
    if (call->started_ns == 0) {
        call->since = writer->before;
        call->started_ns = hold->wall_ns;
        call->key_id = hold->key_id;
        call->limited_model = attempt->counted;
        keep_scopes(call, hold);
    }
    if (hold->endpoint.len > 0 && !call->written) {
        keep_facts(call, hold);
    }
    attempt->held_ns = hold->wall_ns == 0 ? 1 : hold->wall_ns;
    attempt->amount_nd = sane(hold->amount_nd);
    attempt->most_nd = attempt->amount_nd;
    attempt->words[WORD_TARGET] = hold->target;
    attempt->words[WORD_PROVIDER] = hold->provider;
    attempt->words[WORD_MODEL] = hold->model;
    return true;
}

bool writer_name_call(struct writer *writer, struct open_call *call)
{
    if (!call->named) {
        call->named = writer_number_words(writer, call->words, call->names, CALL_WORDS);
    }
    return call->named;
}

/* --- settles --------------------------------------------------------------------------------- */

bool writer_write_rows(struct writer *writer, struct rows *rows, size_t *ret_added)
{
    bool calls = rows == &writer->calls;
    size_t count = rows->count;
    for (size_t i = 0; calls && writer->note.on && i < count; i++) {
        note_call(&writer->note, &rows->rows[i].call);
    }
    if (calls) {
        buf_clear(&writer->expected); /* not before they are written: rows_write() is next */
    }
    if (!rows_write(rows, writer->sql[calls ? SQL_CALL_ADD : SQL_ATTEMPT_ADD], ret_added)) {
        return false;
    }
    writer->rows += *ret_added;
    writer->repeated |= *ret_added != count;
    return *ret_added == count || writer->careful;
}

/* Counts the row that was filled in. *ret_added: false when there was one already; it is known at
 * once only when the writer is careful. */
static bool add_row(struct writer *writer, enum control_kind kind, int64_t hour, bool *ret_added)
{
    bool calls = kind == CONTROL_CALLS;
    struct rows *rows = calls ? &writer->calls : &writer->attempts;
    const struct row *row = &rows->rows[rows->count++];
    size_t added = 1;
    if ((writer->careful || rows->count == ROWS_MAX) && !writer_write_rows(writer, rows, &added)) {
        return false;
    }
    *ret_added = added > 0;
    return !*ret_added || controls_add(&writer->controls, kind, hour, &row->call, row->numbers + 1,
                                       (calls ? CALL_ROW_COLUMNS : ATTEMPT_ROW_COLUMNS) - 1);
}

static int64_t expected_or_null(const struct settle_record *settle, int64_t value)
{
    return settle->forecast.given ? sane(value) : ROW_NULL;
}

/* Adds the row. *ret_added as for add_row(). */
static bool add_attempt_row(struct writer *writer, const struct settle_record *settle,
                            const struct open_attempt *attempt, bool *ret_added)
{
    struct row *row = rows_next(&writer->attempts);
    const struct usage *usage = &settle->usage;
    int64_t lane = names_id(&writer->names, settle->lane);
    int64_t error = names_id(&writer->names, settle->error);
    if (lane < 0 || error < 0) {
        return false;
    }
    const int64_t values[] = {
        ROW_BYTES,
        settle->attempt,
        settle->wall_ns,
        sane(settle->released_nd),
        sane(settle->cost_nd),
        (int64_t)settle->key_id,
        settle->outcome,
        settle->status,
        attempt->names[WORD_TARGET],
        attempt->names[WORD_PROVIDER],
        attempt->names[WORD_MODEL],
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
        usage->has_provider_cost ? sane(usage->provider_cost_nd) : ROW_NULL,
        ROW_BYTES, /* loss */
        (int64_t)settle->offer,
        settle->basis,
        settle->purpose,
        settle->catalogue_nd < 0 ? ROW_NULL : sane(settle->catalogue_nd),
        expected_or_null(settle, settle->forecast.cost_nd),
        expected_or_null(settle, settle->forecast.input),
        expected_or_null(settle, settle->forecast.output),
        expected_or_null(settle, settle->forecast.output_high),
        expected_or_null(settle, settle->forecast.latency_ms),
        attempt->held_ns,
        sane(usage->image_input),
        sane(usage->image_output),
        attempt->counted == 0 ? COUNTED_NONE : attempt->counted,
    };
    _Static_assert(ARRAY_LEN(values) == ATTEMPT_ROW_COLUMNS, "as the INSERT has");
    row->call = settle->call;
    memcpy(row->numbers, values, sizeof(values));
    row->text = settle->loss;
    return add_row(writer, CONTROL_ATTEMPTS, writer_hour(settle->wall_ns), ret_added);
}

static bool answered(enum attempt_outcome outcome)
{
    return outcome != ATTEMPT_FAILED;
}

/* Nobody held it: is it the one attempt that the row of a closed call has in it? */
static bool is_in_call(struct writer *writer, const struct settle_record *settle, bool *ret_found)
{
    size_t added;
    sqlite3_stmt *sql = writer->sql[SQL_CALL_FIND];
    if (settle->attempt != 1) {
        return true;
    }
    if (!writer_write_rows(writer, &writer->calls, &added)) {
        return false;
    }
    bind_id(sql, 1, &settle->call);
    *ret_found =
        sqlite3_step(sql) == SQLITE_ROW && (sqlite3_column_int64(sql, 5) & CALL_OWN_ATTEMPT) != 0;
    return sqlite3_reset(sql) == SQLITE_OK;
}

static bool apply_settle(struct writer *writer, const struct settle_record *settle)
{
    struct open_call *call = open_calls_at(&writer->calls_open, settle->call);
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
    bool in_call = false;
    if (!writer_number_words(writer, words, attempt->names, ATTEMPT_WORDS) ||
        (attempt->held_ns == 0 && !is_in_call(writer, settle, &in_call))) {
        return false;
    }
    if (attempt->held_ns == 0) { /* nobody held it: it counts from when its call began */
        attempt->held_ns = call->started_ns != 0 ? call->started_ns : settle->wall_ns;
        attempt->counted = call->limited_model;
    }
    if ((!in_call && !add_attempt_row(writer, settle, attempt, &added)) ||
        !remove_hold(writer, call, attempt)) {
        return false;
    }
    if (!added) {
        writer_anomaly(writer, "an attempt was settled again after its call was closed",
                       settle->call);
    } else if (!writer_tally(writer, settle)) {
        return false;
    }
    if (call->started_ns == 0) {
        call->started_ns = settle->wall_ns;
        call->key_id = settle->key_id;
        call->scopes[SCOPE_KEY] = (int64_t)settle->key_id;
    }
    attempt->named = true;
    attempt->settled = true;
    attempt->cost_nd = added ? sane(settle->cost_nd) : 0;
    attempt->outcome = settle->outcome;
    attempt->purpose = settle->purpose;
    attempt->told = added && settle->catalogue_nd >= 0;
    attempt->catalogue_nd = sane(settle->catalogue_nd);
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
        .cost_nd = attempt->most_nd,
        .key_id = call->key_id,
        .outcome = ATTEMPT_INTERRUPTED,
        .priced = true,
        .first_byte_us = -1,
        .error = SLICE_INIT("interrupted"),
        .basis = CHARGE_HOLD,
        .catalogue_nd = RECORD_NO_CATALOGUE,
    };
    if (!name_attempt(writer, attempt) || !add_attempt_row(writer, &settle, attempt, &added) ||
        !remove_hold(writer, call, attempt)) {
        return false;
    }
    attempt->settled = true;
    attempt->cost_nd = added ? attempt->most_nd : 0;
    attempt->outcome = ATTEMPT_INTERRUPTED;
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

static int64_t call_bits(const struct call_record *record, const struct settle_record *own,
                         bool estimated)
{
    unsigned bits = (record->streamed ? CALL_STREAMED : 0u) |
                    (record->complete ? CALL_COMPLETE : 0u) | (estimated ? CALL_ESTIMATED : 0u) |
                    (unsigned)record->tier << CALL_TIER_SHIFT |
                    (unsigned)record->verdict << CALL_VERDICT_SHIFT;
    if (own != NULL) {
        bits |= CALL_OWN_ATTEMPT | (own->usage.reported ? CALL_REPORTED : 0u) |
                (own->priced ? CALL_PRICED : 0u) | (unsigned)own->outcome << CALL_OUTCOME_SHIFT |
                (unsigned)own->basis << CALL_BASIS_SHIFT;
    }
    return bits;
}

/* The columns behind the call's own; the same order as in the table. */
static void fill_own(int64_t *numbers, const struct call_record *record,
                     const struct settle_record *own)
{
    if (own == NULL) {
        const size_t counts = 7; /* the others may be unknown */
        memset(numbers, 0, counts * sizeof(numbers[0]));
        for (size_t i = counts; i < CALL_ROW_OWN_COLUMNS; i++) {
            numbers[i] = i == counts + 1 ? ROW_BYTES : ROW_NULL;
        }
        return;
    }
    const struct usage *usage = &own->usage;
    const int64_t values[] = {
        own->wall_ns - record->wall_ns,
        sane(own->released_nd),
        own->first_byte_us,
        own->total_us,
        sane(usage->cache_read),
        sane(usage->cache_write),
        sane(usage->reasoning),
        usage->has_provider_cost ? sane(usage->provider_cost_nd) : ROW_NULL,
        ROW_BYTES, /* expected */
        expected_or_null(own, own->forecast.input),
        expected_or_null(own, own->forecast.output),
        expected_or_null(own, own->forecast.output_high),
        expected_or_null(own, own->forecast.latency_ms),
    };
    _Static_assert(ARRAY_LEN(values) == CALL_ROW_OWN_COLUMNS, "as the table has");
    memcpy(numbers, values, sizeof(values));
}

static bool add_call_row(struct writer *writer, const struct call_record *record,
                         const struct settle_record *own, int64_t shape, int64_t task,
                         struct slice expected, bool estimated, bool *ret_added)
{
    struct row *row = rows_next(&writer->calls);
    const int64_t values[] = {
        ROW_BYTES,
        shape,
        call_bits(record, own, estimated),
        task,
        record->attempts,
        record->complexity_permille,
        record->wall_ns,
        record->cost_nd,
        sane(record->baseline_nd),
        sane(record->expected_cost_nd),
        sane(record->input_tokens),
        sane(record->output_tokens),
        record->first_byte_us,
        record->total_us,
    };
    _Static_assert(ARRAY_LEN(values) + CALL_ROW_OWN_COLUMNS == CALL_ROW_COLUMNS,
                   "as the table has");
    row->call = record->call;
    row->text = expected;
    memcpy(row->numbers, values, sizeof(values));
    fill_own(row->numbers + ARRAY_LEN(values), record, own);
    return add_row(writer, CONTROL_CALLS, writer_hour(record->wall_ns), ret_added);
}

/* Into the sums of its task and its shape, which go to the rollups later. */
static bool count_call(struct writer *writer, const struct call_record *record, int64_t task,
                       struct shape *shape, const struct sums *attempts, bool estimated)
{
    struct sums sums = *attempts;
    sums.hour = shape->sums.hour;
    sums.calls = 1;
    sums.failed = record->complete ? 0 : 1;
    sums.input_tokens = sane(record->input_tokens);
    sums.output_tokens = sane(record->output_tokens);
    sums.cost_nd = record->cost_nd;
    sums.baseline_nd = sane(record->baseline_nd);
    sums.estimated = estimated ? 1 : 0;
    struct sums *of_task = &writer->tasks[record->task];
    if (of_task->hour != sums.hour) {
        if (of_task->calls != 0 && !rollups_add(&writer->rollups, REPORT_TASK, task, of_task)) {
            return false;
        }
        *of_task = (struct sums){.hour = sums.hour};
    }
    sums_add(of_task, &sums);
    sums_add(&shape->sums, &sums);
    return true;
}

bool writer_add_spend(struct writer *writer, const struct open_call *call,
                      const struct open_attempt *attempt, int64_t cost_nd)
{
    int64_t held_ns = attempt->held_ns;
    for (unsigned kind = 0; cost_nd != 0 && kind < SCOPE_KINDS; kind++) {
        int64_t scope = call->scopes[kind];
        if (scope != 0 &&
            (!spends_add(&writer->spends, (enum scope_kind)kind, scope, 0, held_ns, cost_nd) ||
             (attempt->counted != 0 && !spends_add(&writer->spends, (enum scope_kind)kind, scope,
                                                   attempt->counted, held_ns, cost_nd)))) {
            return false;
        }
    }
    return true;
}

/* Cost goes where it arose: an attempt's to its own target, provider and model. */
bool writer_count_attempt(struct writer *writer, const struct open_call *call,
                          const struct open_attempt *attempt, int64_t hour)
{
    static const enum report_by of_attempt[ATTEMPT_WORDS] = {
        [WORD_TARGET] = REPORT_TARGET,
        [WORD_PROVIDER] = REPORT_PROVIDER,
        [WORD_MODEL] = REPORT_MODEL,
    };
    const struct sums sums = writer_attempt_sums(attempt, hour);
    for (size_t w = 0; w < ATTEMPT_WORDS; w++) {
        if (!rollups_add(&writer->rollups, of_attempt[w], attempt->names[w], &sums)) {
            return false;
        }
    }
    return rollups_add_key(&writer->rollups, (int64_t)call->key_id, REPORT_MODEL,
                           attempt->names[WORD_MODEL], &sums) &&
           writer_add_spend(writer, call, attempt, attempt->cost_nd);
}

static bool count_attempts(struct writer *writer, int64_t hour, const struct open_call *call)
{
    for (size_t i = 0; call != NULL && i < call->count; i++) {
        if (!writer_count_attempt(writer, call, &call->attempts[i], hour)) {
            return false;
        }
    }
    return true;
}

/* What the attempts of the call cost; its own one is not in its memory. */
static struct sums sum_attempts(const struct open_call *call, const struct settle_record *own)
{
    struct sums sums = {0};
    if (own != NULL) {
        const struct open_attempt attempt = {
            .cost_nd = own->cost_nd,
            .outcome = own->outcome,
            .purpose = own->purpose,
            .told = own->catalogue_nd >= 0,
            .catalogue_nd = sane(own->catalogue_nd),
        };
        return writer_attempt_sums(&attempt, 0);
    }
    for (size_t i = 0; call != NULL && i < call->count; i++) {
        struct sums one = writer_attempt_sums(&call->attempts[i], 0);
        sums_add(&sums, &one);
    }
    return sums;
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
    open_calls_remove(&writer->calls_open, call);
    return done;
}

bool writer_close_call(struct writer *writer, const struct call_record *record,
                       struct open_call *call, const struct settle_record *own)
{
    int64_t parts[SHAPE_PARTS];
    int64_t hour = writer_hour(record->wall_ns);
    int64_t task = task_word(writer, record->task);
    bool estimated = call != NULL && call->estimated;
    bool added = false;
    struct slice expected;
    if (task < 0 || !writer_number_call(writer, record, own, parts)) {
        return false;
    }
    parts[SHAPE_MENU] = writer_number_menu(writer, record, &expected);
    if (parts[SHAPE_MENU] < 0) {
        return false;
    }
    writer_agree_on_scopes(call, parts);
    struct shape *shape = shapes_at(&writer->shapes, parts, hour, &writer->rollups);
    if (shape == NULL ||
        !add_call_row(writer, record, own, shape->id, task, expected, estimated, &added)) {
        return false;
    }
    if (!added) {
        writer_anomaly(writer, "a call was closed twice", record->call);
        return call == NULL || writer_forget_call(writer, call);
    }
    const struct sums attempts = sum_attempts(call, own);
    if (!count_call(writer, record, task, shape, &attempts, estimated)) {
        return false;
    }
    if (own != NULL && !writer_tally(writer, own)) {
        return false;
    }
    if (own != NULL) {
        sums_add(&shape->own, &attempts);
        writer->rows++; /* it counts as two */
        if (!writer_add_spend(writer, call, &call->attempts[0], record->cost_nd)) {
            return false;
        }
    } else if (!count_attempts(writer, hour, call)) {
        return false;
    }
    return call == NULL || writer_forget_call(writer, call);
}

static bool apply_call(struct writer *writer, const struct call_record *record)
{
    struct open_call *call = open_calls_find(&writer->calls_open, record->call);
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
    return writer_close_call(writer, &summed, call, NULL);
}

/* Can one row say all of the call and of its attempt, which is the only one? */
static bool fits_one_row(const struct open_call *open, const struct settle_record *settle,
                         const struct call_record *call)
{
    const struct usage *usage = &settle->usage;
    const struct open_attempt *attempt = &open->attempts[0];
    return open->count == 1 && attempt->number == 1 && settle->attempt == 1 && !attempt->settled &&
           attempt->held_ns != 0 && call->attempts == 1 && call->cost_nd == settle->cost_nd &&
           call->cost_nd == sane(settle->cost_nd) &&
           memcmp(&call->call, &settle->call, sizeof(call->call)) == 0 &&
           call->key_id == settle->key_id && call->input_tokens == usage->input &&
           call->output_tokens == usage->output && call->wall_ns >= 0 && settle->wall_ns >= 0 &&
           usage->cache_write_1h == 0 && usage->audio_input == 0 && usage->audio_output == 0 &&
           usage->image_input == 0 && usage->image_output == 0 && settle->loss.len == 0 &&
           settle->purpose == ATTEMPT_FOR_ANSWER &&
           (!settle->forecast.given || settle->forecast.cost_nd == call->expected_cost_nd) &&
           spend_bucket(attempt->held_ns) == spend_bucket(call->wall_ns);
}

static bool apply_both(struct writer *writer, const struct settle_record *settle,
                       const struct call_record *call)
{
    struct open_call *open = open_calls_find(&writer->calls_open, settle->call);
    if (open == NULL || !fits_one_row(open, settle, call)) {
        return apply_settle(writer, settle) && apply_call(writer, call);
    }
    if (answered(settle->outcome)) {
        open->estimated = !settle->usage.reported;
    }
    return writer_close_call(writer, call, open, settle);
}

bool writer_apply(struct writer *writer, const struct journal_entry *entry)
{
    switch (entry->kind) {
    case JOURNAL_HOLD:
        return apply_hold(writer, &entry->hold);
    case JOURNAL_SETTLE:
        return apply_settle(writer, &entry->settle) && writer_add_overrun(writer, &entry->settle);
    case JOURNAL_CALL:
        return apply_call(writer, &entry->call);
    case JOURNAL_SETTLE_AND_CALL:
        return apply_both(writer, &entry->settle, &entry->call) &&
               writer_add_overrun(writer, &entry->settle);
    case JOURNAL_OFFER:
        return writer_add_offer(writer, &entry->offer);
    case JOURNAL_EVIDENCE:
        return writer_add_evidence(writer, &entry->evidence);
    }
    return true; /* the journal's reader lets no other kind through */
}

bool writer_remember(struct writer *writer, const struct journal_entry *entry)
{
    bool begins = entry->kind == JOURNAL_HOLD;
    if (entry->kind == JOURNAL_SETTLE || entry->kind == JOURNAL_OFFER ||
        entry->kind == JOURNAL_EVIDENCE) {
        return true; /* a call with a settled attempt has its rows, or was closed later */
    }
    struct open_call *call =
        open_calls_find(&writer->calls_open, begins ? entry->hold.call : entry->call.call);
    if (call != NULL && call->written) {
        return true; /* its rows say more: they are as new as the position */
    }
    if (begins) {
        return apply_hold(writer, &entry->hold);
    }
    if (call != NULL) {
        open_calls_remove(&writer->calls_open, call);
    }
    return true;
}

/* --- the end of a batch -------------------------------------------------------------------------
 */

static bool write_call(struct writer *writer, struct open_call *call)
{
    if (!call->written) {
        if (!writer_name_call(writer, call)) {
            return false;
        }
        sqlite3_stmt *sql = writer->sql[SQL_OPEN_ADD];
        const int64_t values[] = {
            (int64_t)call->key_id,
            call->started_ns,
            call->scopes[SCOPE_USER],
            call->scopes[SCOPE_TEAM],
            call->scopes[SCOPE_ORGANISATION],
            call->limited_model,
            call->names[CALL_WORD_KEY_NAME],
            call->names[CALL_WORD_ENDPOINT],
            call->names[CALL_WORD_ASKED_MODEL],
            call->names[CALL_WORD_ROUTE],
            call->names[CALL_WORD_TAG],
            call->task,
            call->tier,
            call->complexity_permille,
        };
        bind_id(sql, 1, &call->id);
        bind_numbers(sql, 2, values, ARRAY_LEN(values));
        sqlite3_bind_int64(sql, 2 + (int)ARRAY_LEN(values),
                           control_seal(&call->id, values, ARRAY_LEN(values)));
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

/* Of the records that a start reads again: some milliseconds, and more than most calls last. */
#define OPEN_RECORDS_MAX 16384

/*
 * Its holds cannot be found in the journal again: they are in a segment that may be reused from now
 * on, or too far back; or an attempt of it has its row already.
 */
static bool needs_rows(const struct writer *writer, const struct open_call *call)
{
    const struct journal_position *position = &writer->position;
    if (call->written || call->since.segment != position->segment ||
        position->record - call->since.record > OPEN_RECORDS_MAX) {
        return true;
    }
    for (size_t i = 0; i < call->count; i++) {
        if (call->attempts[i].settled) {
            return true;
        }
    }
    return false;
}

bool writer_write_open(struct writer *writer)
{
    size_t cursor = 0;
    struct open_call *call = NULL;
    writer->open = writer->position;
    while ((call = open_calls_next(&writer->calls_open, call, &cursor)) != NULL) {
        if (needs_rows(writer, call)) {
            if (!write_call(writer, call)) {
                return false;
            }
        } else if (call->since.record < writer->open.record) {
            writer->open = call->since;
        }
    }
    return true;
}
