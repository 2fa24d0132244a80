/* SPDX-License-Identifier: Apache-2.0 */
#include "store/report_cluster_internal.h"

#include "base/clock.h"
#include "base/memory.h"

#include <time.h>

#define QUESTION_MS 2000
#define VERIFY_MS (60 * 60 * 1000) /* each question about all calls */
#define TURN_S 2
#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400

struct cluster_reports *cluster_reports_new(struct cluster_member *member, struct error *error)
{
    struct cluster_reports *reports = memory_array(1, sizeof(*reports));
    if (reports == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    pthread_mutex_init(&reports->lock, NULL);
    reports->path = member_path(member);
    reports->postgres = member_postgres(member, "reports", error);
    if (reports->postgres == NULL ||
        !postgres_set_patience(reports->postgres, QUESTION_MS, error)) {
        cluster_reports_free(reports);
        return NULL;
    }
    return reports;
}

void cluster_reports_free(struct cluster_reports *reports)
{
    if (reports != NULL) {
        postgres_free(reports->postgres);
        pthread_mutex_destroy(&reports->lock);
        memory_free(reports);
    }
}

bool reports_begin(struct cluster_reports *reports, struct error *error)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TURN_S;
    if (pthread_mutex_timedlock(&reports->lock, &until) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "authority_away",
                         "other questions wait for PostgreSQL");
    }
    if (!postgres_connect(reports->postgres, error)) {
        pthread_mutex_unlock(&reports->lock);
        return false;
    }
    return true;
}

void reports_end(struct cluster_reports *reports)
{
    postgres_rollback(reports->postgres);
    pthread_mutex_unlock(&reports->lock);
}

bool reports_no_memory(struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "out_of_memory",
                     "the answer is too large; ask for fewer calls");
}

/* --- sums --------------------------------------------------------------------------------------
 */

#define AMOUNTS                                                                                    \
    "calls, failed, input_tokens, output_tokens, cost_nd, baseline_nd, estimated, failed_nd,"      \
    " judge_nd, shadow_nd, escalation_nd, told_nd, catalogue_nd"
#define NEGATIVE                                                                                   \
    "-calls, -failed, -input_tokens, -output_tokens, -cost_nd, -baseline_nd, -estimated,"          \
    " -failed_nd, -judge_nd, -shadow_nd, -escalation_nd, -told_nd, -catalogue_nd"
#define SUMS                                                                                       \
    "sum(calls)::bigint AS calls, sum(failed)::bigint AS failed,"                                  \
    " sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,"     \
    " sum(cost_nd)::bigint AS cost_nd, sum(baseline_nd)::bigint AS baseline_nd,"                   \
    " sum(estimated)::bigint AS estimated, sum(failed_nd)::bigint AS failed_nd,"                   \
    " sum(judge_nd)::bigint AS judge_nd, sum(shadow_nd)::bigint AS shadow_nd,"                     \
    " sum(escalation_nd)::bigint AS escalation_nd, sum(told_nd)::bigint AS told_nd,"               \
    " sum(catalogue_nd)::bigint AS catalogue_nd"
/* Hours from $2 to $3: whole days, or weeks and the days before and after them, by their own sums,
 * the hours before and after them by theirs. */
#define FIRST_DAY "($2 + 23) / 24"
#define FIRST_WEEK "((" FIRST_DAY " + 6) / 7)"
#define LAST_WEEK "($3 / 24 / 7)"
#define DAY_ROWS(dimension, from, until)                                                           \
    "SELECT day, name, " AMOUNTS " FROM rollups_day WHERE dimension = " dimension                  \
    " AND day >= " from " AND day < " until
#define WEEK_ROWS(dimension)                                                                       \
    "SELECT week * 7 AS day, name, " AMOUNTS " FROM rollups_week WHERE dimension = " dimension     \
    " AND week >= " FIRST_WEEK " AND week < " LAST_WEEK " UNION ALL " DAY_ROWS(                    \
        dimension, FIRST_DAY,                                                                      \
        "least($3 / 24, " FIRST_WEEK                                                               \
        " * 7)") " UNION ALL " DAY_ROWS(dimension,                                                 \
                                        "greatest(" FIRST_DAY ", " FIRST_WEEK " * 7, " LAST_WEEK   \
                                        " * 7)",                                                   \
                                        "$3 / 24")
#define HOUR_ROWS(dimension)                                                                       \
    " UNION ALL SELECT hour / 24, name, " AMOUNTS " FROM rollups WHERE dimension = " dimension     \
    " AND hour >= $2 AND hour < least($3, ($2 + 23) / 24 * 24)"                                    \
    " UNION ALL SELECT hour / 24, name, " AMOUNTS " FROM rollups WHERE dimension = " dimension     \
    " AND hour >= greatest($2, ($2 + 23) / 24 * 24, $3 / 24 * 24) AND hour < $3"

static const char sql_by_day[] =
    "SELECT day::text, " SUMS " FROM (" DAY_ROWS(
        "$1", FIRST_DAY,
        "$3 / 24") HOUR_ROWS("$1") ") AS r GROUP BY day ORDER BY day";
#define ROWS(dimension) WEEK_ROWS(dimension) HOUR_ROWS(dimension)
#define NAMED "SELECT name, " SUMS " FROM (" ROWS("$1") ") AS r GROUP BY name"
static const char sql_by_name[] = NAMED " ORDER BY sum(cost_nd) DESC, sum(calls) DESC, name";
/* What belongs to none of them has no sums of its own: it is all less those that do, which are
 * added up once for both. */
static const char sql_with_rest[] =
    "WITH named AS MATERIALIZED (" NAMED ") SELECT name, " SUMS
    " FROM (SELECT * FROM named UNION ALL SELECT '', " NEGATIVE " FROM named"
    " UNION ALL SELECT '', " AMOUNTS
    " FROM (" ROWS("'day'") ") AS whole) AS r GROUP BY name"
                            " HAVING name <> '' OR sum(calls) <> 0 OR sum(cost_nd) <> 0"
                            " ORDER BY sum(cost_nd) DESC, name = '', sum(calls) DESC, name";

/* Of one key ($4), from its calls that began at $5 or later: charges go to where they arose. */
#define OWN(word)                                                                                  \
    "SELECT (greatest(started_ns, 0) / 86400000000000)::text AS day, " word                        \
    " AS name, 1 AS calls,"                                                                        \
    " (NOT complete)::int AS failed, input_tokens, output_tokens, 0 AS cost_nd, baseline_nd,"      \
    " estimated::int AS estimated, 0 AS failed_nd, 0 AS judge_nd, 0 AS shadow_nd,"                 \
    " 0 AS escalation_nd, 0 AS told_nd, 0 AS catalogue_nd FROM mine UNION ALL"                     \
    " SELECT (greatest(c.started_ns, 0) / 86400000000000)::text, a." word ", 0, 0, 0, 0,"          \
    " a.cost_nd, 0, 0, " FOR("0", "AND a.outcome IN ('failed', 'interrupted')") ", " FOR(          \
        "1", "") ", " FOR("2", "") ", " FOR("3",                                                   \
                                            "") ", CASE WHEN a.catalogue_nd IS NULL THEN 0"        \
                                                " ELSE a.cost_nd END, coalesce(a.catalogue_nd, "   \
                                                "0) FROM attempts a JOIN mine c ON c.id = a.call"
#define FOR(purpose, which) "CASE WHEN a.purpose = " purpose " " which " THEN a.cost_nd ELSE 0 END"
#define MINE                                                                                       \
    "WITH mine AS (SELECT id, started_ns, model, complete, input_tokens, output_tokens,"           \
    " baseline_nd, estimated FROM calls WHERE key_id = $4 AND id >= $5::uuid AND $1 <> ''"         \
    " AND started_ns >= $2 * 3600000000000 AND started_ns < $3 * 3600000000000) "
static const char sql_own_by_day[] =
    MINE "SELECT day, " SUMS " FROM (" OWN("model") ") AS r GROUP BY day ORDER BY day::bigint";
static const char sql_own_by_model[] =
    MINE "SELECT name, " SUMS " FROM (" OWN("model") ") AS r GROUP BY name"
                                                     " ORDER BY sum(cost_nd) DESC, sum(calls) DESC,"
                                                     " name";

/* A name is cut where a character ends. */
static void name_row(struct report_row *row, enum report_by by, struct slice name)
{
    uint64_t day = 0;
    if (by == REPORT_DAY && slice_to_u64(name, &day)) {
        char text[CLOCK_TEXT_SIZE];
        clock_format((int64_t)day * SECONDS_PER_DAY * NS_PER_S, text);
        slice_to_cstr(slice_of(text, strlen("2026-11-21")), row->name, sizeof(row->name));
        return;
    }
    if (name.len >= sizeof(row->name)) {
        name.len = sizeof(row->name) - 1;
        while (name.len > 0 && (name.ptr[name.len] & 0xC0) == 0x80) {
            name.len--;
        }
    }
    slice_to_cstr(name.len == 0 ? SLICE("(none)") : name, row->name, sizeof(row->name));
}

static void read_sums(const struct postgres_rows *rows, int at, struct report_row *row)
{
    int64_t *const sums[] = {
        &row->calls,        &row->failed,      &row->input_tokens,  &row->output_tokens,
        &row->cost_nd,      &row->baseline_nd, &row->estimated,     &row->failed_nd,
        &row->judge_nd,     &row->shadow_nd,   &row->escalation_nd, &row->told_nd,
        &row->catalogue_nd,
    };
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        *sums[i] = postgres_int64(rows, at, (int)i + 1);
    }
}

static bool read_report(const struct postgres_rows *rows, enum report_by by,
                        struct report *ret_report)
{
    struct report report = {.total = {.name = "total"}};
    size_t room = (size_t)rows->count > REPORT_ROWS_MAX ? REPORT_ROWS_MAX : (size_t)rows->count;
    report.rows = memory_array(room == 0 ? 1 : room, sizeof(*report.rows));
    if (report.rows == NULL) {
        return false;
    }
    for (int i = 0; i < rows->count; i++) {
        struct report_row row = {0};
        name_row(&row, by, postgres_slice(rows, i, 0));
        read_sums(rows, i, &row);
        report_add(&report.total, &row, 1);
        if (report.count < room) {
            report.rows[report.count++] = row;
        }
    }
    *ret_report = report;
    return true;
}

static const char *sql_of(uint64_t key, enum report_by by)
{
    if (key != 0) {
        return by == REPORT_DAY ? sql_own_by_day : sql_own_by_model;
    }
    return by == REPORT_DAY ? sql_by_day : by >= REPORT_USER ? sql_with_rest : sql_by_name;
}

bool cluster_report_make(struct cluster_reports *reports, uint64_t key, enum report_by by,
                         int64_t since_s, int64_t until_s, struct report *ret_report,
                         struct error *error)
{
    char first[ID_TEXT_LEN + 1];
    CHECK(key == 0 || by == REPORT_DAY || by == REPORT_MODEL);
    struct postgres_params params = {0};
    struct postgres_rows rows;
    int64_t until = until_s == 0 ? clock_wall(&clock_system) / NS_PER_S + 1 : until_s;
    if (!reports_begin(reports, error)) {
        return false;
    }
    params_text(&params, slice_from_cstr(report_by_name(by)));
    int64_t hour = (since_s < 0 ? 0 : since_s) / SECONDS_PER_HOUR;
    params_int64(&params, hour);
    params_int64(&params, (until + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR);
    if (key != 0) { /* an identifier is as old as its call, or by less than an hour older */
        params_int64(&params, (int64_t)key);
        params_literal(
            &params, slice_from_cstr(
                         id_format(report_id_at((hour - 1) * SECONDS_PER_HOUR * NS_PER_S), first)));
    }
    bool done = postgres_query(reports->postgres, sql_of(key, by), &params, &rows, error);
    if (done) {
        done = read_report(&rows, by, ret_report) ||
               error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        postgres_rows_release(&rows);
    }
    reports_end(reports);
    bool of_scopes = by == REPORT_USER || by == REPORT_TEAM || by == REPORT_ORGANISATION;
    if (done && of_scopes && !report_name_scopes(reports->path, ret_report, error)) {
        report_release(ret_report);
        return false;
    }
    return done;
}

/* --- the cluster itself ------------------------------------------------------------------------
 */

/* As share_change_spread(), all_heard() and look_for_missing() wait. */
#define SINCE_KEYS_TAKEN                                                                           \
    "coalesce(CASE WHEN " NODE_IS_LIVE " THEN (SELECT at_us FROM key_log k WHERE k.seq >"          \
    " n.key_seq ORDER BY k.seq LIMIT 1) END, 0)"
#define SINCE_KEYS_TOLD                                                                            \
    "CASE WHEN NOT n.stopped AND n.key_incarnation < c.incarnation"                                \
    " THEN (extract(epoch FROM n.seen_at) * 1000000)::bigint ELSE 0 END"
#define SINCE_CAPS_TOLD                                                                            \
    "coalesce((extract(epoch FROM CASE WHEN n.incarnation <> c.incarnation AND NOT"                \
    " (n.incarnation = 0 AND (n.stopped OR n.seen_at < clock_timestamp() - interval '10 s'))"      \
    " THEN n.seen_at WHEN NOT n.stopped AND n.lease_awaited IS NOT NULL"                           \
    " THEN least(n.seen_at, n.lease_awaited) END) * 1000000)::bigint, 0)"
#define SINCE SINCE_KEYS_TAKEN ", " SINCE_KEYS_TOLD ", " SINCE_CAPS_TOLD
static const char sql_nodes[] =
    "SELECT n.id, n.name, n.version, (extract(epoch FROM n.seen_at) * 1000000)::bigint,"
    " " NODE_IS_LIVE ", n.stopped, n.key_seq, coalesce(s.seq, 0),"
    " coalesce((extract(epoch FROM s.at) * 1000000)::bigint, 0),"
    " coalesce(r.calls, 0)::bigint, coalesce(r.cost_nd, 0)::bigint, " SINCE
    " FROM nodes n CROSS JOIN cluster c"
    " LEFT JOIN shipped s ON s.node = n.id LEFT JOIN (SELECT node, sum(calls) AS calls,"
    " sum(cost_nd) AS cost_nd FROM rollups_day WHERE dimension = 'day' GROUP BY node) r"
    " ON r.node = n.id WHERE n.removed_at IS NULL ORDER BY n.name";

static bool read_nodes(const struct postgres_rows *rows, struct arena *arena,
                       struct cluster_status *status)
{
    status->nodes = arena_array(arena, (size_t)rows->count + 1, sizeof(status->nodes[0]));
    for (int i = 0; status->nodes != NULL && i < rows->count; i++) {
        struct cluster_node *node = &status->nodes[status->count++];
        *node = (struct cluster_node){
            .id = postgres_int64(rows, i, 0),
            .seen_us = postgres_int64(rows, i, 3),
            .live = postgres_bool(rows, i, 4),
            .stopped = postgres_bool(rows, i, 5),
            .key_seq = postgres_int64(rows, i, 6),
            .shipped = postgres_int64(rows, i, 7),
            .shipped_us = postgres_int64(rows, i, 8),
            .calls = postgres_int64(rows, i, 9),
            .cost_nd = postgres_int64(rows, i, 10),
        };
        for (int wait = 0; wait < CLUSTER_WAITS; wait++) {
            node->since_us[wait] = postgres_int64(rows, i, 11 + wait);
        }
        slice_to_cstr(postgres_slice(rows, i, 1), node->name, sizeof(node->name));
        slice_to_cstr(postgres_slice(rows, i, 2), node->version, sizeof(node->version));
    }
    return !arena->exhausted;
}

static bool read_head(struct cluster_reports *reports, struct cluster_status *status,
                      struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(reports->postgres,
                        "SELECT id::text, incarnation, (SELECT seq FROM key_head) FROM cluster",
                        NULL, &rows, error)) {
        return false;
    }
    if (rows.count == 1) {
        slice_to_cstr(postgres_slice(&rows, 0, 0), status->cluster.id, sizeof(status->cluster.id));
        status->cluster.incarnation = postgres_int64(&rows, 0, 1);
        status->key_head = postgres_int64(&rows, 0, 2);
    }
    postgres_rows_release(&rows);
    return true;
}

bool cluster_status(struct cluster_reports *reports, struct arena *arena,
                    struct cluster_status *ret_status, struct error *error)
{
    struct postgres_rows rows;
    *ret_status = (struct cluster_status){0};
    if (!reports_begin(reports, error)) {
        return false;
    }
    bool done = read_head(reports, ret_status, error) &&
                postgres_query(reports->postgres, sql_nodes, NULL, &rows, error);
    if (done) {
        done = read_nodes(&rows, arena, ret_status) || reports_no_memory(error);
        postgres_rows_release(&rows);
    }
    for (size_t i = 0; done && i < ret_status->count; i++) {
        ret_status->calls += ret_status->nodes[i].calls;
    }
    reports_end(reports);
    return done;
}

/* Each question's answer says where something is wrong; there must be none. */
struct invariant {
    const char *broken;
    const char *sql;
};

#define WANTED(dimension, word, cost)                                                              \
    "SELECT '" dimension "' AS dimension, greatest(started_ns, 0) / 3600000000000 AS hour, " word  \
    " AS name, node, 1 AS calls, " cost " AS cost_nd, input_tokens, output_tokens, baseline_nd"    \
    " FROM calls"
#define ATTEMPTS(dimension, word)                                                                  \
    WANTED(dimension, word, "0")                                                                   \
    " UNION ALL SELECT '" dimension "', greatest(c.started_ns, 0) / 3600000000000, a." word        \
    ", c.node, 0, a.cost_nd, 0, 0, 0 FROM attempts a JOIN calls c ON c.id = a.call"
/* `since`: of hours after this one; of `shipped` in `s`, the row of the node. */
#define PRUNED "(SELECT hour FROM pruned)"
#define LATER                                                                                      \
    "(SELECT greatest(s.sums_hour, (SELECT hour FROM pruned)) FROM shipped s WHERE s.node = "
#define ROLLUPS(rows) COMPARED(rows, "(SELECT dimension FROM wanted LIMIT 1)", PRUNED, PRUNED)
#define LATER_ROLLUPS(dimension, word, has_one)                                                    \
    COMPARED(WANTED(dimension, word, "cost_nd") " WHERE " has_one, "'" dimension "'",              \
             LATER "w.node)", LATER "r.node)")
#define COMPARED(rows, dimension, since_wanted, since_found)                                       \
    "WITH wanted AS (SELECT dimension, hour, name, node, sum(calls) AS calls,"                     \
    " sum(cost_nd) AS cost_nd, sum(input_tokens) AS input, sum(output_tokens) AS output,"          \
    " sum(baseline_nd) AS baseline FROM (" rows ") AS w WHERE hour > " since_wanted                \
    " GROUP BY dimension, hour, name, node), found AS (SELECT * FROM rollups r WHERE dimension ="  \
    " " dimension " AND hour > " since_found ")"                                                   \
    " SELECT 'node ' || node || ', hour ' || hour || ', ' || name FROM wanted w FULL JOIN found f" \
    " USING (dimension, hour, name, node) WHERE (w.calls, w.cost_nd, w.input, w.output,"           \
    " w.baseline) IS DISTINCT FROM (f.calls, f.cost_nd, f.input_tokens, f.output_tokens,"          \
    " f.baseline_nd) LIMIT 1"

static const struct invariant invariants[] = {
    {"a call is not the sum of its attempts",
     "SELECT 'call ' || c.id FROM calls c LEFT JOIN (SELECT call, sum(cost_nd) AS cost, count(*) AS"
     " count FROM attempts GROUP BY call) a ON a.call = c.id WHERE (c.cost_nd, c.attempts) IS"
     " DISTINCT FROM (coalesce(a.cost, 0), coalesce(a.count, 0)) LIMIT 1"},
    {"an attempt belongs to no call",
     "SELECT 'call ' || a.call FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE c.id ="
     " a.call) LIMIT 1"},
    {"an amount is negative", "SELECT 'call ' || id FROM calls WHERE cost_nd < 0 LIMIT 1"},
    {"the sums of the hours are wrong", ROLLUPS(WANTED("day", "''", "cost_nd"))},
    {"the sums of the keys are wrong", ROLLUPS(WANTED("key", "key", "cost_nd"))},
    {"the sums of the routes are wrong", ROLLUPS(WANTED("route", "route", "cost_nd"))},
    {"the sums of the tasks are wrong", ROLLUPS(WANTED("task", "task", "cost_nd"))},
    {"the sums of the models are wrong", ROLLUPS(ATTEMPTS("model", "model"))},
    {"the sums of the providers are wrong", ROLLUPS(ATTEMPTS("provider", "provider"))},
    {"the sums of the targets are wrong", ROLLUPS(ATTEMPTS("target", "target"))},
    {"the sums of the users are wrong", LATER_ROLLUPS("user", "user_id::text", "user_id <> 0")},
    {"the sums of the teams are wrong", LATER_ROLLUPS("team", "team_id::text", "team_id <> 0")},
    {"the sums of the organisations are wrong",
     LATER_ROLLUPS("organisation", "organisation_id::text", "organisation_id <> 0")},
    {"the sums of the tags are wrong", LATER_ROLLUPS("tag", "tag", "tag <> ''")},
    {"the sums of what no answer cost are wrong",
     "WITH wanted AS (SELECT greatest(c.started_ns, 0) / 3600000000000 AS hour, c.node,"
     " sum(CASE WHEN a.purpose = 0 AND a.outcome IN ('failed', 'interrupted') THEN a.cost_nd ELSE 0"
     " END) AS failed, sum(CASE WHEN a.purpose = 1 THEN a.cost_nd ELSE 0 END) AS judge,"
     " sum(CASE WHEN a.purpose = 2 THEN a.cost_nd ELSE 0 END) AS shadow,"
     " sum(CASE WHEN a.purpose = 3 THEN a.cost_nd ELSE 0 END) AS escalation"
     " FROM attempts a JOIN calls c ON c.id = a.call GROUP BY 1, 2)"
     " SELECT 'node ' || r.node || ', hour ' || r.hour FROM rollups r LEFT JOIN wanted w"
     " USING (hour, node) WHERE r.dimension = 'day' AND r.hour > " LATER "r.node) AND (r.failed_nd,"
     " r.judge_nd, r.shadow_nd, r.escalation_nd) IS DISTINCT FROM (coalesce(w.failed, 0),"
     " coalesce(w.judge, 0), coalesce(w.shadow, 0), coalesce(w.escalation, 0)) LIMIT 1"},
    {"what keys have spent is not what their calls cost",
     "WITH spent AS (SELECT scope, sum(cost_nd) AS nd FROM spend WHERE kind = 'key' AND model = ''"
     " GROUP BY scope), cost AS (SELECT key_id, sum(cost_nd) AS nd FROM calls WHERE key_id <> 0"
     " GROUP BY key_id HAVING sum(cost_nd) > 0) SELECT 'key ' || key_id FROM cost LEFT JOIN spent"
     " ON scope = key_id WHERE spent.nd IS NULL OR cost.nd > spent.nd OR (cost.nd <> spent.nd AND"
     " (SELECT hour FROM pruned) < 0) LIMIT 1"},
    {"the sums of days are not those of their hours",
     "SELECT 'node ' || node || ', day ' || day || ', ' || name FROM (SELECT dimension,"
     " hour / 24 AS day, name, node, sum(calls) AS calls, sum(cost_nd) AS nd, sum(failed_nd +"
     " judge_nd + shadow_nd + escalation_nd) AS extra, sum(input_tokens + output_tokens) AS tokens"
     " FROM rollups GROUP BY 1, 2, 3, 4) h FULL JOIN rollups_day d"
     " USING (dimension, day, name, node) WHERE (h.calls, h.nd, h.extra, h.tokens) IS DISTINCT FROM"
     " (d.calls, d.cost_nd, d.failed_nd + d.judge_nd + d.shadow_nd + d.escalation_nd,"
     " d.input_tokens + d.output_tokens) LIMIT 1"},
    {"the sums of weeks are not those of their days",
     "SELECT 'node ' || node || ', week ' || week || ', ' || name FROM (SELECT dimension,"
     " day / 7 AS week, name, node, sum(calls) AS calls, sum(failed) AS failed, sum(cost_nd) AS nd,"
     " sum(baseline_nd) AS baseline, sum(failed_nd + judge_nd + shadow_nd + escalation_nd) AS"
     " extra, sum(told_nd - catalogue_nd) AS told, sum(input_tokens + output_tokens) AS tokens"
     " FROM rollups_day GROUP BY 1, 2, 3, 4) d FULL JOIN rollups_week w"
     " USING (dimension, week, name, node) WHERE (d.calls, d.failed, d.nd, d.baseline, d.extra,"
     " d.told, d.tokens) IS DISTINCT FROM (w.calls, w.failed, w.cost_nd, w.baseline_nd,"
     " w.failed_nd + w.judge_nd + w.shadow_nd + w.escalation_nd, w.told_nd - w.catalogue_nd,"
     " w.input_tokens + w.output_tokens) LIMIT 1"},
    {"a node of the ledger is not known",
     "SELECT 'node ' || node FROM shipped WHERE node NOT IN (SELECT id FROM nodes) LIMIT 1"},
};

static bool check(struct cluster_reports *reports, const struct invariant *invariant,
                  struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(reports->postgres, invariant->sql, NULL, &rows, error)) {
        return false;
    }
    char where[128];
    bool sound = rows.count == 0;
    slice_to_cstr(sound ? SLICE_EMPTY : postgres_slice(&rows, 0, 0), where, sizeof(where));
    postgres_rows_release(&rows);
    return sound ||
           error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", invariant->broken, where);
}

bool cluster_verify(struct cluster_reports *reports, struct error *error)
{
    if (!reports_begin(reports, error)) {
        return false;
    }
    /* All questions about one moment. */
    bool done = postgres_set_patience(reports->postgres, VERIFY_MS, error) &&
                postgres_script(reports->postgres,
                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                " SET LOCAL work_mem = '128MB'",
                                error);
    for (size_t i = 0; done && i < ARRAY_LEN(invariants); i++) {
        done = check(reports, &invariants[i], error);
    }
    postgres_rollback(reports->postgres);
    struct error ignored;
    (void)!postgres_set_patience(reports->postgres, QUESTION_MS, &ignored);
    reports_end(reports);
    return done;
}

static bool find_node(struct cluster_reports *reports, const struct postgres_params *params,
                      bool *ret_live, struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(reports->postgres,
                        "SELECT " NODE_IS_LIVE
                        " FROM nodes WHERE name = $1 AND removed_at IS NULL FOR UPDATE",
                        params, &rows, error)) {
        return false;
    }
    bool found = rows.count == 1;
    *ret_live = found && postgres_bool(&rows, 0, 0);
    postgres_rows_release(&rows);
    return found || error_set(error, ERROR_NOT_FOUND, "node_not_found",
                              "no node of the cluster has this name");
}

bool cluster_remove(struct cluster_reports *reports, struct slice name, struct error *error)
{
    struct postgres_params params = {0};
    bool live = false;
    if (!reports_begin(reports, error)) {
        return false;
    }
    params_text(&params, name);
    bool done =
        postgres_begin(reports->postgres, error) && find_node(reports, &params, &live, error);
    if (done && live) {
        done = error_set(error, ERROR_INVALID, "node_live",
                         "the node \"%.*s\" lives: stop it first", SLICE_ARG(name));
    }
    done = done &&
           postgres_run(reports->postgres,
                        "UPDATE nodes SET removed_at = clock_timestamp()"
                        " WHERE name = $1 AND removed_at IS NULL",
                        &params, NULL, error) &&
           postgres_commit(reports->postgres, NULL, error);
    reports_end(reports);
    return done;
}
