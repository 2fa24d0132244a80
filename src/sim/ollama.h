/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in Ollama's words: /api/chat, /api/generate, /api/embed, /api/tags, /api/show,
 * /api/version; whole and as lines of JSON.
 */
#ifndef SLUICE_SIM_OLLAMA_H
#define SLUICE_SIM_OLLAMA_H

#include "sim/openai.h"

bool sim_ollama_read(struct sim_reading *r);
bool sim_ollama_read_embed(struct sim_reading *r);

#endif
