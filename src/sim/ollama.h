/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in Ollama's words: /api/chat, /api/generate, /api/embed, /api/tags, /api/show,
 * /api/version; whole and as lines of JSON.
 */
#ifndef SLUICE_SIM_OLLAMA_H
#define SLUICE_SIM_OLLAMA_H

#include "sim/openai.h"

/* SIM_OLLAMA_CHAT and SIM_OLLAMA_GENERATE, whole or streamed as the request asks. */
void sim_ollama_answer(const struct sim_answer *answer, struct sim_reply *reply);
void sim_ollama_embeddings(const struct sim_answer *answer, struct sim_reply *reply);
void sim_ollama_tags(struct slice models, struct sim_reply *reply);
void sim_ollama_show(struct sim_reply *reply);
void sim_ollama_version(struct sim_reply *reply);
void sim_ollama_refusal(const struct sim_refusal *refusal, struct sim_reply *reply);
void sim_ollama_stream_error(struct sim_reply *reply);

#endif
