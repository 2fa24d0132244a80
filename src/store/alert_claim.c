/* SPDX-License-Identifier: Apache-2.0 */
#include "store/alert_claim.h"

#include "base/memory.h"
#include "store/postgres.h"

#define QUESTION_MS 2000
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

struct alert_claims {
    struct cluster_member *member;
    struct postgres *postgres;
};

/* Of two nodes at the same moment one inserts; the other waits for it and finds its row. */
static const char sql_claim[] =
    "INSERT INTO alerts AS a(name, node) VALUES($1, $2) ON CONFLICT(name) DO UPDATE"
    " SET node = $2, claimed_at = clock_timestamp(), told = false"
    " WHERE CASE WHEN a.told"
    " THEN $3 > 0 AND a.claimed_at < clock_timestamp() - $3 * interval '1 s'"
    " ELSE a.node = $2 OR a.claimed_at < clock_timestamp() - interval '" TEXT(
        ALERT_CLAIM_S) " s' OR NOT EXISTS (SELECT 1 FROM nodes WHERE id = a.node AND " NODE_IS_LIVE
                       ") END RETURNING true";
static const char sql_look[] = "SELECT told FROM alerts WHERE name = $1";
static const char sql_told[] =
    "UPDATE alerts SET told = true, claimed_at = clock_timestamp() WHERE name = $1 AND node = $2";
static const char sql_forget[] =
    "DELETE FROM alerts WHERE claimed_at < clock_timestamp() - interval '" TEXT(
        ALERTS_KEPT_DAYS) " days'";

struct alert_claims *alert_claims_new(struct cluster_member *member, struct error *error)
{
    struct alert_claims *claims = memory_array(1, sizeof(*claims));
    if (claims == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    claims->member = member;
    claims->postgres = member_postgres(member, "alerts", error);
    if (claims->postgres == NULL || !postgres_set_patience(claims->postgres, QUESTION_MS, error)) {
        alert_claims_free(claims);
        return NULL;
    }
    return claims;
}

void alert_claims_stop(struct alert_claims *claims)
{
    postgres_stop(claims->postgres);
}

void alert_claims_free(struct alert_claims *claims)
{
    if (claims != NULL) {
        postgres_free(claims->postgres);
        memory_free(claims);
    }
}

static bool look(struct alert_claims *claims, struct slice name, enum alert_claim *ret_claim,
                 struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_text(&params, name);
    if (!postgres_query(claims->postgres, sql_look, &params, &rows, error)) {
        return false;
    }
    *ret_claim = rows.count == 1 && postgres_bool(&rows, 0, 0) ? ALERT_TOLD : ALERT_THEIRS;
    postgres_rows_release(&rows);
    return true;
}

bool alert_claim(struct alert_claims *claims, struct slice name, int64_t again_s,
                 enum alert_claim *ret_claim, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    if (!postgres_connect(claims->postgres, error)) {
        return false;
    }
    params_text(&params, name);
    params_int64(&params, member_facts(claims->member).node);
    params_int64(&params, again_s);
    if (!postgres_query(claims->postgres, sql_claim, &params, &rows, error)) {
        return false;
    }
    bool mine = rows.count == 1;
    postgres_rows_release(&rows);
    *ret_claim = ALERT_MINE;
    return mine || look(claims, name, ret_claim, error);
}

bool alert_told(struct alert_claims *claims, struct slice name, struct error *error)
{
    struct postgres_params params = {0};
    params_text(&params, name);
    params_int64(&params, member_facts(claims->member).node);
    return postgres_connect(claims->postgres, error) &&
           postgres_run(claims->postgres, sql_told, &params, NULL, error) &&
           postgres_run(claims->postgres, sql_forget, NULL, NULL, error);
}
