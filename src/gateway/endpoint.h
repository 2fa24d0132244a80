/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints: path and method -> what answers. Inference endpoints name a dialect and become calls;
 * the others answer by themselves. Every row states who may use it, so that an endpoint without a
 * policy cannot exist.
 */
#ifndef SLUICE_GATEWAY_ENDPOINT_H
#define SLUICE_GATEWAY_ENDPOINT_H

#include "dialect/dialect.h"
#include "net/http_server.h"

struct worker;

enum access {
    ACCESS_PUBLIC, /* probes: no key, no content */
    ACCESS_SCRAPE, /* metrics: no key, but nothing for web pages of other sites */
    ACCESS_KEY,    /* a client key where keys are required */
    ACCESS_OWN,    /* a client key, which sees what is its own; else as ACCESS_ADMIN */
    ACCESS_ADMIN,  /* the admin listeners; in front only while keys are not required (loopback) */
    ACCESS_OWNER,  /* the admin listeners only: what changes keys */
};

struct endpoint {
    struct slice name;   /* of metrics and the ledger: the path pattern */
    struct slice path;   /* exact; a trailing '*' in `prefix` rows matches the rest */
    struct slice suffix; /* of `prefix` rows: what the path must end in, e.g. ":generateContent" */
    bool prefix;
    enum http_method method;
    enum access access;
    bool scoped; /* of ACCESS_ADMIN and ACCESS_OWNER: shows and changes an administrator what is
                    below its own scopes only; others are closed to who has any */
    bool inference;
    enum dialect_id dialect; /* of inference endpoints */
    enum operation operation;
    bool model_in_path; /* `rest` is the model, percent-encoded */
    bool stream;        /* the path says that the answer is a stream */
    /* Of the others: answers, now or later. `rest` is what a prefix row matched, `body` the
     * request's. */
    void (*answer)(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body);
};

extern const struct endpoint endpoints[];
extern const size_t endpoint_count;

enum endpoint_match { ENDPOINT_FOUND, ENDPOINT_UNKNOWN, ENDPOINT_WRONG_METHOD };
/* *ret_rest: the part of the path behind a prefix. *ret_endpoint is also set when only the method
 * is wrong. */
enum endpoint_match endpoint_find(const struct http_request *request,
                                  const struct endpoint **ret_endpoint, struct slice *ret_rest);
size_t endpoint_index(const struct endpoint *endpoint);

#endif
