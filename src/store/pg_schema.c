/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pg_schema.h"

#include "store/lease_postgres_internal.h"

/* Amounts are nano-dollars. `key_log` orders the changes of the keys (key_share.h), each with the
   end of the audit chain after it; who changes the keys locks the row of `key_head`. */
static const char schema_1[] =
    "CREATE SCHEMA IF NOT EXISTS sluice;"
    "CREATE TABLE sluice.cluster(one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " id uuid NOT NULL, schema_version integer NOT NULL, incarnation bigint NOT NULL,"
    " system_identifier bigint NOT NULL, timeline text NOT NULL,"
    " created_at timestamptz NOT NULL DEFAULT now());"
    "INSERT INTO sluice.cluster(id, schema_version, incarnation, system_identifier, timeline)"
    " VALUES(gen_random_uuid(), 1, 1, 0, '');"
    "CREATE TABLE sluice.nodes(id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,"
    " name text NOT NULL, instance text NOT NULL, version text NOT NULL,"
    " incarnation bigint NOT NULL DEFAULT 0, key_seq bigint NOT NULL DEFAULT 0,"
    " key_incarnation bigint NOT NULL DEFAULT 0,"
    " joined_at timestamptz NOT NULL DEFAULT now(), seen_at timestamptz NOT NULL DEFAULT now(),"
    " stopped boolean NOT NULL DEFAULT true, removed_at timestamptz);"
    "CREATE UNIQUE INDEX nodes_name ON sluice.nodes(name) WHERE removed_at IS NULL;"
    "CREATE UNIQUE INDEX nodes_instance ON sluice.nodes(instance) WHERE removed_at IS NULL;"
    "CREATE TABLE sluice.key_head(one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " seq bigint NOT NULL);"
    "INSERT INTO sluice.key_head(seq) VALUES(0);"
    "CREATE TABLE sluice.key_log(seq bigint PRIMARY KEY, node integer NOT NULL,"
    " change text NOT NULL UNIQUE, at_us bigint NOT NULL, audit_count bigint NOT NULL,"
    " audit_hash bytea NOT NULL, changeset bytea NOT NULL);";

/* The ledger of all nodes (ledger_ship.h), with names as they are: rows of nodes' ledgers, their
   sums per hour and per day (since 1970) and word, what scopes have spent per quarter of an hour.
   `pruned`: of hours up to this one calls were removed. */
static const char ledger_schema[] =
    "CREATE TABLE sluice.shipped(node integer PRIMARY KEY, seq bigint NOT NULL,"
    " at timestamptz NOT NULL DEFAULT now());"
    "CREATE TABLE sluice.pruned(one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " hour bigint NOT NULL);"
    "INSERT INTO sluice.pruned(hour) VALUES(-1);"
    "CREATE TABLE sluice.calls(id uuid PRIMARY KEY, node integer NOT NULL,"
    " started_at timestamptz GENERATED ALWAYS AS (to_timestamp(started_ns / 1e9)) STORED,"
    " started_ns bigint NOT NULL, key_id bigint NOT NULL, key text NOT NULL,"
    " user_id bigint NOT NULL, team_id bigint NOT NULL, organisation_id bigint NOT NULL,"
    " tag text NOT NULL, endpoint text NOT NULL, asked_model text NOT NULL, route text NOT NULL,"
    " target text NOT NULL, provider text NOT NULL, model text NOT NULL, task text NOT NULL,"
    " tier text NOT NULL, complexity integer NOT NULL, streamed boolean NOT NULL,"
    " status integer NOT NULL, error text NOT NULL, attempts bigint NOT NULL,"
    " cost_nd bigint NOT NULL, baseline_nd bigint NOT NULL, baseline text NOT NULL,"
    " input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, expected_nd bigint NOT NULL,"
    " first_byte_us bigint NOT NULL, total_us bigint NOT NULL, complete boolean NOT NULL,"
    " estimated boolean NOT NULL);"
    "CREATE TABLE sluice.attempts(call uuid NOT NULL, attempt bigint NOT NULL,"
    " node integer NOT NULL, settled_ns bigint NOT NULL, held_nd bigint NOT NULL,"
    " cost_nd bigint NOT NULL, key_id bigint NOT NULL, outcome text NOT NULL,"
    " status integer NOT NULL, target text NOT NULL, provider text NOT NULL, model text NOT NULL,"
    " lane text NOT NULL, error text NOT NULL, reported boolean NOT NULL, priced boolean NOT NULL,"
    " input bigint NOT NULL, output bigint NOT NULL, cache_read bigint NOT NULL,"
    " cache_write bigint NOT NULL, cache_write_1h bigint NOT NULL, reasoning bigint NOT NULL,"
    " audio_input bigint NOT NULL, audio_output bigint NOT NULL, first_byte_us bigint NOT NULL,"
    " total_us bigint NOT NULL, provider_nd bigint, loss text, basis integer NOT NULL,"
    " purpose integer NOT NULL, catalogue_nd bigint, PRIMARY KEY(call, attempt));"
    "CREATE TABLE sluice.rollups(dimension text NOT NULL, hour bigint NOT NULL,"
    " name text NOT NULL, node integer NOT NULL, calls bigint NOT NULL, failed bigint NOT NULL,"
    " input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cost_nd bigint NOT NULL,"
    " baseline_nd bigint NOT NULL, estimated bigint NOT NULL,"
    " PRIMARY KEY(dimension, hour, name, node));"
    "CREATE TABLE sluice.rollups_day(dimension text NOT NULL, day bigint NOT NULL,"
    " name text NOT NULL, node integer NOT NULL, calls bigint NOT NULL, failed bigint NOT NULL,"
    " input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cost_nd bigint NOT NULL,"
    " baseline_nd bigint NOT NULL, estimated bigint NOT NULL,"
    " PRIMARY KEY(dimension, day, name, node));"
    "CREATE TABLE sluice.spend(kind text NOT NULL, scope bigint NOT NULL, model text NOT NULL,"
    " bucket_s bigint NOT NULL, node integer NOT NULL, cost_nd bigint NOT NULL,"
    " PRIMARY KEY(kind, scope, model, bucket_s, node))";

/* What no answer cost, and sums by user, team, organisation (by number) and tag: of hours of a node
   up to its sums_hour they say less than there was. */
#define LATER_SUMS(table)                                                                          \
    "ALTER TABLE sluice." table " ADD COLUMN failed_nd bigint NOT NULL DEFAULT 0,"                 \
    " ADD COLUMN judge_nd bigint NOT NULL DEFAULT 0,"                                              \
    " ADD COLUMN shadow_nd bigint NOT NULL DEFAULT 0,"                                             \
    " ADD COLUMN escalation_nd bigint NOT NULL DEFAULT 0,"                                         \
    " ADD COLUMN told_nd bigint NOT NULL DEFAULT 0,"                                               \
    " ADD COLUMN catalogue_nd bigint NOT NULL DEFAULT 0;"
static const char sums_schema[] = LATER_SUMS("rollups") LATER_SUMS(
    "rollups_day") "ALTER TABLE sluice.shipped ADD COLUMN sums_hour bigint NOT NULL DEFAULT -1";

/* What each key may see of its own calls. */
static const char own_calls_schema[] = "CREATE INDEX calls_of_keys ON sluice.calls(key_id, id)";

/* Offers (offer.h) by their identifier, which is the same on all nodes: of each target its prices
   as they were. A rate is pico-dollars a token, -1: none of its own; the row of `offer_rates` with
   the largest `above_input` below the input applies, -1 is the one for all. Of a call `menu` and
   `expected` are the candidates in two parts, as in offer.h. Calls of older versions name none. */
static const char offers_schema[] =
    "CREATE TABLE sluice.offers(id bigint PRIMARY KEY, kind text NOT NULL, target text NOT NULL,"
    " provider text NOT NULL, model text NOT NULL, per_request_nd bigint NOT NULL);"
    "CREATE TABLE sluice.offer_rates(offer bigint NOT NULL, above_input bigint NOT NULL,"
    " input_pd bigint NOT NULL, output_pd bigint NOT NULL, cache_read_pd bigint NOT NULL,"
    " cache_write_pd bigint NOT NULL, cache_write_1h_pd bigint NOT NULL,"
    " audio_input_pd bigint NOT NULL, audio_output_pd bigint NOT NULL,"
    " PRIMARY KEY(offer, above_input));"
    "ALTER TABLE sluice.calls ADD COLUMN baseline_offer bigint NOT NULL DEFAULT 0,"
    " ADD COLUMN menu bytea NOT NULL DEFAULT '', ADD COLUMN expected bytea NOT NULL DEFAULT '';"
    "ALTER TABLE sluice.attempts ADD COLUMN offer bigint NOT NULL DEFAULT 0;";

/* Which node tells people of what (alert_claim.h). */
static const char alerts_schema[] =
    "CREATE TABLE sluice.alerts(name text PRIMARY KEY, node integer NOT NULL,"
    " claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
    " told boolean NOT NULL DEFAULT false)";

/* What was expected of an attempt; NULL: nothing, or an older version shipped it. */
static const char forecasts_schema[] =
    "ALTER TABLE sluice.attempts ADD COLUMN expected_input bigint,"
    " ADD COLUMN expected_output bigint, ADD COLUMN high_output bigint,"
    " ADD COLUMN expected_nd bigint, ADD COLUMN expected_ms bigint";

/* A row of `key_log` may be several changes put together: `first` to `seq` (key_share_join.c). */
static const char joined_schema[] = "ALTER TABLE sluice.key_log ADD COLUMN first bigint";

/* Tokens of images, and rates of reasoning and images. */
static const char images_schema[] =
    "ALTER TABLE sluice.attempts ADD COLUMN image_input bigint NOT NULL DEFAULT 0,"
    " ADD COLUMN image_output bigint NOT NULL DEFAULT 0;"
    "ALTER TABLE sluice.offer_rates ADD COLUMN reasoning_pd bigint NOT NULL DEFAULT -1,"
    " ADD COLUMN image_input_pd bigint NOT NULL DEFAULT -1,"
    " ADD COLUMN image_output_pd bigint NOT NULL DEFAULT -1";

/* What the checks said of the answer, as verdict_pack() of record.h has it. */
static const char verdicts_schema[] =
    "ALTER TABLE sluice.calls ADD COLUMN verdict integer NOT NULL DEFAULT 0";

/*
 * Sums of weeks (days since 1970, by sevens), so that a report over months by key reads a few rows
 * of each. They follow those of days by triggers: nodes of older versions that are still connected
 * know nothing of them.
 */
#define SUM_NAMES                                                                                  \
    "calls, failed, input_tokens, output_tokens, cost_nd, baseline_nd, estimated, failed_nd,"      \
    " judge_nd, shadow_nd, escalation_nd, told_nd, catalogue_nd"
#define SUMS_OF_ROWS                                                                               \
    "sum(calls), sum(failed), sum(input_tokens), sum(output_tokens), sum(cost_nd),"                \
    " sum(baseline_nd), sum(estimated), sum(failed_nd), sum(judge_nd), sum(shadow_nd),"            \
    " sum(escalation_nd), sum(told_nd), sum(catalogue_nd)"
#define NEGATIVE_SUMS                                                                              \
    "-calls AS calls, -failed AS failed, -input_tokens AS input_tokens,"                           \
    " -output_tokens AS output_tokens, -cost_nd AS cost_nd, -baseline_nd AS baseline_nd,"          \
    " -estimated AS estimated, -failed_nd AS failed_nd, -judge_nd AS judge_nd,"                    \
    " -shadow_nd AS shadow_nd, -escalation_nd AS escalation_nd, -told_nd AS told_nd,"              \
    " -catalogue_nd AS catalogue_nd"
#define ADDED "SELECT dimension, day, name, node, " SUM_NAMES " FROM added"
#define GONE "SELECT dimension, day, name, node, " NEGATIVE_SUMS " FROM gone"
#define WEEK_TRIGGER(event, tables, rows)                                                          \
    "CREATE FUNCTION sluice.weeks_" event "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"        \
    " INSERT INTO sluice.rollups_week AS w(dimension, week, name, node, " SUM_NAMES                \
    ") SELECT dimension, day / 7, name, node, " SUMS_OF_ROWS " FROM (" rows                        \
    ") AS r GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"                                               \
    " ON CONFLICT (dimension, week, name, node) DO UPDATE SET calls = w.calls + excluded.calls,"   \
    " failed = w.failed + excluded.failed,"                                                        \
    " input_tokens = w.input_tokens + excluded.input_tokens,"                                      \
    " output_tokens = w.output_tokens + excluded.output_tokens,"                                   \
    " cost_nd = w.cost_nd + excluded.cost_nd, baseline_nd = w.baseline_nd + excluded.baseline_nd," \
    " estimated = w.estimated + excluded.estimated, failed_nd = w.failed_nd + excluded.failed_nd," \
    " judge_nd = w.judge_nd + excluded.judge_nd, shadow_nd = w.shadow_nd + excluded.shadow_nd,"    \
    " escalation_nd = w.escalation_nd + excluded.escalation_nd,"                                   \
    " told_nd = w.told_nd + excluded.told_nd,"                                                     \
    " catalogue_nd = w.catalogue_nd + excluded.catalogue_nd; RETURN NULL; END $$;"                 \
    "CREATE TRIGGER weeks_" event " AFTER " event " ON sluice.rollups_day REFERENCING " tables     \
    " FOR EACH STATEMENT EXECUTE PROCEDURE sluice.weeks_" event "();"
static const char weeks_schema[] =
    "LOCK TABLE sluice.rollups_day IN SHARE ROW EXCLUSIVE MODE;"
    "CREATE TABLE sluice.rollups_week(dimension text NOT NULL, week bigint NOT NULL,"
    " name text NOT NULL, node integer NOT NULL, calls bigint NOT NULL, failed bigint NOT NULL,"
    " input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cost_nd bigint NOT NULL,"
    " baseline_nd bigint NOT NULL, estimated bigint NOT NULL, failed_nd bigint NOT NULL,"
    " judge_nd bigint NOT NULL, shadow_nd bigint NOT NULL, escalation_nd bigint NOT NULL,"
    " told_nd bigint NOT NULL, catalogue_nd bigint NOT NULL,"
    " PRIMARY KEY(dimension, week, name, node));"
    "INSERT INTO sluice.rollups_week SELECT dimension, day / 7, name, node, " SUMS_OF_ROWS
    " FROM sluice.rollups_day GROUP BY 1, 2, 3, 4;" WEEK_TRIGGER(
        "insert", "NEW TABLE AS added",
        ADDED) WEEK_TRIGGER("update", "OLD TABLE AS gone NEW TABLE AS added", ADDED
                            " UNION ALL " GONE) WEEK_TRIGGER("delete", "OLD TABLE AS gone", GONE);

/* migrations[n] makes version n + 1 of version n. */
static const char *const migrations[PG_SCHEMA_VERSION] = {
    [0] = schema_1,         [1] = lease_schema,     [2] = ledger_schema,  [3] = sums_schema,
    [4] = own_calls_schema, [5] = offers_schema,    [6] = alerts_schema,  [7] = lease_schema_2,
    [8] = lease_schema_3,   [9] = forecasts_schema, [10] = joined_schema, [11] = images_schema,
    [12] = verdicts_schema, [13] = weeks_schema,
};

const char *pg_schema_step(int version)
{
    CHECK(version >= 1 && version <= PG_SCHEMA_VERSION);
    return migrations[version - 1];
}

#define MIGRATE_MS (30 * 60 * 1000)

/* Any number that other programs are unlikely to use: "SLUICE" and "PG". */
#define LOCK "SELECT pg_advisory_xact_lock(6002266176527618119)"

static bool read_number(struct postgres *postgres, const char *sql, int64_t *ret_value,
                        struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres, sql, NULL, &rows, error)) {
        return false;
    }
    *ret_value = rows.count == 0 ? 0 : postgres_int64(&rows, 0, 0);
    postgres_rows_release(&rows);
    return true;
}

/* 0: there is nothing. Asks the catalogue's tables: functions such as to_regclass() may answer from
 * before this transaction waited for the lock. */
static bool read_version(struct postgres *postgres, int64_t *ret_version, struct error *error)
{
    int64_t present = 0;
    *ret_version = 0;
    return read_number(postgres,
                       "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
                       " ON n.oid = c.relnamespace WHERE n.nspname = 'sluice'"
                       " AND c.relname = 'cluster'",
                       &present, error) &&
           (present == 0 ||
            read_number(postgres, "SELECT schema_version FROM cluster", ret_version, error));
}

static bool check_version(int64_t version, struct slice remembered, struct error *error)
{
    if (version == 0 && remembered.len > 0) {
        return error_set(error, ERROR_ENVIRONMENT, "authority_lost",
                         "the PostgreSQL database has nothing of this cluster (%.*s): restore it, "
                         "or let each node begin a new one with `sluice cluster forget`",
                         SLICE_ARG(remembered));
    }
    if (version > PG_SCHEMA_VERSION) {
        return error_set(error, ERROR_ENVIRONMENT, "authority_newer",
                         "PostgreSQL was set up by a newer version of this program (schema %lld, "
                         "this one knows %d)",
                         (long long)version, PG_SCHEMA_VERSION);
    }
    return true;
}

/* Inside a transaction, alone. */
static bool migrate(struct postgres *postgres, struct slice remembered, struct error *error)
{
    int64_t version = 0;
    if (!postgres_script(postgres, LOCK, error) ||
        !read_version(postgres, &version, error) || /* another node may have been faster */
        !check_version(version, remembered, error)) {
        return false;
    }
    for (; version < PG_SCHEMA_VERSION; version++) {
        struct postgres_params params = {0};
        params_int64(&params, version + 1);
        if (!postgres_script(postgres, migrations[version], error) ||
            !postgres_run(postgres, "UPDATE cluster SET schema_version = $1", &params, NULL,
                          error)) {
            return false;
        }
    }
    return true;
}

static bool in_transaction(struct postgres *postgres, struct slice remembered,
                           bool (*act)(struct postgres *, struct slice, struct error *),
                           struct error *error)
{
    if (!postgres_begin(postgres, error)) {
        return false;
    }
    bool done = act(postgres, remembered, error) && postgres_commit(postgres, NULL, error);
    if (!done) {
        postgres_rollback(postgres);
    }
    return done;
}

/* An index of many millions of calls takes longer than a question may. */
static bool migrate_patiently(struct postgres *postgres, struct slice remembered,
                              struct error *error)
{
    uint64_t before_ms = postgres_patience(postgres);
    struct error ignored;
    bool done = postgres_set_patience(postgres, MIGRATE_MS, error) &&
                in_transaction(postgres, remembered, migrate, error);
    return postgres_set_patience(postgres, before_ms, done ? error : &ignored) && done;
}

bool pg_schema_raise(struct postgres *postgres, struct error *error)
{
    return postgres_run(postgres, "UPDATE cluster SET incarnation = incarnation + 1", NULL, NULL,
                        error);
}

/* The server that is there now. */
#define SERVER_TIMELINE "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
#define NOTE_SERVER(identifier)                                                                    \
    "UPDATE cluster SET incarnation = incarnation + CASE WHEN timeline = '' THEN 0 ELSE 1 END,"    \
    " system_identifier = " identifier ", timeline = " SERVER_TIMELINE                             \
    " WHERE (system_identifier, timeline) IS DISTINCT FROM (" identifier ", " SERVER_TIMELINE ")"

/* Whose account may not see the identifier goes by the timeline alone. What was made just now has
 * no server yet, and nothing is older than what it says. */
static bool note_server(struct postgres *postgres, struct slice remembered, struct error *error)
{
    int64_t may_see = 0;
    (void)remembered;
    return read_number(postgres, "SELECT has_function_privilege('pg_control_system()', 'execute')",
                       &may_see, error) &&
           postgres_run(postgres,
                        may_see != 0
                            ? NOTE_SERVER("(SELECT system_identifier FROM pg_control_system())")
                            : NOTE_SERVER("0"),
                        NULL, NULL, error);
}

static bool read_cluster(struct postgres *postgres, struct pg_cluster *ret_cluster,
                         struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres, "SELECT id::text, incarnation FROM cluster", NULL, &rows,
                        error)) {
        return false;
    }
    bool found = rows.count == 1;
    if (found) {
        slice_to_cstr(postgres_slice(&rows, 0, 0), ret_cluster->id, sizeof(ret_cluster->id));
        ret_cluster->incarnation = postgres_int64(&rows, 0, 1);
    }
    postgres_rows_release(&rows);
    return found || error_set(error, ERROR_ENVIRONMENT, "authority_lost",
                              "the table `cluster` in PostgreSQL is empty: restore the database");
}

static bool is_remembered(const struct pg_cluster *cluster, struct slice remembered,
                          struct error *error)
{
    if (remembered.len == 0 || slice_eq(slice_from_cstr(cluster->id), remembered)) {
        return true;
    }
    return error_set(
        error, ERROR_ENVIRONMENT, "authority_lost",
        "the PostgreSQL database belongs to the cluster %s, this node to %.*s: restore "
        "or choose the other database, or join with `sluice cluster forget`",
        cluster->id, SLICE_ARG(remembered));
}

bool pg_schema_prepare(struct postgres *postgres, struct slice remembered,
                       struct pg_cluster *ret_cluster, struct error *error)
{
    int64_t version = 0;
    return read_version(postgres, &version, error) && check_version(version, remembered, error) &&
           (version == PG_SCHEMA_VERSION || migrate_patiently(postgres, remembered, error)) &&
           read_cluster(postgres, ret_cluster, error) &&
           is_remembered(ret_cluster, remembered, error) &&
           in_transaction(postgres, remembered, note_server, error) &&
           read_cluster(postgres, ret_cluster, error);
}
