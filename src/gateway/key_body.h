/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of key_api.h, read. Pure. What they say lives as long as the body and the reader. */
#ifndef SLUICE_GATEWAY_KEY_BODY_H
#define SLUICE_GATEWAY_KEY_BODY_H

#include "codec/json.h"
#include "gateway/key_api.h"

struct key_body {
    struct json_doc doc;
    struct arena arena;
    struct error *error;
    int64_t wall_s;

    /* CREATE */
    struct key_order order;
    struct limit_order limits[LIMIT_MODELS_MAX + 1]; /* the first one: of every model */
    struct grant grants[GRANTS_MAX];
    /* REVOKE, ROTATE, ACKNOWLEDGE */
    struct slice which;
    int64_t overlap_s;
    struct slice token;      /* of REVOKE, in place of `which`: the id of a token, which ends */
    int64_t token_expires_s; /* at this time; 0: nobody knows */
    /* LIMIT */
    struct limit_subject subject;
    bool has_subject;
    struct limit_change change;
};

/* False: *error with a pointer to the member. Release it in any case. */
MUST_USE bool key_body_read(struct key_body *body, enum key_operation operation, struct slice text,
                            int64_t wall_s, struct error *error);
void key_body_release(struct key_body *body);
/* "total", "day" ... */
extern const char *const cap_period_words[CAP_PERIODS];
/* "90s", "15m", "24h", "30d", "2w": up to ten years; in seconds. */
MUST_USE bool duration_parse(struct slice text, int64_t *ret_s);

#endif
