/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The project's own API under /sluice/v1/. What asks the ledger runs on libuv's thread pool and
 * answers later; an exchange whose client left meanwhile is not touched.
 */
#ifndef SLUICE_GATEWAY_ADMIN_H
#define SLUICE_GATEWAY_ADMIN_H

#include "net/http_server.h"

struct worker;

void admin_explain(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body);
void admin_calls(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body);
void admin_call(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body);
void admin_calibration(struct worker *worker, struct http_exchange *x, struct slice rest,
                       struct slice body);
void admin_report(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body);
void admin_targets(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body);
void admin_target_switch(struct worker *worker, struct http_exchange *x, struct slice rest,
                         struct slice body);
void admin_prices(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body);
void admin_keys(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body);

void admin_key(struct worker *worker, struct http_exchange *x, struct slice rest,
               struct slice body);
void admin_key_create(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body);
void admin_key_revoke(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body);
void admin_key_rotate(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body);
void admin_key_acknowledge(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body);
void admin_key_reseal(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body);
void admin_limits(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body);
void admin_scopes(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body);
void admin_audit(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body);
void admin_audit_verify(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body);

#define ADMIN_JOB_MAGIC 0x4a4f4221u
/* The client of a pending query left. */
void admin_job_gone(void *job);

#endif
