/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of leases as PostgreSQL keeps them: see budget_lease.h and lease_postgres.h. */
#include "store/lease_postgres_internal.h"

/*
 * `leases` has of each node what it spent of a meter and has room for; `lease_buckets` what all
 * spent of a rolling cap, by the server's clock, in sixtieths of its window. `wanted_until`: some
 * node waits for what others give back. The numbers of `what` are those of enum lease_what.
 *
 * Locks are taken in this order, which no two exchanges can take differently: the node's own row,
 * then the meters' rows by their numbers.
 */
/*
 * One exchange. A node that joined and never came so far has nothing of anybody's. `r_exhausted` is
 * not known where the server's clock has not come to the epoch. Who has told of what it holds since
 * this node asked before has said its last to those that waited then; the others are asked now.
 */
#define EXCHANGE(create, beat, variables, heard, noted, settled)                                   \
    create                                                                                         \
        " FUNCTION sluice.lease_exchange(me integer, my_session bigint, my_incarnation bigint,"    \
        " asserted boolean, kinds bigint[], scopes bigint[], models text[], whats bigint[],"       \
        " windows bigint[], epochs bigint[], generations bigint[], limits bigint[], spents "       \
        "bigint[],"                                                                                \
        " rooms bigint[], helds bigint[], recents bigint[], leasts bigint[], alls bigint[],"       \
        " wants bigint[])"                                                                         \
        " RETURNS TABLE(n bigint, r_spent bigint, r_room bigint, r_elsewhere bigint,"              \
        " r_elsewhere_spent bigint, r_amount bigint, r_exhausted boolean) LANGUAGE plpgsql AS $$"  \
        "#variable_conflict use_column\n"                                                          \
        "DECLARE" variables "  i record; m sluice.lease_meters; old sluice.leases; other record;"  \
        "  now_s bigint := floor(extract(epoch FROM clock_timestamp()))::bigint;"                  \
        "  live bigint; may boolean; notify boolean := false;"                                     \
        "  more bigint; rest bigint; give bigint; idle bigint; fresh boolean; wish timestamptz;"   \
        "BEGIN"                                                                                    \
        "  UPDATE sluice.nodes SET lease_seq = lease_seq + 1, seen_at = clock_timestamp()," beat   \
        "    incarnation = CASE WHEN asserted THEN my_incarnation ELSE incarnation END"            \
        "    WHERE id = me AND lease_session = my_session AND removed_at IS NULL;"                 \
        "  IF NOT FOUND OR (SELECT c.incarnation FROM sluice.cluster c) <> my_incarnation THEN"    \
        "    RAISE EXCEPTION 'this session is over' USING ERRCODE = '55000';"                      \
        "  END IF;"                                                                                \
        "  SELECT count(*) FILTER (WHERE NOT stopped"                                              \
        "      AND seen_at > clock_timestamp() - interval '10 s'),"                                \
        "      coalesce(bool_and(incarnation = my_incarnation OR (incarnation = 0"                 \
        "        AND (stopped OR seen_at < clock_timestamp() - interval '10 s'))), true)"          \
        "    INTO live, may FROM sluice.nodes WHERE removed_at IS NULL;" heard                     \
        "  INSERT INTO sluice.lease_meters(kind, scope, model, what, window_s, epoch_s)"           \
        "    SELECT DISTINCT k, s, o, w, v, e FROM"                                                \
        "    unnest(kinds, scopes, models, whats, windows, epochs) AS a(k, s, o, w, v, e)"         \
        "    ORDER BY 1, 2, 3, 4, 5, 6 ON CONFLICT DO NOTHING;"                                    \
        "  FOR i IN SELECT q.*, t.id AS meter FROM unnest(kinds, scopes, models, whats, windows, " \
        "epochs,"                                                                                  \
        "      generations, limits, spents, rooms, helds, recents, leasts, alls, wants)"           \
        "      WITH ORDINALITY AS q(kind, scope, model, what, window_s, epoch_s, generation, "     \
        "amount,"                                                                                  \
        "      spent, room, held, recent, least, total, want, n)"                                  \
        "      JOIN sluice.lease_meters t USING (kind, scope, model, what, window_s, epoch_s)"     \
        "      ORDER BY t.id"                                                                      \
        "  LOOP"                                                                                   \
        "    SELECT * INTO m FROM sluice.lease_meters t WHERE t.id = i.meter FOR UPDATE;"          \
        "    SELECT * INTO old FROM sluice.leases l WHERE l.meter = m.id AND l.node = me;"         \
        "    IF NOT FOUND THEN"                                                                    \
        "      old.spent := 0; old.room := 0; old.wished_at := NULL;"                              \
        "      more := CASE WHEN m.what = 4 THEN i.recent ELSE i.spent END;"                       \
        "    ELSE"                                                                                 \
        "      more := greatest(i.spent - old.spent, 0);"                                          \
        "    END IF;"                                                                              \
        "    IF i.amount >= 0 AND i.generation >= m.generation"                                    \
        "        AND (i.amount, i.generation) <> (m.amount, m.generation) THEN" noted              \
        "      m.amount := i.amount;"                                                              \
        "      UPDATE sluice.lease_meters SET amount = i.amount, generation = i.generation"        \
        "        WHERE id = m.id;"                                                                 \
        "    END IF;"                                                                              \
        "    IF m.what = 4 AND more > 0 THEN"                                                      \
        "      INSERT INTO sluice.lease_buckets AS b"                                              \
        "        VALUES(m.id, now_s / greatest(1, m.window_s / 60), more)"                         \
        "        ON CONFLICT (meter, bucket) DO UPDATE SET spent = b.spent + excluded.spent;"      \
        "      DELETE FROM sluice.lease_buckets WHERE meter = m.id"                                \
        "        AND bucket < (now_s - 2 * m.window_s) / greatest(1, m.window_s / 60);"            \
        "    END IF;"                                                                              \
        "    n := i.n;"                                                                            \
        "    r_spent := greatest(old.spent, i.spent);"                                             \
        "    SELECT * INTO other FROM sluice.lease_elsewhere(m, me, now_s, i.recent);"             \
        "    rest := m.amount - other.used - i.room - CASE WHEN m.what = 4 THEN 0 ELSE r_spent "   \
        "END;"                                                                                     \
        "    give := 0;"                                                                           \
        "    r_exhausted := CASE WHEN i.epoch_s > now_s THEN NULL ELSE false END;"                 \
        "    wish := NULL;" settled                                                                \
        "    IF rest >= greatest(i.least, 1) AND may AND i.epoch_s <= now_s THEN"                  \
        "      give := least(rest, i.total);"                                                      \
        "      give := give + least(i.want, (rest - give) / (2 * greatest(live, 1)));"             \
        "    ELSIF i.least > 0 AND may AND i.epoch_s <= now_s THEN"                                \
        "      wish := coalesce(CASE WHEN old.wished_at > clock_timestamp() - interval '1 s'"      \
        "        THEN old.wished_at END, clock_timestamp());"                                      \
        "      SELECT coalesce(sum(l.room - l.held), 0)::bigint,"                                  \
        "        coalesce(bool_and(l.told_at > wish), true) INTO idle, fresh"                      \
        "        FROM sluice.leases l JOIN sluice.nodes o ON o.id = l.node"                        \
        "        WHERE l.meter = m.id AND l.node <> me AND l.room > 0 AND o.removed_at IS NULL"    \
        "        AND NOT o.stopped AND o.seen_at > clock_timestamp() - interval '10 s';"           \
        "      r_exhausted := fresh AND rest + idle < i.least;"                                    \
        "      IF NOT r_exhausted THEN"                                                            \
        "        UPDATE sluice.leases SET recalled = true WHERE meter = m.id AND node <> me"       \
        "          AND room > 0 AND NOT recalled;"                                                 \
        "        notify := notify OR FOUND;"                                                       \
        "        UPDATE sluice.lease_meters SET wanted_until = now() + interval '5 s'"             \
        "          WHERE id = m.id;"                                                               \
        "      END IF;"                                                                            \
        "      wish := clock_timestamp();"                                                         \
        "    END IF;"                                                                              \
        "    r_room := i.room + give;"                                                             \
        "    INSERT INTO sluice.leases AS l(meter, node, spent, room, held, told_at, wished_at)"   \
        "      VALUES(m.id, me, r_spent, r_room, i.held, clock_timestamp(), wish)"                 \
        "      ON CONFLICT (meter, node) DO UPDATE SET spent = excluded.spent, room = "            \
        "excluded.room,"                                                                           \
        "      held = excluded.held, told_at = excluded.told_at, wished_at = excluded.wished_at,"  \
        "      recalled = false;"                                                                  \
        "    notify := notify OR (i.room < old.room AND m.wanted_until > now());"                  \
        "    r_elsewhere := other.used;"                                                           \
        "    r_elsewhere_spent := other.spent;"                                                    \
        "    IF m.what = 4 THEN r_elsewhere := greatest(other.used - i.recent, 0); END IF;"        \
        "    r_amount := m.amount;"                                                                \
        "    RETURN NEXT;"                                                                         \
        "  END LOOP;"                                                                              \
        "  IF notify THEN PERFORM pg_notify('sluice_leases', ''); END IF;"                         \
        "END $$;"

const char lease_schema[] =
    "ALTER TABLE sluice.nodes ADD COLUMN lease_session bigint NOT NULL DEFAULT 0,"
    " ADD COLUMN lease_seq bigint NOT NULL DEFAULT 0,"
    " ADD COLUMN time_zone text NOT NULL DEFAULT '';"
    "CREATE TABLE sluice.lease_meters(id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,"
    " kind smallint NOT NULL, scope bigint NOT NULL, model text NOT NULL, what smallint NOT NULL,"
    " window_s bigint NOT NULL, epoch_s bigint NOT NULL, amount bigint NOT NULL DEFAULT 0,"
    " generation bigint NOT NULL DEFAULT 0, wanted_until timestamptz NOT NULL DEFAULT 'epoch',"
    " UNIQUE(kind, scope, model, what, window_s, epoch_s));"
    "CREATE TABLE sluice.leases(meter bigint NOT NULL REFERENCES sluice.lease_meters(id)"
    " ON DELETE CASCADE, node integer NOT NULL, spent bigint NOT NULL CHECK (spent >= 0),"
    " room bigint NOT NULL CHECK (room >= 0), held bigint NOT NULL,"
    " told_at timestamptz NOT NULL DEFAULT clock_timestamp(), wished_at timestamptz,"
    " recalled boolean NOT NULL DEFAULT false, PRIMARY KEY(meter, node));"
    "CREATE INDEX leases_recalled ON sluice.leases(node) WHERE recalled;"
    "CREATE TABLE sluice.lease_buckets(meter bigint NOT NULL REFERENCES sluice.lease_meters(id)"
    " ON DELETE CASCADE, bucket bigint NOT NULL, spent bigint NOT NULL,"
    " PRIMARY KEY(meter, bucket));"

    /* A connection is a session: what an earlier one still has under way is refused. */
    "CREATE FUNCTION sluice.lease_session(me integer, confirmed bigint, zone text)"
    " RETURNS TABLE(session bigint, seq bigint, behind boolean, foreign_zone boolean)"
    " LANGUAGE plpgsql AS $$"
    "BEGIN"
    "  RETURN QUERY UPDATE sluice.nodes n SET lease_session = n.lease_session + 1,"
    "    time_zone = zone, seen_at = clock_timestamp(), stopped = false,"
    "    lease_seq = greatest(n.lease_seq, confirmed)"
    "    FROM sluice.nodes old WHERE n.id = me AND old.id = me AND n.removed_at IS NULL"
    "    RETURNING n.lease_session, n.lease_seq, old.lease_seq < confirmed,"
    "    EXISTS(SELECT 1 FROM sluice.nodes o WHERE o.id <> me AND o.removed_at IS NULL"
    "      AND NOT o.stopped AND o.seen_at > clock_timestamp() - interval '10 s'"
    "      AND o.time_zone <> '' AND o.time_zone <> zone);"
    "  DELETE FROM sluice.lease_meters WHERE what BETWEEN 1 AND 3"
    "    AND epoch_s < extract(epoch FROM now())::bigint - 100 * 86400;"
    "END $$;"

    /* What one meter is charged with: others' room and spending, and of it spending. */
    "CREATE FUNCTION sluice.lease_elsewhere(m sluice.lease_meters, me integer, now_s bigint,"
    " mine_recent bigint, OUT used bigint, OUT spent bigint) LANGUAGE plpgsql AS $$"
    "DECLARE width bigint := greatest(1, m.window_s / 60);"
    "BEGIN"
    "  SELECT coalesce(sum(l.room) FILTER (WHERE o.removed_at IS NULL), 0)::bigint,"
    "    coalesce(sum(l.spent), 0)::bigint INTO used, spent"
    "    FROM sluice.leases l LEFT JOIN sluice.nodes o ON o.id = l.node"
    "    WHERE l.meter = m.id AND l.node <> me;"
    "  IF m.what = 4 THEN"
    "    SELECT coalesce(sum(b.spent), 0)::bigint INTO spent FROM sluice.lease_buckets b"
    "      WHERE b.meter = m.id AND (b.bucket + 1) * width > now_s - m.window_s;"
    "    used := used + spent;"
    "    spent := greatest(spent - mine_recent, 0);"
    "  ELSE"
    "    used := used + spent;"
    "  END IF;"
    "END $$;"

    EXCHANGE("CREATE", "", "", "", "", "");

/*
 * Besides. After a start of the server, which may have brought an older state back, nothing is
 * granted until each node that was not stopped has a session again, in which it looks whether
 * something is missing (`lease_server`), or for 10 s.
 *
 * A cap that is new or another than before (`since`: by this generation of the keys) is granted
 * nothing of until each node that lives has taken it, and told what it spent before
 * (nodes.key_seq; the generation of a budget is one more than that of the keys, 2^40 and the number
 * of the change). A new period of the same cap is nothing new.
 */
#define NEW_CAP_NOTED                                                                              \
    "      IF m.generation = 0 THEN"                                                               \
    "        m.since := coalesce((SELECT p.since FROM sluice.lease_meters p"                       \
    "          WHERE p.kind = m.kind AND p.scope = m.scope AND p.model = m.model"                  \
    "          AND p.what = m.what AND p.window_s = m.window_s AND p.epoch_s < m.epoch_s"          \
    "          AND p.amount = i.amount ORDER BY p.epoch_s DESC LIMIT 1), i.generation);"           \
    "      ELSIF i.amount <> m.amount THEN m.since := i.generation;"                               \
    "      END IF;"                                                                                \
    "      UPDATE sluice.lease_meters SET since = m.since WHERE id = m.id;"
#define NEW_CAP_SETTLED                                                                            \
    "    may := allowed AND NOT EXISTS(SELECT 1 FROM sluice.nodes o WHERE o.removed_at IS NULL"    \
    "      AND NOT o.stopped AND o.seen_at > clock_timestamp() - interval '10 s'"                  \
    "      AND o.id <> me AND o.key_seq < m.since - 1099511627777);"

const char lease_schema_2[] =
    "ALTER TABLE sluice.nodes ADD COLUMN lease_server timestamptz;"
    "ALTER TABLE sluice.lease_meters ADD COLUMN since bigint NOT NULL DEFAULT 0;" EXCHANGE(
        "CREATE OR REPLACE", "", " allowed boolean;",
        "  allowed := may AND (clock_timestamp() > pg_postmaster_start_time() + interval '10 s'"
        "    OR NOT EXISTS(SELECT 1 FROM sluice.nodes WHERE removed_at IS NULL AND NOT stopped"
        "    AND id <> me AND lease_server IS DISTINCT FROM pg_postmaster_start_time()));",
        NEW_CAP_NOTED, NEW_CAP_SETTLED);

/*
 * Besides. Who leased when the server ended (`leased_at`: the last exchange; `lease_starts` has of
 * each start the last exchange of all before it, and how long to be patient) may have been granted
 * something that the state that is there now does not have: it is waited for without an end
 * (`lease_awaited`: since that start), until it has a session, is removed, or a witness comes: a
 * node whose process had exchanges up to the end, and would miss one if the state were an older
 * one. What an earlier start was waiting for, a later one is too.
 */
const char lease_schema_3[] =
    "ALTER TABLE sluice.nodes ADD COLUMN leased_at timestamptz,"
    " ADD COLUMN lease_awaited timestamptz;"
    "CREATE TABLE sluice.lease_starts(started_at timestamptz PRIMARY KEY, ended_at timestamptz,"
    " patient_until timestamptz NOT NULL);"

    /* A node has a session, and has found nothing missing. `stayed`: in this process it had one. */
    "CREATE FUNCTION sluice.lease_started(me integer, stayed boolean) RETURNS void"
    " LANGUAGE plpgsql AS $$"
    "DECLARE start timestamptz := pg_postmaster_start_time(); ended timestamptz;"
    "BEGIN"
    "  LOCK TABLE sluice.lease_starts IN EXCLUSIVE MODE;"
    "  IF NOT EXISTS(SELECT 1 FROM sluice.lease_starts WHERE started_at = start) THEN"
    "    SELECT max(leased_at) INTO ended FROM sluice.nodes;"
    "    DELETE FROM sluice.lease_starts;"
    "    INSERT INTO sluice.lease_starts"
    "      VALUES(start, ended, start + interval '10 s');"
    "    UPDATE sluice.nodes SET lease_awaited = start WHERE removed_at IS NULL AND NOT stopped"
    "      AND lease_awaited IS NULL AND leased_at > ended - interval '10 s';"
    "  END IF;"
    "  IF stayed AND EXISTS(SELECT 1 FROM sluice.nodes, sluice.lease_starts WHERE id = me"
    "      AND lease_server IS DISTINCT FROM start AND leased_at > ended_at - interval '4 s') THEN"
    "    UPDATE sluice.nodes SET lease_awaited = NULL WHERE lease_awaited = start;"
    "  END IF;"
    "  UPDATE sluice.nodes SET lease_server = start, lease_awaited = NULL WHERE id = me;"
    "END $$;" EXCHANGE(
        "CREATE OR REPLACE", " leased_at = clock_timestamp(),", " allowed boolean;",
        "  allowed := may AND NOT EXISTS(SELECT 1 FROM sluice.nodes WHERE removed_at IS NULL"
        "    AND NOT stopped AND id <> me AND (lease_awaited IS NOT NULL"
        "    OR (lease_server IS DISTINCT FROM pg_postmaster_start_time() AND clock_timestamp() <="
        "    (SELECT max(s.patient_until) FROM sluice.lease_starts s))));",
        NEW_CAP_NOTED, NEW_CAP_SETTLED);
