/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_ship_fold.h"

#include "store/ledger_spend.h"

#define NUMBER(value) NUMBER_OF(value)
#define NUMBER_OF(value) #value

/* Of a day whose month is to be put together the place is the month's from the first time on. */
#define DAY_END "bucket_s / 86400 * 86400 + 85500"
#define MONTH_END                                                                                  \
    "extract(epoch FROM date_trunc('month', to_timestamp(bucket_s) AT TIME ZONE 'UTC')"            \
    " + interval '1 month')::bigint"
static const char fold_sql[] =
    "WITH today AS (SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE"
    " 'UTC'))::bigint AS s), placed AS (SELECT kind, scope, model, bucket_s, CASE WHEN " MONTH_END
    " <= today.s - 86400 * " NUMBER(
        SPEND_DAYS_KEPT) " THEN " MONTH_END " - 900 ELSE " DAY_END
                         " END AS place FROM spend, today WHERE"
                         " node = $1 AND bucket_s > 0 AND bucket_s < today.s),"
                         " chosen AS (SELECT * FROM placed WHERE place <> bucket_s"
                         " LIMIT " NUMBER(
                             FOLD_ROWS) "), old AS (DELETE FROM spend s USING chosen c WHERE"
                                        " s.node = $1 AND (s.kind, s.scope, s.model, s.bucket_s) ="
                                        " (c.kind, c.scope, c.model, c.bucket_s)"
                                        " RETURNING s.kind, s.scope, s.model, c.place, s.cost_nd)"
                                        " INSERT INTO spend AS s(kind, scope, model, bucket_s,"
                                        " node, cost_nd) SELECT kind, scope, model, place, $1,"
                                        " sum(cost_nd) FROM old GROUP BY kind, scope, model, place"
                                        " ORDER BY kind, scope, model, place"
                                        " ON CONFLICT (kind, scope, model, bucket_s, node)"
                                        " DO UPDATE SET cost_nd = s.cost_nd + excluded.cost_nd";
_Static_assert(SPEND_BUCKET_S == 900, "as in the statement");

bool ship_fold(struct postgres *postgres, int64_t node, bool *ret_more, struct error *error)
{
    struct postgres_params params = {0};
    int64_t folded = 0;
    params_int64(&params, node);
    bool done = postgres_run(postgres, fold_sql, &params, &folded, error);
    *ret_more = done && folded > 0;
    return done;
}
