/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table: one for each dialect, defined in the file of its name. */
#ifndef SLUICE_DIALECT_ROWS_H
#define SLUICE_DIALECT_ROWS_H

#include "dialect/dialect.h"

extern const struct dialect dialect_anthropic;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_ollama;
extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_completions;
extern const struct dialect dialect_openai_embeddings;
extern const struct dialect dialect_openai_responses;

#endif
