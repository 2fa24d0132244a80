/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_schema.h"

#include "store/key_seals.h"
#include "store/ledger_clock.h"
#include "store/ledger_control.h"
#include "store/ledger_schema_steps.h"

/*
 * Amounts are nano-dollars, durations microseconds, times nanoseconds unless the column says
 * seconds (_s). Words (targets, models, tasks, errors ...) are numbers of `names`; 0 is the empty
 * word. Identifiers of calls are UUIDs of version 7, so that rows come nearly in order and need no
 * second index. `open_calls` and `holds` are what the writer must remember between two batches and
 * will not read again in the journal: the others' holds lie there between the state's open position
 * and its position, in the same segment.
 *
 * Most calls have one attempt: its columns are in the call's own row (bit 8 of `bits`, see enum
 * call_bit), where the cost and the tokens of both are the same numbers; and what many calls have
 * in common is in `shapes`. All other attempts are in `attempt_rows`. The views `calls` and
 * `attempts` show every call and every attempt whole, wherever they are. `call_rows` has neither
 * types nor constraints, which would be checked for each of its columns: only the writer adds rows,
 * and it adds numbers.
 */
static const char schema_1[] =
    "CREATE TABLE state(id INTEGER PRIMARY KEY CHECK (id = 1), segment INTEGER NOT NULL,"
    " offset INTEGER NOT NULL, record INTEGER NOT NULL, key_changes INTEGER NOT NULL);"
    "INSERT INTO state VALUES(1, 0, 0, 0, 0);"
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE shapes(id INTEGER PRIMARY KEY, key INTEGER NOT NULL, key_name INTEGER NOT NULL,"
    " endpoint INTEGER NOT NULL, asked_model INTEGER NOT NULL, route INTEGER NOT NULL,"
    " target INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL,"
    " status INTEGER NOT NULL, error INTEGER NOT NULL, baseline INTEGER NOT NULL,"
    " attempt_target INTEGER NOT NULL, attempt_provider INTEGER NOT NULL,"
    " attempt_model INTEGER NOT NULL, attempt_status INTEGER NOT NULL, lane INTEGER NOT NULL,"
    " attempt_error INTEGER NOT NULL);"
    "CREATE TABLE call_rows(id BLOB NOT NULL PRIMARY KEY, shape,"
    " bits, task, attempts,"
    " complexity, started_ns, cost_nd,"
    " baseline_nd, expected_nd, input_tokens,"
    " output_tokens, first_byte_us, total_us,"
    " settled_after_ns, held_nd,"
    " attempt_first_byte_us, attempt_total_us,"
    " cache_read, cache_write, reasoning,"
    " provider_nd) WITHOUT ROWID;"
    "CREATE TABLE attempt_rows(call BLOB NOT NULL, attempt INTEGER NOT NULL,"
    " settled_ns INTEGER NOT NULL, held_nd INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " key INTEGER NOT NULL, outcome INTEGER NOT NULL, status INTEGER NOT NULL,"
    " target INTEGER NOT NULL, provider INTEGER NOT NULL, model INTEGER NOT NULL,"
    " lane INTEGER NOT NULL, error INTEGER NOT NULL, reported INTEGER NOT NULL,"
    " priced INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,"
    " cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,"
    " cache_write_1h INTEGER NOT NULL, reasoning INTEGER NOT NULL,"
    " audio_input INTEGER NOT NULL, audio_output INTEGER NOT NULL,"
    " first_byte_us INTEGER NOT NULL, total_us INTEGER NOT NULL, provider_nd INTEGER, loss TEXT,"
    " PRIMARY KEY(call, attempt)) WITHOUT ROWID;"
    "CREATE VIEW calls AS SELECT c.id, c.started_ns, s.key, s.key_name, s.endpoint,"
    " s.asked_model, s.route, s.target, s.provider, s.model, c.task, c.bits >> 6 & 7 AS tier,"
    " c.complexity, c.bits & 1 AS streamed, s.status, s.error, c.attempts, c.cost_nd,"
    " c.baseline_nd, s.baseline, c.input_tokens, c.output_tokens, c.expected_nd,"
    " c.first_byte_us, c.total_us, c.bits >> 1 & 1 AS complete, c.bits >> 2 & 1 AS estimated"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "CREATE TABLE rollups(dimension INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " name INTEGER NOT NULL, calls INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " baseline_nd INTEGER NOT NULL, estimated INTEGER NOT NULL,"
    " PRIMARY KEY(dimension, hour, name)) WITHOUT ROWID;"
    "CREATE TABLE open_calls(call BLOB NOT NULL PRIMARY KEY, key INTEGER NOT NULL,"
    " started_ns INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE holds(call BLOB NOT NULL, attempt INTEGER NOT NULL, held_ns INTEGER NOT NULL,"
    " amount_nd INTEGER NOT NULL, target INTEGER NOT NULL, provider INTEGER NOT NULL,"
    " model INTEGER NOT NULL, PRIMARY KEY(call, attempt)) WITHOUT ROWID;"
    "CREATE TABLE keys(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " prefix TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, created_s INTEGER NOT NULL,"
    " expires_s INTEGER NOT NULL, revoked_s INTEGER NOT NULL);"
    "PRAGMA application_id = 1397511491;"
    "PRAGMA user_version = 1;";
_Static_assert(LEDGER_APPLICATION_ID == 1397511491, "as in the pragma");

/* The state's open position, see above. Version 1 kept all open calls and holds in their tables, so
   nothing before its position is read again. */
static const char schema_2[] =
    "ALTER TABLE state ADD COLUMN open_offset INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE state ADD COLUMN open_record INTEGER NOT NULL DEFAULT 0;"
    "UPDATE state SET open_offset = offset, open_record = record;"
    "PRAGMA user_version = 2;";
/* A few databases of version 1 have the columns already. */
static const char schema_2_numbered[] = "PRAGMA user_version = 2;";

/* What stands above keys and limits them, and what was done to them. A row of `caps` belongs to a
   row of `limits`; -1 is no limit. `keys` and `scopes` never use an id again: the ledger's rows
   name them. The hash of a row of `audit` covers the hash before it (audit.h); the state has the
   last one, so that rows cannot be cut off at the end unnoticed. */
static const char schema_3[] =
    "ALTER TABLE keys ADD COLUMN role INTEGER NOT NULL DEFAULT 0 CHECK (role IN (0, 1));"
    "ALTER TABLE keys ADD COLUMN blocked_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN user INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN team INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN organisation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN creator INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE old_secrets(digest BLOB NOT NULL PRIMARY KEY, key INTEGER NOT NULL,"
    " ends_s INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE scopes(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)), name TEXT NOT NULL,"
    " organisation INTEGER NOT NULL, created_s INTEGER NOT NULL, UNIQUE(kind, organisation, name));"
    "CREATE TABLE grants(key INTEGER NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL,"
    " PRIMARY KEY(key, kind, text)) WITHOUT ROWID;"
    "CREATE TABLE limits(kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 3)),"
    " scope INTEGER NOT NULL, model TEXT NOT NULL,"
    " requests_per_minute INTEGER NOT NULL CHECK (requests_per_minute >= -1),"
    " tokens_per_minute INTEGER NOT NULL CHECK (tokens_per_minute >= -1),"
    " parallel INTEGER NOT NULL CHECK (parallel >= -1),"
    " max_request_nd INTEGER NOT NULL CHECK (max_request_nd >= -1), pace INTEGER NOT NULL,"
    " PRIMARY KEY(kind, scope, model)) WITHOUT ROWID;"
    "CREATE TABLE caps(kind INTEGER NOT NULL, scope INTEGER NOT NULL, model TEXT NOT NULL,"
    " period INTEGER NOT NULL CHECK (period IN (0, 1, 2, 3, 4)),"
    " window_s INTEGER NOT NULL CHECK (window_s >= 0),"
    " amount_nd INTEGER NOT NULL CHECK (amount_nd >= 0), soft INTEGER NOT NULL,"
    " PRIMARY KEY(kind, scope, model, period, window_s)) WITHOUT ROWID;"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, actor TEXT NOT NULL,"
    " source TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,"
    " outcome TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);"
    "ALTER TABLE state ADD COLUMN audit_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE state ADD COLUMN audit_hash BLOB NOT NULL DEFAULT x'';"
    "PRAGMA user_version = 3;";

/* What scopes have spent, in quarters of an hour (ledger_spend.h): of a key all that its calls cost
   so far, of other scopes what comes from now on. The scopes of an open call are kept with it. */
static const char schema_4[] =
    "CREATE TABLE spend(kind INTEGER NOT NULL, scope INTEGER NOT NULL, model INTEGER NOT NULL,"
    " bucket_s INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " PRIMARY KEY(kind, scope, model, bucket_s)) WITHOUT ROWID;"
    "INSERT INTO spend SELECT 0, key, 0, started_ns / 900000000000 * 900, sum(cost_nd) FROM calls"
    " WHERE key <> 0 AND cost_nd > 0 GROUP BY key, started_ns / 900000000000;"
    "ALTER TABLE open_calls ADD COLUMN user INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN team INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN organisation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN limited_model INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 4;";

/* What the row of an open call says when a crash ends it: numbers of `names`, but for the last
   three; -1 is no task. */
static const char schema_5[] =
    "ALTER TABLE open_calls ADD COLUMN key_name INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN endpoint INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN asked_model INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN route INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN task INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE open_calls ADD COLUMN tier INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN complexity INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 5;";

/* Of hours up to pruned_hour calls were removed (ledger_prune.c). */
static const char schema_6[] =
    "ALTER TABLE state ADD COLUMN pruned_hour INTEGER NOT NULL DEFAULT -1;"
    "PRAGMA user_version = 6;";

/* What a node of a cluster keeps beside its ledger. `cluster_state`: which cluster it belongs to
   (empty: none), which database this is (a name that no other has), the node's number there, up to
   which change of the keys it is. `key_log`: the last changes of the keys, as PostgreSQL has them
   (key_share.h). `audit_waiting`: entries of the audit log that have no place in its chain yet.
   `ship`: what each batch of the writer added, until PostgreSQL has it (ledger_ship.h). */
static const char schema_7[] =
    "CREATE TABLE cluster_state(id INTEGER PRIMARY KEY CHECK (id = 1), cluster TEXT NOT NULL,"
    " instance TEXT NOT NULL, node INTEGER NOT NULL, key_seq INTEGER NOT NULL,"
    " shipping INTEGER NOT NULL);"
    "INSERT INTO cluster_state VALUES(1, '', lower(hex(randomblob(16))), 0, 0, 0);"
    "CREATE TABLE key_log(seq INTEGER PRIMARY KEY, node INTEGER NOT NULL, change TEXT NOT NULL,"
    " at_us INTEGER NOT NULL, audit_count INTEGER NOT NULL, audit_hash BLOB NOT NULL,"
    " changeset BLOB NOT NULL);"
    "CREATE TABLE audit_waiting(id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,"
    " actor TEXT NOT NULL, source TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,"
    " outcome TEXT NOT NULL, detail TEXT NOT NULL);"
    "CREATE TABLE ship(seq INTEGER PRIMARY KEY AUTOINCREMENT, first BLOB NOT NULL,"
    " calls BLOB NOT NULL, attempts BLOB NOT NULL, rollups BLOB NOT NULL, spends BLOB NOT NULL);"
    "PRAGMA user_version = 7;";

/*
 * Offers (offer.h): of each target its prices as they were, so that every charge and what each
 * alternative would have cost can be computed again. A rate is pico-dollars a token, -1 where there
 * is no rate of its own; the row of `offer_rates` with the largest `above_input` below the input
 * applies, -1 is the one for all. A menu and what was `expected` are the candidates, as in offer.h.
 * A call's row has the basis of its own attempt's charge in its bits, from the 4096 on. What the
 * views show is in attempt_rows' order.
 */
static const char schema_8[] =
    "CREATE TABLE offers(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, target INTEGER NOT NULL,"
    " provider INTEGER NOT NULL, model INTEGER NOT NULL, per_request_nd INTEGER NOT NULL);"
    "CREATE TABLE offer_rates(offer INTEGER NOT NULL, above_input INTEGER NOT NULL,"
    " input_pd INTEGER NOT NULL, output_pd INTEGER NOT NULL, cache_read_pd INTEGER NOT NULL,"
    " cache_write_pd INTEGER NOT NULL, cache_write_1h_pd INTEGER NOT NULL,"
    " audio_input_pd INTEGER NOT NULL, audio_output_pd INTEGER NOT NULL,"
    " PRIMARY KEY(offer, above_input)) WITHOUT ROWID;"
    "ALTER TABLE shapes ADD COLUMN baseline_offer INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shapes ADD COLUMN attempt_offer INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shapes ADD COLUMN user INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shapes ADD COLUMN team INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shapes ADD COLUMN organisation INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shapes ADD COLUMN tag INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE menus(id INTEGER PRIMARY KEY, candidates BLOB NOT NULL UNIQUE);"
    "ALTER TABLE shapes ADD COLUMN menu INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE call_rows ADD COLUMN expected;"
    "ALTER TABLE attempt_rows ADD COLUMN offer INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt_rows ADD COLUMN basis INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt_rows ADD COLUMN purpose INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt_rows ADD COLUMN catalogue_nd INTEGER;"
    "ALTER TABLE open_calls ADD COLUMN tag INTEGER NOT NULL DEFAULT 0;"
    "DROP VIEW calls; DROP VIEW attempts;"
    "CREATE VIEW calls AS SELECT c.id, c.started_ns, s.key, s.key_name, s.endpoint,"
    " s.asked_model, s.route, s.target, s.provider, s.model, c.task, c.bits >> 6 & 7 AS tier,"
    " c.complexity, c.bits & 1 AS streamed, s.status, s.error, c.attempts, c.cost_nd,"
    " c.baseline_nd, s.baseline, c.input_tokens, c.output_tokens, c.expected_nd,"
    " c.first_byte_us, c.total_us, c.bits >> 1 & 1 AS complete, c.bits >> 2 & 1 AS estimated,"
    " s.baseline_offer, s.user, s.team, s.organisation, s.tag,"
    " (SELECT m.candidates FROM menus m WHERE m.id = s.menu) AS menu, c.expected"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss, s.attempt_offer AS offer, c.bits >> 12 & 7 AS basis, 0 AS purpose,"
    " NULL AS catalogue_nd FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "PRAGMA user_version = 8;";

/* `shipped`: the last batch that PostgreSQL has; -1: none is noted (ledger_note.h). */
static const char schema_9[] = "ALTER TABLE cluster_state RENAME COLUMN shipping TO shipped;"
                               "UPDATE cluster_state SET shipped = -1;"
                               "ALTER TABLE ship DROP COLUMN attempts;"
                               "PRAGMA user_version = 9;";

/* Sums of what no answer cost, and by user, team, organisation and tag; those of each key apart,
   for what it may see. They begin now: of hours up to sums_hour they say less than there was.
   `ship.sums`: how many sums its rollups have. */
static const char schema_10[] =
    "ALTER TABLE rollups ADD COLUMN failed_nd INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollups ADD COLUMN judge_nd INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollups ADD COLUMN shadow_nd INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollups ADD COLUMN escalation_nd INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollups ADD COLUMN told_nd INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollups ADD COLUMN catalogue_nd INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE key_rollups(key INTEGER NOT NULL, dimension INTEGER NOT NULL,"
    " hour INTEGER NOT NULL, name INTEGER NOT NULL, calls INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
    " cost_nd INTEGER NOT NULL, baseline_nd INTEGER NOT NULL, estimated INTEGER NOT NULL,"
    " failed_nd INTEGER NOT NULL, judge_nd INTEGER NOT NULL, shadow_nd INTEGER NOT NULL,"
    " escalation_nd INTEGER NOT NULL, told_nd INTEGER NOT NULL, catalogue_nd INTEGER NOT NULL,"
    " PRIMARY KEY(key, dimension, hour, name)) WITHOUT ROWID;"
    "ALTER TABLE ship ADD COLUMN sums INTEGER NOT NULL DEFAULT 7;"
    "CREATE INDEX shapes_of_keys ON shapes(key);"
    "ALTER TABLE state ADD COLUMN sums_hour INTEGER NOT NULL DEFAULT -1;"
    "UPDATE state SET sums_hour = coalesce((SELECT max(hour) FROM rollups), -1);"
    "PRAGMA user_version = 10;";

/* Tokens of the identity provider that open nothing any more, by the digest of their id. And what
   was expected of an attempt, beside what it was, NULL where nothing was recorded; how well that
   was, and what answers taught, by day, target and task or size: see ledger_tally.h. */
static const char schema_11[] =
    "CREATE TABLE revoked_tokens(digest BLOB NOT NULL PRIMARY KEY, revoked_s INTEGER NOT NULL,"
    " ends_s INTEGER NOT NULL);"
    "DROP VIEW attempts;"
    "ALTER TABLE call_rows ADD COLUMN expected_input;"
    "ALTER TABLE call_rows ADD COLUMN expected_output;"
    "ALTER TABLE call_rows ADD COLUMN high_output;"
    "ALTER TABLE call_rows ADD COLUMN expected_ms;"
    "ALTER TABLE attempt_rows ADD COLUMN expected_nd INTEGER;"
    "ALTER TABLE attempt_rows ADD COLUMN expected_input INTEGER;"
    "ALTER TABLE attempt_rows ADD COLUMN expected_output INTEGER;"
    "ALTER TABLE attempt_rows ADD COLUMN high_output INTEGER;"
    "ALTER TABLE attempt_rows ADD COLUMN expected_ms INTEGER;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss, s.attempt_offer AS offer, c.bits >> 12 & 7 AS basis, 0 AS purpose,"
    " NULL AS catalogue_nd, CASE WHEN c.expected_input IS NOT NULL THEN c.expected_nd END"
    " AS expected_nd, c.expected_input, c.expected_output, c.high_output, c.expected_ms"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "CREATE TABLE calibration(day INTEGER NOT NULL, target INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, numbers BLOB NOT NULL, PRIMARY KEY(day, target, kind)) WITHOUT ROWID;"
    "PRAGMA user_version = 11;";

/* What answers were worth, by day (ledger_evidence.h): `name` is a task's number for kind 1, else a
   number of `names`, as `target` is. And what was said of calls. */
static const char schema_12[] =
    "CREATE TABLE evidence(kind INTEGER NOT NULL, name INTEGER NOT NULL, target INTEGER NOT NULL,"
    " day INTEGER NOT NULL, good REAL NOT NULL, bad REAL NOT NULL,"
    " PRIMARY KEY(kind, name, target, day)) WITHOUT ROWID;"
    "CREATE TABLE feedback(call BLOB PRIMARY KEY, key INTEGER NOT NULL, at_ns INTEGER NOT NULL,"
    " score_ppm INTEGER NOT NULL, label TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 12;";

/* Which conversation is at which target (sessions.h): a copy of what is in memory, and no more. */
static const char schema_13[] =
    "CREATE TABLE sessions(key INTEGER PRIMARY KEY, owner INTEGER NOT NULL,"
    " expires_s INTEGER NOT NULL, state TEXT NOT NULL);"
    "CREATE INDEX sessions_by_time ON sessions(expires_s);"
    "PRAGMA user_version = 13;";

/* How many exchanges of leases PostgreSQL knew of, as this node was told last (cluster_member.h).
 */
static const char schema_14[] =
    "ALTER TABLE cluster_state ADD COLUMN exchanges INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 14;";

/* The sums of whole days (UTC, since 1970), so that a report of months does not read each hour. */
static const char schema_15[] =
    "CREATE TABLE rollups_day(dimension INTEGER NOT NULL, day INTEGER NOT NULL,"
    " name INTEGER NOT NULL, calls INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " baseline_nd INTEGER NOT NULL, estimated INTEGER NOT NULL, failed_nd INTEGER NOT NULL,"
    " judge_nd INTEGER NOT NULL, shadow_nd INTEGER NOT NULL, escalation_nd INTEGER NOT NULL,"
    " told_nd INTEGER NOT NULL, catalogue_nd INTEGER NOT NULL,"
    " PRIMARY KEY(dimension, day, name)) WITHOUT ROWID;"
    "INSERT INTO rollups_day SELECT dimension, hour / 24 AS day, name, sum(calls), sum(failed),"
    " sum(input_tokens), sum(output_tokens), sum(cost_nd), sum(baseline_nd), sum(estimated),"
    " sum(failed_nd), sum(judge_nd), sum(shadow_nd), sum(escalation_nd), sum(told_nd),"
    " sum(catalogue_nd) FROM rollups GROUP BY dimension, day, name;"
    "PRAGMA user_version = 15;";

/*
 * So that what was spent can be computed again, and no number of a row changes unnoticed.
 * `shapes.counted`: the model that has limits of its own for which such a call counts as well, a
 * number of `names`, 0 for none; -1 for calls that were written before this version. An attempt
 * in its call's row was held in the same quarter of an hour in which the call began, others
 * `held_ns`, NULL if written before. The view `counted` has what each attempt added to `spend`.
 * A row of `spend` has what was held from start_s on until its bucket's end. `openings`: what of it
 * is of calls that are no longer there, or of programs before this version (until booked_s), by
 * the row of `spend` that it is in. `controls`, seals: ledger_control.h.
 */
static const char schema_16[] =
    "ALTER TABLE shapes ADD COLUMN counted INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE shapes ADD COLUMN seal INTEGER;"
    "ALTER TABLE attempt_rows ADD COLUMN held_ns INTEGER;"
    "DROP VIEW calls; DROP VIEW attempts;"
    "CREATE VIEW calls AS SELECT c.id, c.started_ns, s.key, s.key_name, s.endpoint,"
    " s.asked_model, s.route, s.target, s.provider, s.model, c.task, c.bits >> 6 & 7 AS tier,"
    " c.complexity, c.bits & 1 AS streamed, s.status, s.error, c.attempts, c.cost_nd,"
    " c.baseline_nd, s.baseline, c.input_tokens, c.output_tokens, c.expected_nd,"
    " c.first_byte_us, c.total_us, c.bits >> 1 & 1 AS complete, c.bits >> 2 & 1 AS estimated,"
    " s.baseline_offer, s.user, s.team, s.organisation, s.tag,"
    " (SELECT m.candidates FROM menus m WHERE m.id = s.menu) AS menu, c.expected, s.counted"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss, s.attempt_offer AS offer, c.bits >> 12 & 7 AS basis, 0 AS purpose,"
    " NULL AS catalogue_nd, CASE WHEN c.expected_input IS NOT NULL THEN c.expected_nd END"
    " AS expected_nd, c.expected_input, c.expected_output, c.high_output, c.expected_ms,"
    " CASE WHEN s.counted >= 0 THEN c.started_ns END AS held_ns"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "CREATE VIEW counted AS SELECT c.id AS call, s.key, s.user, s.team, s.organisation,"
    " s.counted AS model, max(c.started_ns, 0) / 900000000000 * 900 AS bucket_s, c.cost_nd"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape"
    " WHERE c.bits & 8 AND s.counted >= 0 AND c.cost_nd > 0"
    " UNION ALL SELECT a.call, s.key, s.user, s.team, s.organisation, max(s.counted, 0),"
    " max(a.held_ns, 0) / 900000000000 * 900, a.cost_nd FROM attempt_rows a"
    " CROSS JOIN call_rows c ON c.id = a.call CROSS JOIN shapes s ON s.id = c.shape"
    " WHERE a.held_ns IS NOT NULL AND a.cost_nd > 0 AND NOT (a.attempt = 1 AND c.bits & 8)"
    " AND (a.attempt <= c.attempts OR a.call NOT IN (SELECT call FROM open_calls));"
    "ALTER TABLE spend ADD COLUMN start_s INTEGER NOT NULL DEFAULT 0;"
    "UPDATE spend SET start_s = bucket_s;"
    "CREATE TABLE openings(kind INTEGER NOT NULL, scope INTEGER NOT NULL, model INTEGER NOT NULL,"
    " bucket_s INTEGER NOT NULL, start_s INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " PRIMARY KEY(kind, scope, model, bucket_s)) WITHOUT ROWID;"
    "INSERT INTO openings SELECT kind, scope, model, bucket_s, bucket_s, cost_nd FROM spend;"
    "CREATE TABLE controls(kind INTEGER NOT NULL, hour INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " total INTEGER NOT NULL, PRIMARY KEY(kind, hour)) WITHOUT ROWID;"
    "ALTER TABLE holds ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE open_calls ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;"
    "UPDATE holds SET seal = seal(" CONTROL_HOLD_16 ");"
    "UPDATE open_calls SET seal = seal(" CONTROL_OPEN_CALL ");"
    /* Attempts that will be counted yet: when they were held is not known any more. */
    "UPDATE attempt_rows SET held_ns = settled_ns WHERE call IN (SELECT call FROM open_calls)"
    " AND attempt > coalesce((SELECT attempts FROM call_rows WHERE id = call), 0);" CONTROL_ADD(
        CONTROL_TOTALS_OF(
            CONTROL_ATTEMPT_16, "", "true",
            "true")) ";"
                     "ALTER TABLE state ADD COLUMN booked_s INTEGER NOT NULL DEFAULT 0;"
                     "ALTER TABLE state ADD COLUMN position_seal INTEGER NOT NULL DEFAULT 0;"
                     "ALTER TABLE state ADD COLUMN marks_seal INTEGER NOT NULL DEFAULT 0;"
                     "UPDATE state SET booked_s = coalesce((SELECT max(bucket_s) + 900 FROM "
                     "spend), 0),"
                     " position_seal = seal(" CONTROL_POSITION ");"
                     "UPDATE state SET marks_seal = seal(" CONTROL_MARKS ");"
                     "PRAGMA user_version = 16;";

/*
 * How the wall clock went, and up to where it was believed: ledger_clock.h. Of what there was
 * before, nobody knows the zone; it is thought to have gone on without a jump.
 */
static const char schema_17[] =
    "CREATE TABLE clock_spans(seq INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
    " begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, shift_ns INTEGER NOT NULL,"
    " day_s INTEGER NOT NULL, week_s INTEGER NOT NULL, month_s INTEGER NOT NULL,"
    " seal INTEGER NOT NULL);"
    "INSERT INTO clock_spans SELECT 1, 1, 0, end_ns, 0, -1, -1, -1,"
    " seal(1, 1, 0, end_ns, 0, -1, -1, -1) FROM (SELECT max(started_ns, 0) + max(total_us, 0) * "
    "1000"
    " AS end_ns FROM call_rows ORDER BY id DESC LIMIT 1);"
    "ALTER TABLE state ADD COLUMN believed_ns INTEGER NOT NULL DEFAULT 0;"
    "UPDATE state SET believed_ns = coalesce((SELECT end_ns FROM clock_spans), 0);"
    "PRAGMA user_version = 17;";
_Static_assert(CLOCK_START_UNKNOWN == -1, "as in the spans of older ledgers");

/* What the tables of the keys must say: key_seals.h. */
static const char schema_18[] =
    "CREATE TABLE key_seals(kind INTEGER NOT NULL, scope INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " total INTEGER NOT NULL, PRIMARY KEY(kind, scope)) WITHOUT ROWID;" SEALS_MAKE
    "PRAGMA user_version = 18;";

/* Tokens of images, and rates of reasoning and images: earlier ones were charged as text. */
static const char schema_19[] =
    "DROP VIEW attempts;"
    "ALTER TABLE attempt_rows ADD COLUMN image_input INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt_rows ADD COLUMN image_output INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE offer_rates ADD COLUMN reasoning_pd INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE offer_rates ADD COLUMN image_input_pd INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE offer_rates ADD COLUMN image_output_pd INTEGER NOT NULL DEFAULT -1;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss, s.attempt_offer AS offer, c.bits >> 12 & 7 AS basis, 0 AS purpose,"
    " NULL AS catalogue_nd, CASE WHEN c.expected_input IS NOT NULL THEN c.expected_nd END"
    " AS expected_nd, c.expected_input, c.expected_output, c.high_output, c.expected_ms,"
    " CASE WHEN s.counted >= 0 THEN c.started_ns END AS held_ns,"
    " 0 AS image_input, 0 AS image_output"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "PRAGMA user_version = 19;";

/*
 * Limits may name targets, too, so that each attempt counts for names of its own: `counted` of an
 * attempt and of a hold is a number of `names` that has all of them, with a newline between each
 * two; -1 for none, 0 as its call says: `shapes.counted`, or `open_calls.limited_model`.
 */
static const char schema_20[] =
    "ALTER TABLE attempt_rows ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE holds ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;"
    "DROP VIEW attempts; DROP VIEW counted;"
    "CREATE VIEW attempts AS SELECT c.id AS call, 1 AS attempt,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.held_nd, c.cost_nd, s.key,"
    " c.bits >> 9 & 7 AS outcome, s.attempt_status AS status, s.attempt_target AS target,"
    " s.attempt_provider AS provider, s.attempt_model AS model, s.lane,"
    " s.attempt_error AS error, c.bits >> 4 & 1 AS reported, c.bits >> 5 & 1 AS priced,"
    " c.input_tokens AS input, c.output_tokens AS output, c.cache_read, c.cache_write,"
    " 0 AS cache_write_1h, c.reasoning, 0 AS audio_input, 0 AS audio_output,"
    " c.attempt_first_byte_us AS first_byte_us, c.attempt_total_us AS total_us, c.provider_nd,"
    " NULL AS loss, s.attempt_offer AS offer, c.bits >> 12 & 7 AS basis, 0 AS purpose,"
    " NULL AS catalogue_nd, CASE WHEN c.expected_input IS NOT NULL THEN c.expected_nd END"
    " AS expected_nd, c.expected_input, c.expected_output, c.high_output, c.expected_ms,"
    " CASE WHEN s.counted >= 0 THEN c.started_ns END AS held_ns, 0 AS image_input,"
    " 0 AS image_output,"
    " CASE WHEN s.counted > 0 THEN s.counted ELSE -(s.counted = 0) END AS counted"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT r.* FROM attempt_rows r WHERE NOT (r.attempt = 1 AND EXISTS"
    " (SELECT 1 FROM call_rows c WHERE c.id = r.call AND c.bits & 8));"
    "CREATE VIEW counted AS SELECT c.id AS call, s.key, s.user, s.team, s.organisation,"
    " s.counted AS model, max(c.started_ns, 0) / 900000000000 * 900 AS bucket_s, c.cost_nd"
    " FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape"
    " WHERE c.bits & 8 AND s.counted >= 0 AND c.cost_nd > 0"
    " UNION ALL SELECT a.call, s.key, s.user, s.team, s.organisation,"
    " CASE a.counted WHEN 0 THEN max(s.counted, 0) WHEN -1 THEN 0 ELSE a.counted END,"
    " max(a.held_ns, 0) / 900000000000 * 900, a.cost_nd FROM attempt_rows a"
    " CROSS JOIN call_rows c ON c.id = a.call CROSS JOIN shapes s ON s.id = c.shape"
    " WHERE a.held_ns IS NOT NULL AND a.cost_nd > 0 AND NOT (a.attempt = 1 AND c.bits & 8)"
    " AND (a.attempt <= c.attempts OR a.call NOT IN (SELECT call FROM open_calls));"
    "PRAGMA user_version = 20;";

/* Overruns whose keys are not blocked yet: ledger_overrun.h. `target` is a number of `names`. What
   the checks said of the answer (record.h) is in the call's bits; earlier ones have none. */
static const char schema_21[] =
    "CREATE TABLE overruns(call BLOB NOT NULL, attempt INTEGER NOT NULL, key INTEGER NOT NULL,"
    " settled_ns INTEGER NOT NULL, held_nd INTEGER NOT NULL, cost_nd INTEGER NOT NULL,"
    " target INTEGER NOT NULL, PRIMARY KEY(call, attempt)) WITHOUT ROWID;"
    "DROP VIEW calls;"
    "CREATE VIEW calls AS SELECT c.id, c.started_ns, s.key, s.key_name, s.endpoint,"
    " s.asked_model, s.route, s.target, s.provider, s.model, c.task, c.bits >> 6 & 7 AS tier,"
    " c.complexity, c.bits & 1 AS streamed, s.status, s.error, c.attempts, c.cost_nd,"
    " c.baseline_nd, s.baseline, c.input_tokens, c.output_tokens, c.expected_nd,"
    " c.first_byte_us, c.total_us, c.bits >> 1 & 1 AS complete, c.bits >> 2 & 1 AS estimated,"
    " s.baseline_offer, s.user, s.team, s.organisation, s.tag,"
    " (SELECT m.candidates FROM menus m WHERE m.id = s.menu) AS menu, c.expected, s.counted,"
    " c.bits >> 15 AS verdict FROM call_rows c CROSS JOIN shapes s ON s.id = c.shape;"
    "PRAGMA user_version = 21;";

/* migrations[n] makes version n + 1 of version n; each sets user_version itself. */
static const char *const migrations[LEDGER_SCHEMA_VERSION] = {
    [0] = schema_1,   [1] = schema_2,   [2] = schema_3,   [3] = schema_4,   [4] = schema_5,
    [5] = schema_6,   [6] = schema_7,   [7] = schema_8,   [8] = schema_9,   [9] = schema_10,
    [10] = schema_11, [11] = schema_12, [12] = schema_13, [13] = schema_14, [14] = schema_15,
    [15] = schema_16, [16] = schema_17, [17] = schema_18, [18] = schema_19, [19] = schema_20,
    [20] = schema_21,
};

static bool read_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool done = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;
    if (done) {
        *ret_value = sqlite3_column_int64(statement, 0);
    }
    return sqlite3_finalize(statement) == SQLITE_OK && done;
}

struct identity {
    int64_t application;
    int64_t version;
    int64_t tables;
};

static bool read_identity(sqlite3 *db, struct identity *ret_identity)
{
    return read_number(db, "PRAGMA application_id", &ret_identity->application) &&
           read_number(db, "PRAGMA user_version", &ret_identity->version) &&
           read_number(db, "SELECT count(*) FROM sqlite_schema", &ret_identity->tables);
}

static bool check_identity(const struct identity *identity, const char *path, struct error *error)
{
    bool blank = identity->application == 0 && identity->version == 0 && identity->tables == 0;
    if (!blank && identity->application != LEDGER_APPLICATION_ID) {
        return error_set(error, ERROR_INVALID, "ledger_foreign",
                         "%s is a database of another program; choose another path", path);
    }
    if (identity->version > LEDGER_SCHEMA_VERSION) {
        return error_set(error, ERROR_UNSUPPORTED, "ledger_newer",
                         "%s was written by a newer version of this program (schema %lld, this "
                         "one knows %d)",
                         path, (long long)identity->version, LEDGER_SCHEMA_VERSION);
    }
    return true;
}

static bool migrate_step(sqlite3 *db, int64_t version)
{
    int64_t present = 0;
    if (version == 1 && !read_number(db,
                                     "SELECT count(*) FROM pragma_table_info('state')"
                                     " WHERE name = 'open_offset'",
                                     &present)) {
        return false;
    }
    return database_exec(db, present > 0 ? schema_2_numbered : migrations[version]);
}

bool ledger_schema_steps(sqlite3 *db, int64_t version)
{
    bool done = true;
    for (; done && version < LEDGER_SCHEMA_VERSION; version++) {
        done = migrate_step(db, version);
    }
    return done;
}

/* Inside a write transaction. */
static bool migrate(sqlite3 *db, const char *path, struct error *error)
{
    struct identity identity;
    if (!read_identity(db, &identity)) {
        return database_error(db, path, "reading the schema", error);
    }
    if (!check_identity(&identity, path, error)) {
        return false;
    }
    bool done = identity.tables == 0 && identity.version == 0
                    ? database_exec(db, ledger_schema_now)
                    : ledger_schema_steps(db, identity.version);
    return done || database_error(db, path, "making the tables", error);
}

bool ledger_schema_prepare(sqlite3 *db, const char *path, struct error *error)
{
    struct identity identity;
    /* Looked at before anything is written: a foreign file keeps even its journal mode. */
    if (!read_identity(db, &identity)) {
        return database_error(db, path, "reading the schema", error);
    }
    if (!check_identity(&identity, path, error)) {
        return false;
    }
    if (identity.version == LEDGER_SCHEMA_VERSION) {
        return true;
    }
    if (!database_exec(db, "PRAGMA journal_mode = WAL") || !database_exec(db, "BEGIN IMMEDIATE")) {
        return database_error(db, path, "opening", error);
    }
    if (!control_register(db) || !key_seals_register(db)) {
        database_error(db, path, "making the tables", error);
        database_rollback(db);
        return false;
    }
    if (!migrate(db, path, error)) {
        database_rollback(db);
        return false;
    }
    if (!database_exec(db, "COMMIT")) {
        database_error(db, path, "making the tables", error);
        database_rollback(db);
        return false;
    }
    return true;
}

bool ledger_schema_check(sqlite3 *db, const char *path, struct error *error)
{
    struct identity identity;
    if (!read_identity(db, &identity)) {
        return database_error(db, path, "reading the schema", error);
    }
    if (!check_identity(&identity, path, error)) {
        return false;
    }
    if (identity.version == 0) {
        return error_set(error, ERROR_UNSUPPORTED, "ledger_blank",
                         "%s has not been set up yet; start the server once", path);
    }
    if (identity.version < LEDGER_SCHEMA_VERSION) {
        return error_set(error, ERROR_UNSUPPORTED, "ledger_old",
                         "%s is of an older version; start the server once", path);
    }
    return true;
}

bool ledger_schema_known(sqlite3 *db, const char *path, struct error *error)
{
    struct identity identity;
    if (!read_identity(db, &identity)) {
        return database_error(db, path, "reading the schema", error);
    }
    if (identity.version == 0) {
        return error_set(error, ERROR_INVALID, "ledger_foreign", "%s is not a ledger", path);
    }
    return check_identity(&identity, path, error);
}
