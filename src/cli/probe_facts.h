/* SPDX-License-Identifier: Apache-2.0 */
/* What model servers say of their models, read. Pure; what is not understood is not told. */
#ifndef SLUICE_CLI_PROBE_FACTS_H
#define SLUICE_CLI_PROBE_FACTS_H

#include "base/arena.h"
#include "config/known_model.h"

/* The models of an answer's body: OpenAI's {"data": [{"id": ...}]} with vLLM's `max_model_len` or
   llama.cpp's `meta` (`n_ctx`, else `n_ctx_train`), or Ollama's {"models": [{"name": ...}]}. Names
   with characters that no model name has, and models that cannot chat by their name (embeddings,
   rerankers), are left out. Returns how many were written to `models` (PROBE_MODELS_MAX at most);
   *ret_listed counts those beyond them too. */
size_t probe_read_models(struct slice body, struct arena *arena, struct known_model *models,
                         size_t *ret_listed);

/* Ollama's /api/show: `capabilities`, and the window: the model's own `num_ctx`, else what it was
 * trained for (`model_info.*.context_length`). */
void probe_read_show(struct slice body, struct arena *arena, struct known_model *model);

/* llama.cpp's /props: the window that it runs with; 0: not told. */
int64_t probe_read_props(struct slice body);

#endif
