/* SPDX-License-Identifier: Apache-2.0 */
/* Small endpoints that answer at once: probes, metrics, the front page; and plain errors. */
#ifndef SLUICE_GATEWAY_STATUS_H
#define SLUICE_GATEWAY_STATUS_H

#include "base/error.h"
#include "net/http_server.h"

#define PATH_NAME_MAX 512

struct worker;
struct endpoint;

void status_livez(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body);
void status_readyz(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body);
void status_metrics(struct worker *worker, struct http_exchange *x, struct slice rest,
                    struct slice body);
void status_root(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body);

/* A whole answer with a content type. */
void answer_bytes(struct http_exchange *x, int status, struct slice content_type,
                  struct slice body);
void answer_json(struct http_exchange *x, int status, struct slice body);
/* Status 200 with what was made in a buffer, or 503 when the buffer failed. */
void answer_json_made(struct http_exchange *x, const struct buf *body);
/* An error in the shape of the dialect whose clients use such paths; OpenAI's for all others. */
void answer_error(struct http_exchange *x, int status, const char *code, const char *message);
/* 405 with the methods that this endpoint takes. */
void answer_wrong_method(struct http_exchange *x, const struct endpoint *endpoint);
/* A part of a path without its percent encoding; as it is when that is not valid or does not fit.
 */
struct slice path_decode(struct slice text, char *buffer, size_t size);
void answer_error_of(struct http_exchange *x, const struct error *error);
/* HTTP status of an error kind. */
int error_status(enum error_kind kind);

#endif
