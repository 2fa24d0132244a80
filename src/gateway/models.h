/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of models that clients of each dialect ask for: routes and targets under their names.
 * What a list must say of a model and nobody knows (digests, sizes, families) is empty or zero.
 */
#ifndef SLUICE_GATEWAY_MODELS_H
#define SLUICE_GATEWAY_MODELS_H

#include "net/http_server.h"

struct worker;

/* GET /v1/models and /v1/models/{id}: members of OpenAI's and Anthropic's lists side by side. */
void models_list(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body);
void models_one(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body);
/* GET /v1beta/models and /v1beta/models/{id}. */
void models_gemini_list(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body);
void models_gemini_one(struct worker *worker, struct http_exchange *x, struct slice rest,
                       struct slice body);
/* Ollama: GET /api/tags, /api/ps, /api/version, POST /api/show. */
void models_ollama_tags(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body);
void models_ollama_running(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body);
void models_ollama_version(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body);
void models_ollama_show(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body);

#endif
